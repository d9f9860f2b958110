"""Noise of subthreshold devices from their currents."""

from __future__ import annotations

from brian2 import Quantity
from brian2.units.constants import boltzmann_constant, elementary_charge


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
