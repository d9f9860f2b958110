"""What time does to stored weights, and how noisily they are read."""

import attrs
import numpy as np
import pytest
from brian2 import Quantity, farad, kelvin, metre, mvolt, pfarad, second, siemens, usiemens, volt

from hardware_models.ekv import REFERENCE
from hardware_models.memory import (
    MEMORIES,
    CapacitorCell,
    Cmo,
    Curve,
    Faults,
    Memory,
    Pcm,
    Rram,
    Sonos,
    Sram,
    retained,
)
from hardware_models.process import Capacitor, Conditions, Process
from hardware_models.quantity import QuantityError
from tests.hardware_models.draws import ROUNDING, N, assert_mean, assert_sigma
from tests.hardware_models.memories import HERMES_DRIFT

ALL = pytest.mark.parametrize("memory", [cls() for cls in MEMORIES.values()], ids=list(MEMORIES))
DAY = 86400 * second


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("weight", "mean", "sigma"),
    [
        (1.0, 0.049, 0.008),  # .0244 and −.0059, both below their clips
        (0.1, 0.0155 * np.log(10) + 0.0244, 0.0125 * np.log(10) - 0.0059),
        (-0.1, 0.0155 * np.log(10) + 0.0244, 0.0125 * np.log(10) - 0.0059),
    ],
)
def test_published_drift_of_pcm(weight: float, mean: float, sigma: float) -> None:
    drawn = Pcm().drift_exponent(np.full(N, weight), seeded())
    assert_mean(drawn, mean, sigma)
    # folding the one in 170 draws below 0 at w = .1 takes less than half a standard error off σ
    assert_sigma(drawn, sigma)


def test_pcm_drifts_by_a_power_of_time() -> None:
    """w (t/20 s)^−ν; three decades at ν = .05 leave 10^−.15."""
    weights = np.linspace(-1, 1, 9)
    exponent = Pcm().drift_exponent(weights, seeded())
    for time in (20.0, 2e3, 1e6):
        aged = Pcm().age(weights, time * second, seeded())
        np.testing.assert_allclose(aged, weights * (time / 20) ** -exponent, rtol=ROUNDING, atol=0)
    still = Pcm(drift_mean=Curve(constant=0.05), drift_spread=Curve()).age(weights, 20e3 * second, seeded())
    np.testing.assert_allclose(still, weights * 10**-0.15, rtol=ROUNDING, atol=0)


