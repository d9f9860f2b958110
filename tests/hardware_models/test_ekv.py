"""The transistor against its limits, the numbers of the facts page, and its own derivative."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Quantity, kelvin, mvolt, namp, pamp, uamp, umetre, volt

from hardware_models import QuantityError, load_preset
from hardware_models.ekv import REFERENCE, Mos, Transistor

SILICON = load_preset("subthreshold_180nm").chip.process
N, P = SILICON.n, SILICON.p
SQUARE = Transistor()
BOLTZMANN, CHARGE = 1.380649e-23, 1.602176634e-19
CODATA = 2e-6
"""Brian2 keeps the constants of 2014; k differs from the SI's of 2019 by 6e-7."""
CURRENTS = [1e-12, 1e-10, 1e-8, 1e-7, 1e-6]
"""A, from far in weak to moderate inversion."""


@pytest.mark.parametrize(("mos", "kind", "expected"), [(N, "n", 25.3), (P, "p", 21.9)])
def test_gm_over_id_of_the_facts_page(mos: Mos, kind: str, expected: float) -> None:
    """At 10 nA in 2 µm × 2 µm; the page gives one decimal."""
    got = float(mos.gm_over_id(10 * namp, Transistor(kind=kind), REFERENCE))
    assert got == pytest.approx(expected, abs=0.05)


def test_weak_inversion_is_the_limit() -> None:
    """gm/I_D → κ/U_T; at an inversion coefficient of 1e-6 they differ by q = 1e-6."""
    current = 1e-6 * N.specific(SQUARE, REFERENCE)
    thermal = BOLTZMANN * 300.15 / CHARGE
    assert float(N.gm_over_id(current, SQUARE, REFERENCE)) == pytest.approx(
        0.696 / thermal, rel=CODATA + 1e-6
    )


@pytest.mark.parametrize("current", CURRENTS)
@pytest.mark.parametrize("temperature", [240.0, 300.15, 350.0])
def test_gm_is_the_slope_of_the_current(current: float, temperature: float) -> None:
    """gm = dI/dV_G by a central difference of the model's own V_G(I); its error is of second order, 1e-8."""
    t = temperature * kelvin
    low, high = (N.gate_voltage(current * (1 + s) * namp / 1e-9, SQUARE, t) for s in (-1e-4, 1e-4))
    slope = 2e-4 * current / float(high - low)
    got = float(N.gm_over_id(current * namp / 1e-9, SQUARE, t)) * current
    assert got == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("current", CURRENTS)
def test_a_current_is_found_back_from_its_gm(current: float) -> None:
    """Half a dozen products of doubles."""
    amps = Quantity(current * namp / 1e-9)
    gm = N.gm_over_id(amps, SQUARE, REFERENCE) * amps
    assert float(N.current_for(gm, SQUARE, REFERENCE)) == pytest.approx(current, rel=1e-14)


@pytest.mark.parametrize("current", CURRENTS)
@pytest.mark.parametrize("micrometres", [1.0, 2.0, np.sqrt(10), 10.0])
def test_the_spread_of_a_mirror(current: float, micrometres: float) -> None:
    """σ(ln I) = (gm/I_D)·√2·σ_VT with σ_VT of one device, weak to moderate inversion, 1 to 100 µm²; against a
    Monte Carlo run of V_G(I) with drawn thresholds, whose standard error is σ/√(2n)."""
    device = Transistor(width=micrometres * umetre, length=micrometres * umetre)
    amps = Quantity(current * namp / 1e-9)
    one = 7.148e-3 / np.sqrt(2) / micrometres  # V
    predicted = float(N.gm_over_id(amps, device, REFERENCE)) * np.sqrt(2) * one
    whole = N.sigma_log_current(device, amps, REFERENCE)
    assert whole == pytest.approx(np.hypot(predicted, 0.0070 / micrometres), rel=1e-12)
    n = 4000
    drawn = 1e-3 * one * np.random.default_rng(1).standard_normal((2, n))  # small: the law is of first order
    voltage = float(N.gate_voltage(amps, device, REFERENCE))
    logs = np.linspace(-4e-3, 4e-3, 401)  # ln(I/I_0), interpolated to invert V_G(I)
    curve = [float(N.gate_voltage(np.exp(x) * amps, device, REFERENCE)) - voltage for x in logs[::50]]
    got = np.interp(drawn[0] - drawn[1], curve, logs[::50]).std() / 1e-3
    assert got == pytest.approx(predicted, rel=4 / np.sqrt(2 * n))


@pytest.mark.parametrize(("area", "percent"), [(1.0, 19.4), (4.0, 9.7), (10.0, 6.1), (100.0, 1.9)])
def test_mirrors_spread_as_the_facts_page_says(area: float, percent: float) -> None:
    """Weak inversion, thresholds alone; 1 % for κ/U_T there and half of the page's last digit."""
    device = Transistor(width=np.sqrt(area) * umetre, length=np.sqrt(area) * umetre)
    got = float(N.gm_over_id(10 * pamp, device, REFERENCE) * N.sigma_vt(device))
    assert 100 * got == pytest.approx(percent, rel=0.01, abs=0.05)


