"""Resistive memory whose spread around the target was measured at three times after programming."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, second, siemens, usiemens
from numpy.typing import ArrayLike

from hardware_models.checks import quantity, whole
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells, Faults, draw_pairs
from hardware_models.memory.curve import Array, coefficients, polynomial
from hardware_models.memory.emulated import OF_WRITING, Answer, Conduction, Keeping, answer_of
from hardware_models.memory.memory import DAY, seconds, without_drift
from hardware_models.memory.moments import Moments
from hardware_models.memory.pair import missed_pair, pair_sigma, steps_of, write_pair
from hardware_models.memory.ranges import conductances_in_order, not_beyond
from hardware_models.memory.text import HUGE, joined, pair_text, polynomial_text, terms_of
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.process import Conditions
from hardware_models.quantity import QuantityError


@attrs.frozen(kw_only=True)
class Snapshot:
    """σ = Σ c_k y^k in µS at one time after programming,  y = g/g_fit."""

    time: Quantity = attrs.field(default=1 * second, validator=quantity(0 * second, above=0), eq=float)
    sigma: tuple[float, ...] = attrs.field(
        default=(0.348, 16.030, -43.853, 45.393, -16.815), validator=coefficients
    )
    """c_k."""


@attrs.frozen(kw_only=True)
class Rram:
    """σ(y, t) around the target, linear in ln t between three snapshots;  from programming on it grows by

    √(σ(y, t)² − σ(y, t₀)²), never less than nothing, in each device of a pair.

    Defaults: Wan et al., Nature 2022, Extended Data Fig. 3, fitted by aihwkit (ReRamWan2022NoiseModel): 1 s, 1 d, 2 d.
    The polynomials are in µS of y = g/40 µS: a fit of the same figure in CrossSim, cubic in g, gives 2.36 µS where
    this one gives 2.02 at 20 µS. aihwkit means to scale them from 40 µS to the g_max in use, but compares g_max with
    itself, so that σ stays what it is at 40 µS whatever g_max is, at the wrong conductance. Here y knows only g_fit.
    Milo et al. 2021, 50 to 225 µS, σ = 4.782 − .0091 g/µS, is g_fit = 225 µS with c = (4.782, −2.0475), three times.
    """

    differential: ClassVar[bool] = True

    g_min: Quantity = attrs.field(default=0 * usiemens, validator=quantity(0 * siemens, least=0), eq=float)
    g_max: Quantity = attrs.field(default=40 * usiemens, validator=quantity(0 * siemens, above=0), eq=float)
    """That of a weight of full scale."""
    g_fit: Quantity = attrs.field(default=40 * usiemens, validator=quantity(0 * siemens, above=0), eq=float)
    """y = 1."""
    early: Snapshot = attrs.field(factory=Snapshot)
    """Its time is t₀."""
    middle: Snapshot = attrs.field(
        factory=lambda: Snapshot(time=DAY, sigma=(0.701, 22.086, -50.773, 47.095, -16.458))
    )
    late: Snapshot = attrs.field(
        factory=lambda: Snapshot(time=2 * DAY, sigma=(0.782, 20.274, -43.507, 37.062, -11.934))
    )
    read: tuple[float, ...] = attrs.field(default=(0.2828,), validator=coefficients)
    """σ of a reading of one device, as c_k in µS. aihwkit advises 1 % of full scale for a weight: .4 µS over √2."""
    steps: int = attrs.field(default=0, validator=whole(least=0, most=2**16))
    """Between g_min and g_max that programming aims at; 0: analog."""
    faults: Faults = attrs.field(factory=Faults)
    update_law: UpdateLaw = attrs.field(
        factory=lambda: UpdateLaw(smallest_step=0.462, device_spread=0.71, cycle_spread=0.2174, soft=True)
    )
    """HfO2 array of Gong et al., IEDM 2022, as in aihwkit (ReRamArrayHfO2PresetDevice); not of Wan's devices."""

    def __attrs_post_init__(self) -> None:
        conductances_in_order(self.g_min, self.g_max, self.g_fit)
        times = [float(snapshot.time) for snapshot in self._snapshots]
        if not times[0] < times[1] < times[2]:
            raise QuantityError("early, middle, late in order of time", f"{times} s", "early")

    @property
    def _snapshots(self) -> tuple[Snapshot, Snapshot, Snapshot]:
        return self.early, self.middle, self.late

    @property
    def lowest(self) -> float:
        """x_min = g_min/g_max."""
        return float(self.g_min / self.g_max)

    @property
    def reference_time(self) -> Quantity:
        """t₀."""
        return self.early.time

    def at(self, conditions: Conditions) -> Rram:
        """Itself: the curves are those of room temperature."""
        return self

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """Which devices are dead, and the steps of the others."""
        return draw_pairs(shape, generator, law=self.update_law, faults=self.faults, lowest=self.lowest)

    def levels(self, weights: ArrayLike) -> Array:
        """The nearest of the steps."""
        return steps_of(weights, self.steps)

    def spread(self, x: Array, time: Quantity) -> Array:
        """σ/g_max of devices x = g/g_max around their target; QuantityError beyond the late snapshot."""
        now = seconds(time)
        not_beyond(now, self.late.time)
        return self._spread(x, np.array(now))

    def _spread(self, x: Array, now: Array) -> Array:
        logs = np.log([float(snapshot.time) for snapshot in self._snapshots])
        result = np.zeros(np.shape(x))
        for snapshot, unit in zip(self._snapshots, np.eye(3), strict=True):
            share = np.interp(np.log(np.maximum(now, float(self.early.time))), logs, unit)  # a hat function
            result += share * self._microsiemens(snapshot.sigma, x)
        return result / float(self.g_max / usiemens)

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """Both devices miss by σ of the early snapshot."""
        aim = self.levels(weights)
        stuck = (cells or self.draw(aim.shape, generator)).fitting(aim.shape).stuck
        return write_pair(
            aim, lambda x: self.spread(x, self.reference_time), generator, lowest=self.lowest, stuck=stuck
        )

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """0: its mean stays."""
        return without_drift(weights)

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """What σ has grown by since programming, added; conductances are not clipped a second time."""
        now = seconds(time)
        not_beyond(now, self.late.time)
        return self._relaxed(
            np.asarray(weights, float), np.array(now), generator.standard_normal(np.shape(weights))
        )

    def _relaxed(self, weights: Array, now: Array, normals: Array) -> Array:
        return self._left(weights, now).drawn(normals)

    def _left(self, weights: Array, now: Array) -> Moments:
        start = np.array(float(self.reference_time))

        def grown(x: Array) -> Array:
            return np.sqrt(np.maximum(self._spread(x, now) ** 2 - self._spread(x, start) ** 2, 0))

        return Moments(mean=weights, sigma=pair_sigma(weights, grown, lowest=self.lowest))

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """Of both devices, whatever the time."""
        seconds(time)
        scale = float(self.g_max / usiemens)
        return pair_sigma(weights, lambda x: self._microsiemens(self.read, x) / scale, lowest=self.lowest)

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
        """What σ has grown by, times a normal that each writing draws anew."""

        def lines(device: str) -> list[str]:
            early, middle, late = (
                f"(clip({polynomial_text(name, len(snapshot.sigma), f'y_{device}')}, 0, {HUGE})/g_scale)"
                for name, snapshot in self._named.items()
            )
            return [
                f"y_{device} = clip({device}*fitted, 0, 1)",
                f"first_{device} = {early}",
                f"more_{device} = to_middle*({middle} - {early}) + to_late*({late} - {middle})",
            ]

        # σ(t)² − σ(t₀)², without the difference of two squares that are alike
        grown = [f"clip(more_{d}*(2*first_{d} + more_{d}), 0, {HUGE})" for d in ("plus", "minus")]
        nl = "\n"
        text = f"""{pair_text("x")}
since = log(clip(age/t_early, 1, {HUGE}))
to_middle = clip(since/log(t_middle/t_early), 0, 1)
to_late = clip((since - log(t_middle/t_early))/log(t_late/t_middle), 0, 1)
{nl.join([*lines("plus"), *lines("minus")])}
kept = x + {joined(*grown)}*fate"""
        times = {
            f"t_{name}": Parameter(value=snapshot.time, meaning=f"when the {name} spread was measured")
            for name, snapshot in self._named.items()
        }
        parameters = {**self._scales(), **times}
        for name, snapshot in self._named.items():
            parameters |= terms_of(name, snapshot.sigma, f"{name} spread, µS")
        fragment = Fragment(equations="", after=text, parameters=parameters)
        return Keeping(
            statements=fragment,
            kept=self._relaxed,
            moments=self._left,
            fate=OF_WRITING,
            until=self.late.time,
            loses=True,
        )

    @property
    def _named(self) -> dict[str, Snapshot]:
        return dict(zip(("early", "middle", "late"), self._snapshots, strict=True))

    def conduction(self, cells: Cells) -> Conduction:
        """What they keep."""
        return Conduction()

    def answer(self, cells: Cells) -> Answer:
        """By its law."""
        return answer_of(self.update_law, cells)

    def reading(self) -> Fragment | None:
        """`read_sigma`."""

        def variance(device: str) -> str:
            y = f"clip({device}*fitted, 0, 1)"
            return f"(clip({polynomial_text('read', len(self.read), y)}, 0, {HUGE})/g_scale)**2"

        text = f"""{pair_text("kept")}
sigma = {joined(variance("plus"), variance("minus"))}"""
        terms = terms_of("read", self.read, "read noise, µS")
        return Fragment(equations="", after=text, parameters={**self._scales(), **terms})

    def _scales(self) -> dict[str, Parameter]:
        return {
            "lowest": Parameter(value=self.lowest, meaning="g_min/g_max"),
            "fitted": Parameter(value=float(self.g_max / self.g_fit), meaning="g_max/g_fit"),
            "g_scale": Parameter(value=float(self.g_max / usiemens), meaning="g_max, µS"),
        }

    def _microsiemens(self, terms: tuple[float, ...], x: Array) -> Array:
        """A polynomial of y, no less than 0; what lies beyond y = 1 counts as 1."""
        return np.maximum(polynomial(terms, np.minimum(x * float(self.g_max / self.g_fit), 1.0)), 0)
