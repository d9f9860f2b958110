"""White noise from first principles and the kT/C it must give on a capacitor; 1/f and telegraph noise."""

import attrs
import numpy as np
import pytest
from brian2 import amp, farad, hertz, kelvin, msecond, namp, nS, pfarad, siemens, umetre, volt
from brian2.units.fundamentalunits import have_same_dimensions
from scipy.signal import welch

from hardware_models import Chip, load_preset
from hardware_models.ekv import Transistor
from hardware_models.noise import (
    Telegraph,
    flicker_relaxations,
    leaky_integrator_variance,
    sampling_noise,
    shot_noise_density,
    thermal_voltage,
    white_noise_amplitude,
)
from hardware_models.ota import Ota
from hardware_models.resistor import Resistor

CHIP = load_preset("subthreshold_180nm").chip
LARGE = Transistor(width=10 * umetre, length=10 * umetre)
LARGE_LOAD = Transistor(width=10 * umetre, length=10 * umetre, kind="p")
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


@pytest.mark.parametrize("attenuation", [1.0, 4.0])
def test_an_ota_is_four_devices_at_half_the_tail_current(attenuation: float) -> None:
    """S = 4·2q·(I_b/2) with I_b = 2 U_T D g/κ: 8 D kT g/κ; (1 − ⅔q) less with q up to .01 here."""
    point = Ota(pair=LARGE, load=LARGE_LOAD, attenuation=attenuation).operate(5 * nS, CHIP.conditions)
    assert float(point.white) == pytest.approx(attenuation * 8 * BOLTZMANN * 300.15 * 5e-9 / 0.696, rel=0.01)


def test_a_resistor_has_its_own_noise_and_that_of_the_op_amp() -> None:
    """4kT/R + e_n²/R², and the op-amp's 1/f part equal to its white part at the corner."""
    part = Resistor(voltage_noise=1e-16 * volt**2 / hertz, flicker_corner=100 * hertz)
    point = part.operate(1e-5 * siemens, CHIP.conditions)
    own = 1e-16 * 1e-10
    assert float(point.white) == pytest.approx(4 * BOLTZMANN * 300.15 * 1e-5 + own, rel=2e-6)
    assert float(point.flicker) / 100 == pytest.approx(own, rel=1e-12)


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


@pytest.mark.parametrize("temperature", [250.0, 300.15, 350.0])
@pytest.mark.parametrize("picofarad", [0.5, 1.0, 25.0])
def test_a_soma_with_two_otas_holds_four_kt_over_kappa_c(picofarad: float, temperature: float) -> None:
    """Two OTAs, 2·8DkTg/κ over 4gC: 4DkT/(κC) with D = 4, whatever the time constant. In weak inversion: q < .05,
    and κ falls with the temperature."""
    soma = attrs.evolve(CHIP.soma, capacitance=picofarad * pfarad)
    chip = attrs.evolve(CHIP, soma=soma, temperature=temperature * kelvin)
    kappa = 0.696 - 2.3e-4 * (temperature - 300.15)
    expected = 4 * 4 * BOLTZMANN * temperature / (kappa * picofarad * 1e-12)
    for tau in (0.05, 1.0):
        amplitude = float(chip.soma_noise_current(tau * msecond))
        conductance = float(chip.soma_point(tau * msecond).conductance)
        variance = amplitude**2 / (2 * conductance * picofarad * 1e-12)
        assert variance == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("tau_ratio", [0.05, 0.2])
def test_the_apical_input_adds_half_of_that(tau_ratio: float) -> None:
    """Without a state of its own it is a third OTA at the soma: 2DkT/(κC)."""
    tau = tau_ratio * CHIP.time_base
    noise = float(CHIP.apical_noise(tau, 0 * tau))  # V·√s at the input of g/C = 1/τ
    variance = noise**2 / (2 * float(tau))
    assert variance == pytest.approx(4 * 2 * BOLTZMANN * 300.15 / (0.696 * 1e-12), rel=0.02)


def test_a_dynamic_apical_compartment_has_the_noise_of_its_own_transconductor() -> None:
    """C = gτ with g = I_unit/V_unit: 2DkT/(κC) on it, D = 4; q = .01 in its pair, .03 in its load."""
    tau = 0.3 * CHIP.time_base
    conductance = 1e-9 / 30e-3
    noise = float(CHIP.apical_noise(CHIP.time_base, tau))
    variance = noise**2 / (2 * float(tau))
    expected = 4 * 2 * BOLTZMANN * 300.15 / (0.696 * conductance * float(tau))
    assert variance == pytest.approx(expected, rel=0.02)


def test_noise_has_the_units_of_its_place() -> None:
    chip = Chip()
    tau = 0.2 * chip.time_base
    assert have_same_dimensions(chip.soma_noise_current(tau), amp / hertz**0.5)
    for tau_apical in (0 * tau, tau):
        assert have_same_dimensions(chip.apical_noise(tau, tau_apical), volt / hertz**0.5)


@pytest.mark.parametrize(
    ("femtofarad", "microvolts"), [(10, 644), (100, 203), (1e3, 64.4), (2.3e3, 42.4), (25e3, 12.9)]
)
def test_sampling_noise_of_the_facts_page(femtofarad: float, microvolts: float) -> None:
    """√(kT/C) at 300 K; three digits there, of which the last is cut off in places."""
    assert 1e6 * float(sampling_noise(femtofarad * 1e-3 * pfarad, 300 * kelvin)) == pytest.approx(
        microvolts, rel=4e-3
    )


@pytest.mark.parametrize("exponent", [0.8, 0.95, 1.0, 1.12, 1.2])
@pytest.mark.parametrize("per_decade", [1.0, 2.0])
def test_relaxations_make_the_asked_slope(exponent: float, per_decade: float) -> None:
    """Between the ends of five decades, half a decade away from them: the exponent of a straight line through the
    logarithms to .05; the density to 7 %, at the ends of what is left where the next relaxation is missing."""
    sum_of = flicker_relaxations(3e-10, lowest=0.01, highest=1e3, exponent=exponent, per_decade=per_decade)
    f = np.logspace(-1, 2, 400)
    slope = np.polyfit(np.log(f), np.log(sum_of.density(f)), 1)[0]
    assert -slope == pytest.approx(exponent, abs=0.05)
    np.testing.assert_allclose(sum_of.density(f) * f**exponent, 3e-10, rtol=0.07)


def test_a_telegraph_signal_is_a_lorentzian() -> None:
    """Simulated jumps against Machlup's spectrum: the mean of 60 segments has a standard error of 1/√60."""
    trap = Telegraph(step=2.0, tau_capture=3e-3, tau_emission=1e-3)
    assert trap.occupancy == pytest.approx(0.25)
    draw, dt, n = np.random.default_rng(2), 5e-5, 60 * 4096
    state, level = np.empty(n), 0
    up, down = dt / trap.tau_capture, dt / trap.tau_emission
    for k, chance in enumerate(draw.random(n)):
        level = 1 - level if chance < (down if level else up) else level
        state[k] = level
    frequencies, power = welch(2.0 * state, fs=1 / dt, nperseg=4096, noverlap=0)
    kept = (frequencies > 20) & (frequencies < 2000)
    ratio = power[kept] / trap.density(frequencies[kept])
    assert ratio.mean() == pytest.approx(1, abs=4 / np.sqrt(60 * kept.sum()) + 0.03)  # 3 %: dt/τ, 1 - e^-x
    assert (2.0 * state).var() == pytest.approx(4 * 0.25 * 0.75, rel=0.06)
