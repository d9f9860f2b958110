"""The noise current into one state of a circuit: which transconductors make it, and what it consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from brian2 import Quantity, second

from hardware_models.coupling import OperatingPoint
from hardware_models.noise import Relaxations, flicker_relaxations
from hardware_models.quantity import QuantityError

if TYPE_CHECKING:
    from hardware_models.chip import Chip

LONGEST_LADDER = 15
"""Relaxations of one state, one a decade."""


@attrs.frozen(kw_only=True, eq=False)
class CurrentNoise:
    """Of transconductors into one node: densities add, those of an amplifier that they share as amplitudes."""

    white: Quantity
    """One-sided density, A²/Hz."""
    flicker: Quantity
    """One-sided density of the 1/f^x part at 1 Hz, A²/Hz."""
    exponent: float
    """x."""
    traps: tuple[tuple[float, Quantity], ...] = ()
    """(mean number, step of the current in A) of each kind of device."""

    @staticmethod
    def of(point: OperatingPoint, *, times: float = 1.0, squares: float | None = None) -> CurrentNoise:
        """That of `times` transconductors at a point.

        squares : Σ (g_i/g)², where they are smaller copies: white noise grows with g, flicker with g².
        """
        alike = times**2 if point.shared else times
        return CurrentNoise(
            white=point.white_of(times),
            flicker=(alike if squares is None else squares) * point.flicker,
            exponent=point.flicker_exponent,
            traps=tuple((times * mean, step) for mean, step in point.traps),
        )

    def relaxations(self, slowest: Quantity, step: Quantity) -> Relaxations:
        """The 1/f^x part as relaxations in A, one a decade, the slowest first; none where there is no such part.

        From the time constant that is given down to the fastest that steps resolve, τ ≥ step: a corner at up to 1/π of
        the highest frequency there is. They are the same whatever the noise, so that a chip's models share them.

        Raises
        ------
        QuantityError : more than `LONGEST_LADDER` of them.
        """
        if float(self.flicker) == 0:
            return Relaxations(amplitudes=np.zeros(0), taus=np.zeros(0))
        lowest = 1 / (2 * np.pi * float(slowest / second))
        decades = max(0, int(np.floor(np.log10(float(slowest / step)) + 1e-9)))
        if decades >= LONGEST_LADDER:
            raise QuantityError(
                f"at most {LONGEST_LADDER - 1} decades above the time step {step}", f"{slowest}"
            )
        return flicker_relaxations(
            float(self.flicker), lowest=lowest, highest=lowest * 10.0**decades, exponent=self.exponent
        )


def soma_current_noise(chip: Chip, tau_soma: Quantity, *, inputs: int) -> CurrentNoise:
    """Into a soma: of its leak and of the transconductors from `inputs` dendrites."""
    return CurrentNoise.of(chip.soma_point(tau_soma), times=1 + inputs)


def dendrite_current_noise(chip: Chip, name: str) -> CurrentNoise:
    """Into the compartment "basal" or "apical": of the transconductor that is its conductance."""
    return CurrentNoise.of(chip.dendrite_point(name))


def integrator_current_noise(chip: Chip, leak: float) -> CurrentNoise:
    """Into an integrator such as the controller's: of its input, and of a leak that is `leak` times as large."""
    return CurrentNoise.of(chip.controller_point(), times=1 + leak, squares=1 + leak**2)
