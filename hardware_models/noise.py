"""Noise of devices: white, 1/f as a sum of relaxations, telegraph signals, kT/C; knows no circuit."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity
from brian2.units.constants import boltzmann_constant, elementary_charge
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def thermal_voltage(temperature: Quantity) -> Quantity:
    """U_T = kT/q, V."""
    return boltzmann_constant * temperature / elementary_charge


def shot_noise_density(current: Quantity, n_devices: float) -> Quantity:
    """One-sided S = n·2qI of n devices in weak inversion that carry `current` each, A²/Hz.

    Source: facts of the field, "2qI per weak-inversion device" (Sarpeshkar, Delbrück, Mead 1993).
    """
    return n_devices * 2 * elementary_charge * current


def white_noise_amplitude(one_sided_density: Quantity) -> Quantity:
    """σ for a term σ·ξ with ⟨ξ(t)ξ(t')⟩ = δ(t − t'), whose one-sided density is 2σ²."""
    return Quantity(one_sided_density / 2) ** 0.5


def leaky_integrator_variance(density: Quantity, conductance: Quantity, capacitance: Quantity) -> Quantity:
    """Stationary variance S/(4gC) of C dv/dt = −g v + noise of one-sided density S, V²."""
    return density / (4 * conductance * capacitance)


def sampling_noise(capacitance: Quantity, temperature: Quantity) -> Quantity:
    """σ = √(kT/C) of a voltage that a switch samples onto a capacitor, V."""
    return Quantity(boltzmann_constant * temperature / capacitance) ** 0.5


@attrs.frozen(kw_only=True, eq=False)
class Relaxations:
    """x(t) = Σ_k a_k φ_k(t),  dφ_k/dt = −φ_k/τ_k + √(2/τ_k) ξ_k:  S(f) = Σ_k 4 a_k² τ_k/(1 + (2πfτ_k)²), one-sided."""

    amplitudes: Array
    """a_k, in the unit of x, (n,)."""
    taus: Array
    """τ_k in s, (n,)."""

    def density(self, frequency: ArrayLike) -> Array:
        """S(f) of frequencies in Hz, unit of x squared per Hz."""
        f = np.asarray(frequency, float)[..., None]
        terms = 4 * self.amplitudes**2 * self.taus / (1 + (2 * np.pi * f * self.taus) ** 2)
        return np.asarray(terms.sum(-1))

    @property
    def variance(self) -> float:
        """Of x."""
        return float(np.sum(self.amplitudes**2))


def flicker_relaxations(
    density: float, *, lowest: float, highest: float, exponent: float = 1.0, per_decade: float = 1.0
) -> Relaxations:
    """Relaxations whose sum has S(f) = density/f^x between two frequencies.

    Corner frequencies 1/(2πτ_k) lie evenly on the logarithmic axis from end to end, with a_k² ∝ f_k^(1−x). One
    relaxation a decade leaves a ripple of about ± 4 %; the sum is matched in the mean, a decade from both ends.

    Parameters
    ----------
    density : one-sided, at 1 Hz, in the unit of x squared per Hz.
    lowest, highest : Hz.
    """
    decades = np.log10(highest / lowest)
    count = max(1, round(decades * per_decade) + 1)
    corners = np.logspace(np.log10(lowest), np.log10(highest), count)
    taus = 1 / (2 * np.pi * corners)
    shape = Relaxations(amplitudes=corners ** ((1 - exponent) / 2), taus=taus)
    margin = min(1.0, decades / 4)
    inside = np.logspace(np.log10(lowest) + margin, np.log10(highest) - margin, 64 * count)
    excess = np.mean(np.log(shape.density(inside) * inside**exponent))
    return Relaxations(amplitudes=shape.amplitudes * np.sqrt(density / np.exp(excess)), taus=taus)


@attrs.frozen(kw_only=True)
class Telegraph:
    """A trap that captures and emits an electron: x jumps between 0 and Δ.

    S(f) = 4Δ²p(1 − p)τ/(1 + (2πfτ)²) one-sided, with 1/τ = 1/τ_c + 1/τ_e and p = τ_e/(τ_c + τ_e) the part of
    the time in the upper state (Machlup 1954).
    """

    step: float
    """Δ, in the unit of x."""
    tau_capture: float
    """Mean time in the lower state, s."""
    tau_emission: float
    """Mean time in the upper state, s."""

    @property
    def tau(self) -> float:
        """Correlation time, s."""
        return 1 / (1 / self.tau_capture + 1 / self.tau_emission)

    @property
    def occupancy(self) -> float:
        """p."""
        return self.tau_emission / (self.tau_capture + self.tau_emission)

    def density(self, frequency: ArrayLike) -> Array:
        """S(f) of frequencies in Hz."""
        p = self.occupancy
        f = np.asarray(frequency, float)
        return 4 * self.step**2 * p * (1 - p) * self.tau / (1 + (2 * np.pi * f * self.tau) ** 2)
