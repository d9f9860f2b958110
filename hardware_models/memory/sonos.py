"""Charge-trap (SONOS) memory read in weak inversion: the current is the weight, its spread grows for days."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, amp, namp, second
from numpy.typing import ArrayLike

from hardware_models.checks import fraction, quantity, whole
from hardware_models.memory.cells import Cells, Faults, draw_pairs
from hardware_models.memory.curve import Array
from hardware_models.memory.memory import DAY, seconds, without_drift
from hardware_models.memory.pair import pair_sigma, steps_of, write_pair
from hardware_models.memory.ranges import not_beyond
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
        at = [self._between(seconds(time), name) for name in ("spread", "scale")]
        return self._sigma(x, at[0], at[1])

    def loss(self, time: Quantity) -> float:
        """Of the mean current."""
        return float(
            np.interp(seconds(time) / float(DAY), [0, 1, 4], [0, self.day_loss, self.four_days_loss])
        )

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

        def grown(x: Array) -> Array:
            more = self.spread(x, time) ** 2 - self.spread(x, self.reference_time) ** 2
            return np.sqrt(np.maximum(more, 0))

        sigma = pair_sigma(weights, grown, lowest=self.lowest)
        kept = np.asarray(weights, float) * (1 - self.loss(time))
        return np.asarray(kept + sigma * generator.standard_normal(sigma.shape))

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """Of both devices, whatever the time."""
        seconds(time)
        read = float(self.read.spread), float(self.read.scale)
        return pair_sigma(weights, lambda x: self._sigma(x, *read), lowest=self.lowest)

    def _between(self, now: float, name: str) -> float:
        """A or B at a time, A."""
        not_beyond(now, 4 * DAY)
        measured = [float(getattr(s, name)) for s in (self.programmed, self.day, self.four_days)]
        return float(np.interp(now / float(DAY), [0, 1, 4], measured))

    def _sigma(self, x: Array, spread: float, scale: float) -> Array:
        current = np.maximum(x, 0) * float(self.i_max)
        return -spread / float(self.i_max) * np.expm1(-current / scale)
