"""Charge-trap (SONOS) memory read in weak inversion: the current is the weight, its spread grows for days."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, amp, namp, second
from numpy.typing import ArrayLike

from hardware_models.checks import fraction, quantity, whole
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells, Faults, draw_pairs
from hardware_models.memory.curve import Array
from hardware_models.memory.emulated import OF_WRITING, Answer, Conduction, Keeping, answer_of
from hardware_models.memory.memory import DAY, seconds, without_drift
from hardware_models.memory.moments import Moments
from hardware_models.memory.pair import missed_pair, pair_sigma, steps_of, write_pair
from hardware_models.memory.ranges import not_beyond
from hardware_models.memory.text import HUGE, joined, pair_text
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.process import Conditions
from hardware_models.quantity import QuantityError


@attrs.frozen(kw_only=True)
class Saturating:
    """σ_I = A (1 − e^(−I/B))."""

    spread: Quantity = attrs.field(default=19.89 * namp, validator=quantity(0 * amp, least=0), eq=float)
    """A."""
    scale: Quantity = attrs.field(default=176.3 * namp, validator=quantity(0 * amp, above=0), eq=float)
    """B."""


@attrs.frozen(kw_only=True)
class Sonos:
    """σ_I(t) = A(t) (1 − e^(−I/B(t))),  A and B linear in t between programming, 1 d and 4 d;   Ī(t) = I (1 − loss(t)).

    x = I/I_max. Defaults: 40 nm SONOS of Agrawal et al., IEDM 2022, fitted in CrossSim up to 1.6 µA. The loss of the
    mean is ours: a line through zero under CrossSim's polynomials of tenth degree, which it meets within 2.3 nA (1 d)
    and 6.5 nA (4 d) up to 1.4 µA; beyond that those polynomials bend down steeply. After four days it is larger
    than the spread.
    """

    differential: ClassVar[bool] = True

    i_min: Quantity = attrs.field(default=0 * namp, validator=quantity(0 * amp, least=0), eq=float)
    i_max: Quantity = attrs.field(default=1600 * namp, validator=quantity(0 * amp, above=0), eq=float)
    """That of a weight of full scale."""
    programmed: Saturating = attrs.field(factory=Saturating)
    day: Saturating = attrs.field(factory=lambda: Saturating(spread=25.59 * namp, scale=186.9 * namp))
    four_days: Saturating = attrs.field(factory=lambda: Saturating(spread=33.76 * namp, scale=204.8 * namp))
    day_loss: float = attrs.field(default=0.029, validator=fraction)
    four_days_loss: float = attrs.field(default=0.043, validator=fraction)
    read: Saturating = attrs.field(factory=lambda: Saturating(spread=12.58 * namp, scale=215.4 * namp))
    steps: int = attrs.field(default=0, validator=whole(least=0, most=2**16))
    """Between i_min and i_max that programming aims at; 0: analog."""
    faults: Faults = attrs.field(factory=Faults)
    update_law: UpdateLaw = attrs.field(factory=UpdateLaw)
    """Of no paper: the ideal one."""

    def __attrs_post_init__(self) -> None:
        if not float(self.i_min) < float(self.i_max):
            raise QuantityError(f"i_min below i_max, {self.i_max}", str(self.i_min), "i_min")

    @property
    def lowest(self) -> float:
        """x_min = I_min/I_max."""
        return float(self.i_min / self.i_max)

    @property
    def reference_time(self) -> Quantity:
        """0: right after programming."""
        return 0 * second

    def at(self, conditions: Conditions) -> Sonos:
        """Itself: the curves are those of room temperature."""
        return self

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """Which devices are dead, and the steps of the others."""
        return draw_pairs(shape, generator, law=self.update_law, faults=self.faults, lowest=self.lowest)

    def levels(self, weights: ArrayLike) -> Array:
        """The nearest of the steps."""
        return steps_of(weights, self.steps)

    def spread(self, x: Array, time: Quantity) -> Array:
        """σ_I/I_max of devices x = I/I_max; QuantityError beyond four days."""
        now = seconds(time)
        not_beyond(now, 4 * DAY)
        return self._spread(x, np.array(now))

    def _spread(self, x: Array, now: Array) -> Array:
        return self._sigma(x, self._between(now, "spread"), self._between(now, "scale"))

    def loss(self, time: Quantity) -> float:
        """Of the mean current."""
        return float(self._loss(np.array(seconds(time))))

    def _loss(self, now: Array) -> Array:
        return np.asarray(np.interp(now / float(DAY), [0, 1, 4], [0, self.day_loss, self.four_days_loss]))

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """Both devices miss by σ_I of programming."""
        aim = self.levels(weights)
        stuck = (cells or self.draw(aim.shape, generator)).fitting(aim.shape).stuck
        return write_pair(
            aim, lambda x: self.spread(x, self.reference_time), generator, lowest=self.lowest, stuck=stuck
        )

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """0: it loses current by no power law."""
        return without_drift(weights)

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """w (1 − loss), and what σ_I has grown by since programming; currents are not clipped a second time."""
        now = seconds(time)
        not_beyond(now, 4 * DAY)
        return self._relaxed(
            np.asarray(weights, float), np.array(now), generator.standard_normal(np.shape(weights))
        )

    def _relaxed(self, weights: Array, now: Array, normals: Array) -> Array:
        return self._left(weights, now).drawn(normals)

    def _left(self, weights: Array, now: Array) -> Moments:
        def grown(x: Array) -> Array:
            return np.sqrt(np.maximum(self._spread(x, now) ** 2 - self._spread(x, np.array(0.0)) ** 2, 0))

        sigma = pair_sigma(weights, grown, lowest=self.lowest)
        return Moments(mean=weights * (1 - self._loss(now)), sigma=sigma)

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """Of both devices, whatever the time."""
        seconds(time)
        read = float(self.read.spread), float(self.read.scale)
        return pair_sigma(weights, lambda x: self._sigma(x, *read), lowest=self.lowest)

    def _between(self, now: Array, name: str) -> Array:
        """A or B at a time, A."""
        measured = [float(getattr(s, name)) for s in (self.programmed, self.day, self.four_days)]
        return np.asarray(np.interp(now / float(DAY), [0, 1, 4], measured))

    def _sigma(self, x: Array, spread: ArrayLike, scale: ArrayLike) -> Array:
        current = np.maximum(x, 0) * float(self.i_max)
        return np.asarray(-np.asarray(spread) / float(self.i_max) * np.expm1(-current / np.asarray(scale)))

    def store(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """As `program`."""
        return self.program(weights, generator, cells=cells)

    def after_writing(self, levels: ArrayLike) -> Moments:
        """Both devices miss, and none goes below zero."""
        return missed_pair(
            np.asarray(levels, float), lambda x: self.spread(x, self.reference_time), lowest=self.lowest
        )

    def keeping(self) -> Keeping:
        """What the mean loses, and what σ has grown by, times a normal that each writing draws anew."""

        def grown(device: str) -> str:
            now = f"({_now('spread')}*(1 - exp(-{device}*i_max/{_now('scale')})))"
            # at age 0 both are the same but for rounding, of which no root is to be taken
            start = f"(spread_programmed*(1 - exp(-{device}*i_max/scale_programmed)))"
            return f"clip({now}**2 - {start}**2, 0*amp**2, {HUGE}*amp**2)"

        text = f"""{pair_text("x")}
