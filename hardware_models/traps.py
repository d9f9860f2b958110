"""Single traps that capture and emit electrons: how many, how strong, how slow; draws them for the units of a part."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from brian2 import Quantity, amp, farad, metre, second, volt
from brian2.units.constants import elementary_charge
from numpy.typing import NDArray
from scipy.stats import poisson

from hardware_models.checks import quantity
from hardware_models.ekv import Transistor
from hardware_models.quantity import QuantityError

Array = NDArray[np.float64]

LEFT_OUT = 1e-6
"""Chance that a unit has more traps than there are places for; those are left out. Chosen."""
MOST = 16
"""Places for traps of one state: where there are more, their sum is 1/f noise. Chosen."""


@attrs.frozen(kw_only=True)
class Traps:
    """Traps that stand out of the 1/f noise: a threshold steps by ΔV = q/(C_ox W L) as one captures an electron.

    Their number in a device is Poisson with mean density · WL; times of capture and emission are log-uniform, each by
    itself (Kirton and Uren 1989: uniform in depth and energy). A process's `flicker` stands for all other traps.
    """

    density: Quantity = attrs.field(default=0 / metre**2, validator=quantity(1 / metre**2, least=0), eq=float)
    """Per gate area, 1/m²; 0: none."""
    gate_capacitance: Quantity = attrs.field(
        default=4.3e-3 * farad / metre**2, validator=quantity(farad / metre**2, above=0), eq=float
    )
    """C_ox, F/m²."""
    fastest: Quantity = attrs.field(default=1e-4 * second, validator=quantity(0 * second, above=0), eq=float)
    """Shortest mean time of capture or emission."""
    slowest: Quantity = attrs.field(default=10 * second, validator=quantity(0 * second, above=0), eq=float)
    """Longest."""

    def number(self, transistor: Transistor) -> float:
        """Mean number in a device."""
        return float(self.density * transistor.area)

    def step(self, transistor: Transistor) -> Quantity:
        """ΔV of a device's threshold, V."""
        return Quantity(elementary_charge / (self.gate_capacitance * transistor.area) / volt) * volt


@attrs.frozen(kw_only=True, eq=False)
class TrapDraw:
    """The traps of the units of one state, (n_units, n_places) each; a place without a trap has a current of 0."""

    current: Quantity
    """By which the current into the state steps, A; either sign."""
    capture: Array
    """Mean time in the lower state, s."""
    emission: Array
    """Mean time in the upper state, s."""

    @property
    def chance(self) -> Array:
        """Of the upper state."""
        return self.emission / (self.capture + self.emission)

    @property
    def tau(self) -> Array:
        """Correlation time, s."""
        return 1 / (1 / self.capture + 1 / self.emission)


def draw_traps(
    traps: Traps, kinds: Sequence[tuple[float, Quantity]], n_units: int, generator: np.random.Generator
) -> TrapDraw | None:
    """Of units whose devices have `kinds` of traps: (mean number in a unit, step of the current); None: none.

    The number of places depends on the means alone, so that all chips of a lot have the same.
    """
    total = sum(mean for mean, _ in kinds)
    if total == 0:
        return None
    if float(traps.fastest) > float(traps.slowest):
        raise QuantityError(f"at least {traps.fastest}", str(traps.slowest), "slowest")
    places = max(1, int(poisson.isf(LEFT_OUT, total)))
    if places > MOST:
        raise QuantityError(
            f"a density at which a unit has few traps; more than {MOST} are 1/f noise, which `flicker` is for",
            f"{traps.density}, {total:.3g} traps a unit",
            "density",
        )
    shape = (n_units, places)
    present = np.arange(places) < generator.poisson(total, n_units)[:, None]
    steps = np.array([float(step / amp) for _, step in kinds])
    kind = generator.choice(len(kinds), shape, p=[mean / total for mean, _ in kinds])
    current = present * steps[kind] * generator.choice([-1.0, 1.0], shape)
    low, high = np.log(float(traps.fastest)), np.log(float(traps.slowest))
    return TrapDraw(
        current=current * amp,
        capture=np.exp(generator.uniform(low, high, shape)),
        emission=np.exp(generator.uniform(low, high, shape)),
    )