def test_a_curve_has_two_sides_of_its_knee() -> None:
    """HERMES: ν = −.0436x² − .0126x + .0736 from .0945 on, below as in aihwkit."""
    curve = HERMES_DRIFT
    expected = [0.13, -0.0182 + 0.0387 * np.log(20), 0.0736 - 0.0063 - 0.0109, 0.0174, 0.0174]
    np.testing.assert_allclose(curve([0.0, 0.05, 0.5, 1.0, 1.5]), expected, rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("time", [20.0, 86400.0])
def test_published_read_noise_of_pcm(time: float) -> None:
    """σ/g = min(.0088/y^.65, .2) √ln((t + 250 ns)/500 ns), y of the target; the mean exponent is .049 above y = .21."""
    targets = np.array([1.0, 0.5, -0.4])
    weights = targets * (time / 20) ** -0.049
    relative = 0.0088 / np.abs(targets) ** 0.65 * np.sqrt(np.log((time + 250e-9) / 500e-9))
    sigma = Pcm().read_sigma(weights, time * second)
    np.testing.assert_allclose(sigma, np.abs(weights) * relative, rtol=1e-9, atol=0)  # of powers of powers
    weak = float(Pcm().read_sigma(np.array(1e-3), 20 * second))
    assert weak == pytest.approx(1e-3 * 0.2 * np.sqrt(np.log(20.00000025 / 5e-7)), rel=ROUNDING, abs=0)
    assert float(Pcm().read_sigma(np.array(1.0), 0 * second)) == 0


def test_both_devices_are_read() -> None:
    """With g_min = 5 of 25 µS a weight of zero is read from two devices at y = .2, and full scale is 20 µS."""
    one = 0.2 * 0.0088 / 0.2**0.65 * np.sqrt(np.log(20.00000025 / 5e-7))
    sigma = Pcm(g_min=5 * usiemens).read_sigma(np.array(0.0), 20 * second)
    assert float(sigma) == pytest.approx(np.sqrt(2) * one / 0.8, rel=ROUNDING, abs=0)


def test_other_read_noise() -> None:
    """SONOS: 12.58 (1 − e^(−I/215.4)) nA; CMO: .02773 log₁₀ g √ln((t + 1 µs)/2 µs) µS, of both devices."""
    assert float(Sonos().read_sigma(np.array(-0.5), DAY)) == pytest.approx(
        12.58 * (1 - np.exp(-800 / 215.4)) / 1600, rel=ROUNDING, abs=0
    )
    pair = np.hypot(np.log10(88.19), np.log10(9)) / (88.19 - 9)
    expected = 0.02773 * np.sqrt(np.log((86400 + 1e-6) / 2e-6)) * pair
    assert float(Cmo().read_sigma(np.array(1.0), DAY)) == pytest.approx(expected, rel=ROUNDING, abs=0)
    rram = float(Rram().read_sigma(np.array(0.3), DAY))
    assert rram == pytest.approx(np.sqrt(2) * 0.2828 / 40, rel=ROUNDING, abs=0)  # 1 % of full scale


def test_rram_spreads_with_the_logarithm_of_time() -> None:
    """At √(1 s · 1 d) half of the way; σ at full scale 1.103, 2.651 µS, of the resting device .348, .701 µS."""
    time = np.sqrt(86400.0) * second
    grown = [(1.103 + 2.651) / 2, (0.348 + 0.701) / 2]
    np.testing.assert_allclose(Rram().spread(np.array([1.0, 0.0]), time) * 40, grown, rtol=ROUNDING, atol=0)
    more = np.sqrt(grown[0] ** 2 - 1.103**2 + grown[1] ** 2 - 0.348**2) / 40
    drawn = Rram().age(np.ones(N), time, seeded())
    assert_sigma(drawn, more)
    assert_mean(drawn, 1.0, more)


def test_sonos_loses_current_and_spreads() -> None:
    """At full scale, to 4 d; the resting device has no current and does nothing."""
    start, end = 19.89 * (1 - np.exp(-1600 / 176.3)), 33.76 * (1 - np.exp(-1600 / 204.8))
    sigma = np.sqrt(end**2 - start**2) / 1600
    drawn = Sonos().age(-np.ones(N), 4 * DAY, seeded())
    assert_sigma(drawn, sigma)
    assert_mean(drawn, -1 + 0.043, sigma)


def test_the_common_shift_of_a_pair_cancels() -> None:
    """CMO: −.089 ln(86400) = −1.0116 µS in both devices; where one stands at 0 µS the other shifts alone."""
    sigma = np.sqrt(2 * ((0.042 * np.log(86400) + 0.412) ** 2 - 0.412**2))
    shift = 0.089 * np.log(86400)
    for g_min, mean in [(9.0, 0.5), (0.0, 0.5 - shift / 88.19)]:
        drawn = Cmo(g_min=g_min * usiemens).age(np.full(N, 0.5), DAY, seeded())
        assert_sigma(drawn, sigma / (88.19 - g_min))
        assert_mean(drawn, mean, sigma / (88.19 - g_min))


def conditions(process: Process, celsius: float = 27.0) -> Conditions:
    return Conditions(process=process, typical=process, temperature=(celsius + 273.15) * kelvin)


def test_a_capacitor_leaks_through_its_switch_and_itself() -> None:
    """I_off = 147.8 nA e^(−.696·.621/U_T) at 27 °C, over 300 mV; 1.9 µS/m² alone discharges 2 mF/m² in 1053 s.

    1e-4: U_T in the exponent, from a k and q of 2014.
    """
    thermal = 1.380649e-23 * 300.15 / 1.602176634e-19
    off = 147.8e-9 * np.exp(-0.696 * 0.621 / thermal)
    cell = CapacitorCell()
    assert float(cell.time_constant) == pytest.approx(1e-12 / (off / 0.3), rel=1e-4, abs=0)
    leaky = Process(capacitor=Capacitor(leakage=1.9e-6 * siemens / metre**2))
    both = cell.at(conditions(leaky)).time_constant
    assert float(both) == pytest.approx(1e-12 / (off / 0.3 + 1.9e-6 * 1e-12 / 2e-3), rel=1e-4, abs=0)
    weights = np.linspace(-1, 1, 5)
    aged = cell.age(weights, 2 * cell.time_constant, seeded())
    np.testing.assert_allclose(aged, weights * np.exp(-2), rtol=ROUNDING, atol=0)


def test_a_warm_chip_forgets_sooner() -> None:
    """And its capacitors are noisier; a larger one keeps longer, in proportion."""
    cell = CapacitorCell()
    warm = cell.at(conditions(Process(), 85.0))
    assert float(warm.time_constant) < 0.2 * float(cell.time_constant)
    assert warm.write_sigma == pytest.approx(cell.write_sigma * np.sqrt(358.15 / 300.15), rel=ROUNDING, abs=0)
    larger = attrs.evolve(cell, capacitance=4 * pfarad, full_scale=600 * mvolt)
    assert float(larger.time_constant) == pytest.approx(8 * float(cell.time_constant), rel=ROUNDING, abs=0)
    assert float(cell.conditions.temperature) == float(REFERENCE)


@ALL
def test_one_seed_is_one_path_through_time(memory: Memory) -> None:
    """Steps get smaller with the steps of time: the same devices are drawn."""
    weights = np.random.default_rng(2).uniform(-1, 1, (20, 10))
    start = memory.age(weights, memory.reference_time, seeded())
    np.testing.assert_allclose(start, weights, rtol=ROUNDING, atol=0)
    end, near, other = (
        memory.age(weights, time * DAY, seeded(seed)) for time, seed in [(1, 1), (0.999, 1), (1, 2)]
    )
    assert np.abs(end - near).max() <= 2e-3  # a thousandth of a day moves σ by less than a thousandth of w
    drawn = not isinstance(memory, CapacitorCell | Sram)
    assert bool(np.any(end != other)) == drawn


@ALL
def test_shapes_and_what_is_left_alone(memory: Memory) -> None:
    for shape in [(), (4, 5), (0, 3)]:
        weights = np.full(shape, 0.5)
        for aged in (
            memory.age(weights, DAY, seeded()),
            memory.read_sigma(weights, DAY),
            memory.drift_exponent(weights, seeded()),
        ):
            assert aged.shape == shape
        np.testing.assert_array_equal(weights, np.full(shape, 0.5))
    assert isinstance(memory, Pcm) or not np.any(memory.drift_exponent(np.ones(3), seeded()))


@ALL
@pytest.mark.parametrize("time", [-1 * second, 1 * volt, 1 * farad, np.inf * second])
def test_times_that_are_none_are_refused(memory: Memory, time: Quantity) -> None:
    for act in (lambda: memory.age(np.ones(2), time, seeded()), lambda: memory.read_sigma(np.ones(2), time)):
        with pytest.raises(QuantityError, match="time"):
            act()


@pytest.mark.parametrize(("memory", "days"), [(Rram(), 2), (Sonos(), 4)])
def test_nothing_is_said_beyond_the_last_measurement(memory: Memory, days: int) -> None:
    memory.age(np.ones(2), days * DAY, seeded())
    with pytest.raises(QuantityError, match=r"time at most .* the last that was measured"):
        memory.age(np.ones(2), 1.01 * days * DAY, seeded())


def test_retained_before_its_reference_time() -> None:
    for time in (0.0, 3.0, 20.0):
        assert float(retained(0.7, 0.05, time * second, reference_time=20 * second)) == 0.7
    assert float(retained(0.7, 0.0, 5 * second, reference_time=0 * second)) == 0.7


def test_dead_devices_change_no_other_draw() -> None:
    """Faults are drawn whether there are any or not, so that a study of them compares the same chips."""
    weights = np.zeros(50)
    sound, faulty = (
        Pcm(faults=Faults(fraction=fraction)).program(weights, seeded()) for fraction in (0.0, 0.2)
    )
    assert np.mean(sound == faulty) > 0.5