to_day = clip(age/t_day, 0, 1)
to_four = clip((age/t_day - 1)/3, 0, 1)
lost = loss_day*to_day + (loss_four_days - loss_day)*to_four
aged = int(age > 0*second)
kept = x*(1 - lost) + aged*{joined(grown("plus"), grown("minus"))}/i_max*fate"""
        parameters = {
            **self._scales(),
            "t_day": Parameter(value=DAY, meaning="a day"),
            "loss_day": Parameter(value=float(self.day_loss), meaning="what the mean loses in a day"),
            "loss_four_days": Parameter(value=float(self.four_days_loss), meaning="in four days"),
        }
        for name in ("programmed", "day", "four_days"):
            curve = getattr(self, name)
            parameters[f"spread_{name}"] = Parameter(value=curve.spread, meaning="A of a device's current")
            parameters[f"scale_{name}"] = Parameter(value=curve.scale, meaning="B of a device's current")
        fragment = Fragment(equations="", after=text, parameters=parameters)
        return Keeping(
            statements=fragment,
            kept=self._relaxed,
            moments=self._left,
            fate=OF_WRITING,
            until=4 * DAY,
            loses=True,
        )

    def conduction(self, cells: Cells) -> Conduction:
        """What they keep."""
        return Conduction()

    def answer(self, cells: Cells) -> Answer:
        """By its law."""
        return answer_of(self.update_law, cells)

    def reading(self) -> Fragment | None:
        """`read_sigma`."""

        def variance(device: str) -> str:
            return f"(spread_read*(1 - exp(-{device}*i_max/scale_read)))**2"

        text = f"""{pair_text("kept")}
sigma = {joined(variance("plus"), variance("minus"))}/i_max"""
        parameters = {
            **self._scales(),
            "spread_read": Parameter(value=self.read.spread, meaning="A of a reading's noise"),
            "scale_read": Parameter(value=self.read.scale, meaning="B of a reading's noise"),
        }
        return Fragment(equations="", after=text, parameters=parameters)

    def _scales(self) -> dict[str, Parameter]:
        return {
            "lowest": Parameter(value=self.lowest, meaning="I_min/I_max"),
            "i_max": Parameter(value=self.i_max, meaning="current of full scale"),
        }


def _now(name: str) -> str:
    """A or B between its three times, as text."""
    first, second, third = (f"{name}_{time}" for time in ("programmed", "day", "four_days"))
    return f"({first} + ({second} - {first})*to_day + ({third} - {second})*to_four)"
