"""Shot noise from first principles, and the kT/C it must give on a capacitor."""

import attrs
import numpy as np
import pytest
from brian2 import amp, farad, hertz, kelvin, msecond, namp, nS, pfarad, volt
from brian2.units.fundamentalunits import have_same_dimensions

from hardware_models import PRESETS, Chip
from hardware_models.noise import (
    leaky_integrator_variance,
    shot_noise_density,
    thermal_voltage,
    white_noise_amplitude,
)
from hardware_models.variability import Process, Transconductor

CHIP = PRESETS["subthreshold_180nm"]
BOLTZMANN, CHARGE = 1.380649e-23, 1.602176634e-19
ROUNDING = 1e-14
"""A dozen products of doubles, each good to 1.1e-16."""


def test_constants() -> None:
    """Brian2 keeps CODATA 2014, which differs from the SI of 2019 by 6e-7 in k."""
    assert float(thermal_voltage(300.15 * kelvin)) == pytest.approx(
        BOLTZMANN * 300.15 / CHARGE, rel=2e-6, abs=0
    )


@pytest.mark.parametrize("n", [1, 4])
def test_shot_noise_is_2qi_a_device(n: int) -> None:
    density = shot_noise_density(10 * namp, n)
    assert have_same_dimensions(density, amp**2 / hertz)
    assert float(density) == pytest.approx(n * 2 * CHARGE * 10e-9, rel=2e-6, abs=0)


def test_an_ota_is_four_devices_at_half_the_tail_current() -> None:
    """S = 4·2q·(I_b/2) with I_b = 2 U_T g/κ: 8 kT g/κ."""
    density = Transconductor().noise_density(5 * nS, Process(), 300 * kelvin)
    assert float(density) == pytest.approx(8 * BOLTZMANN * 300 * 5e-9 / 0.696, rel=2e-6, abs=0)


def test_amplitude_is_two_sided() -> None:
    """σ² is the two-sided density, half of the one-sided."""
    amplitude = white_noise_amplitude(3e-28 * amp**2 / hertz)
    assert have_same_dimensions(amplitude, amp / hertz**0.5)
    assert 2 * float(amplitude) ** 2 == pytest.approx(3e-28, rel=ROUNDING, abs=0)


@pytest.mark.parametrize(("conductance", "capacitance"), [(1e-9, 1e-12), (5e-8, 2e-11)])
def test_variance_of_a_leaky_integrator(conductance: float, capacitance: float) -> None:
    """σ²/(2gC) of the Ornstein–Uhlenbeck process, and ∫ S/(g² + (2πfC)²) df of the filter."""
    density = 3e-28
    variance = leaky_integrator_variance(
        density * amp**2 / hertz, conductance * amp / volt, capacitance * farad
    )
    assert have_same_dimensions(variance, volt**2)
    amplitude = float(white_noise_amplitude(density * amp**2 / hertz))
    assert float(variance) == pytest.approx(
        amplitude**2 / (2 * conductance * capacitance), rel=ROUNDING, abs=0
    )
    edges = np.linspace(0, np.pi / 2, 20001)  # f = tan(θ) g/(2πC): the integrand is constant in θ
    corner = conductance / (2 * np.pi * capacitance)
    middle = np.tan((edges[1:] + edges[:-1]) / 2)
    power = density / (conductance**2 * (1 + middle**2)) * corner * (1 + middle**2) * np.diff(edges)
    assert float(variance) == pytest.approx(power.sum(), rel=1e-9, abs=0)  # sum of 20000 roundings


@pytest.mark.parametrize("temperature", [250.0, 300.15, 400.0])
@pytest.mark.parametrize("picofarad", [0.5, 1.0, 25.0])
def test_a_soma_with_two_otas_holds_four_kt_over_kappa_c(picofarad: float, temperature: float) -> None:
    """Two OTAs, 2·8kTg/κ over 4gC: 4kT/(κC), whatever the time constant. 2e-6: CODATA, see above."""
    soma = attrs.evolve(CHIP.soma, capacitance=picofarad * pfarad)
    chip = attrs.evolve(CHIP, soma=soma, temperature=temperature * kelvin)
    expected = 4 * BOLTZMANN * temperature / (0.696 * picofarad * 1e-12)
    for tau in (0.05, 1.0):
        amplitude = float(chip.soma_noise_current(tau * msecond))
        variance = amplitude**2 * (tau * 1e-3) / (2 * (picofarad * 1e-12) ** 2)
        assert variance == pytest.approx(expected, rel=2e-6, abs=0)


@pytest.mark.parametrize("tau_ratio", [0.05, 0.2])
def test_the_apical_input_adds_half_of_that(tau_ratio: float) -> None:
    """Without a state of its own it is a third OTA at the soma: 2kT/(κC)."""
    tau = tau_ratio * CHIP.time_base
    noise = float(CHIP.apical_noise(tau, 0 * tau))  # V·√s at the input of g/C = 1/τ
    variance = noise**2 / (2 * float(tau))
    assert variance == pytest.approx(2 * BOLTZMANN * 300.15 / (0.696 * 1e-12), rel=2e-6, abs=0)


def test_a_dynamic_apical_compartment_has_the_noise_of_its_own_transconductor() -> None:
    """C = gτ with g = I_unit/V_unit: 2kT/(κC) on it."""
    tau = 0.3 * CHIP.time_base
    conductance = 1e-9 / 30e-3
    noise = float(CHIP.apical_noise(CHIP.time_base, tau))
    variance = noise**2 / (2 * float(tau))
    expected = 2 * BOLTZMANN * 300.15 / (0.696 * conductance * float(tau))
    assert variance == pytest.approx(expected, rel=2e-6, abs=0)


def test_noise_has_the_units_of_its_place() -> None:
    chip = Chip()
    tau = 0.2 * chip.time_base
    assert have_same_dimensions(chip.soma_noise_current(tau), amp / hertz**0.5)
    for tau_apical in (0 * tau, tau):
        assert have_same_dimensions(chip.apical_noise(tau, tau_apical), volt / hertz**0.5)