def test_the_spread_in_strong_inversion_would_be_less() -> None:
    """At 1 µA gm/I_D is a third of κ/U_T, so κ/U_T at any bias would be wrong by that."""
    weak, moderate = (N.sigma_log_current(SQUARE, i, REFERENCE) for i in (1 * namp, 1 * uamp))
    assert moderate < 0.45 * weak


@pytest.mark.parametrize("current", CURRENTS)
def test_white_noise_is_2qi_in_weak_inversion(current: float) -> None:
    """4kT(γ/κ)gm with γ from ½ to ⅔: 2qI·(1 + 4q/3)/(1 + q)²."""
    amps = Quantity(current * namp / 1e-9)
    q = N.charge(amps, SQUARE, REFERENCE)
    got = float(N.white_noise_density(amps, SQUARE, REFERENCE))
    assert got == pytest.approx(2 * CHARGE * current * (1 + 4 * q / 3) / (1 + q) ** 2, rel=CODATA)


@pytest.mark.parametrize(("mos", "microvolts"), [(N, 8.2), (P, 8.0)])
def test_flicker_noise_of_the_facts_page(mos: Mos, microvolts: float) -> None:
    """µV/√Hz at 1 Hz in 2 µm × 2 µm, from one constant for both kinds: to 3 %."""
    device = Transistor()
    gm = mos.gm_over_id(10 * namp, device, REFERENCE) * (10 * namp)
    referred = float(mos.flicker_density(10 * namp, device, REFERENCE) / gm**2) ** 0.5
    assert 1e6 * referred == pytest.approx(microvolts, rel=0.03)


@pytest.mark.parametrize(
    ("nanoamps", "hertz", "within"), [(1.0, 183.0, 0.25), (10.0, 1950.0, 0.25), (100.0, 16900.0, 0.35)]
)
def test_flicker_corner_of_the_facts_page(nanoamps: float, hertz: float, within: float) -> None:
    """Where the 1/f part equals 2qI. One K and exponent for all currents: within a quarter in weak inversion; at
    100 nA the simulated 1/f current goes on ∝ I², where gm² falls behind, and the corner is a third too low."""
    density = float(N.flicker_density(nanoamps * namp, SQUARE, REFERENCE))
    corner = (density / (2 * CHARGE * nanoamps * 1e-9)) ** (1 / N.flicker_exponent)
    assert corner == pytest.approx(hertz, rel=within)


def test_strong_inversion_is_refused() -> None:
    with pytest.raises(QuantityError, match="strong inversion") as caught:
        N.gm_over_id(2 * uamp, SQUARE, REFERENCE)
    assert caught.value.limit == "process.n.largest_inversion"


def test_the_leak_of_a_corner_is_the_leak_the_file_states() -> None:
    """ff and ss of GF180MCU: V_T .511 and .731 V, off current × 16 and × .07 (facts page)."""
    typical = N.off_current(SQUARE, REFERENCE)
    for corner, threshold, factor in (("ff", 0.511, 16.0), ("ss", 0.731, 0.07)):
        there = SILICON.at(corner)
        assert float(there.n.threshold) == pytest.approx(threshold, abs=1e-12)
        assert float(there.n.off_current(SQUARE, REFERENCE) / typical) == pytest.approx(factor, rel=1e-12)
        # what the threshold alone would do in weak inversion is within a third of it
        alone = np.exp(float(N.slope(REFERENCE)) * float(N.threshold - there.n.threshold))
        assert np.log(alone) == pytest.approx(np.log(factor), abs=0.34)


def test_temperature_moves_everything_together() -> None:
    """U_T and I_s from their definitions; V_T by its slope; the off current by all of them."""
    hot = 350 * kelvin
    assert float(N.specific(SQUARE, hot) / N.specific(SQUARE, REFERENCE)) == pytest.approx(
        (350 / 300.15) ** 0.5, rel=1e-12
    )
    kappa = 0.696 - 2.3e-4 * (350 - 300.15)
    assert float(N.slope(hot)) == pytest.approx(kappa * CHARGE / (BOLTZMANN * 350), rel=CODATA)
    threshold = 0.621 - 1.16e-3 * (350 - 300.15)
    expected = float(N.specific(SQUARE, hot)) * np.exp(-float(N.slope(hot)) * threshold)
    assert float(N.off_current(SQUARE, hot)) == pytest.approx(expected, rel=1e-12)


def test_a_device_without_a_threshold_slope_still_has_units() -> None:
    assert Mos().threshold_slope == 0 * volt / kelvin
    assert Mos(threshold=500 * mvolt).threshold == 0.5 * volt
