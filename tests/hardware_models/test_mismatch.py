"""Pelgrom's law, what it makes of currents and offsets, and chips drawn by it."""

from __future__ import annotations

import itertools
from functools import cache

import attrs
import numpy as np
import pytest
from brian2 import Quantity, kelvin, meter, msecond, mvolt, namp, nS, umetre
from numpy.typing import NDArray

from hardware_models import PRESETS, Chip, Draw
from hardware_models.variability import Process, Transconductor, Transistor
from neurosim.spec.streams import stream

CHIP = PRESETS["subthreshold_180nm"]
TAU_SOMA = 0.2 * CHIP.time_base
BOLTZMANN, CHARGE = 1.380649e-23, 1.602176634e-19
CODATA = 2e-6
"""Brian2 keeps the constants of 2014; k differs from the SI's of 2019 by 6e-7."""
AREAS = (1.0, 4.0, 10.0, 100.0)
"""µm²."""
ROUNDING = 1e-14
"""A dozen products of doubles, each good to 1.1e-16."""
FAMILY = 4.0
"""Standard errors where 171 pairs are compared at once: in 1 % of the draws one of them is beyond by chance;
with 3 it would be 37 %."""


def transistor(area: float, ratio: float = 1.0) -> Transistor:
    return Transistor(width=np.sqrt(area * ratio) * umetre, length=np.sqrt(area / ratio) * umetre)


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("ratio", [0.25, 1.0, 8.0])
def test_pairs_spread_with_the_root_of_the_area(area: float, ratio: float) -> None:
    """σ = A/√(WL), whatever the shape."""
    sigma = float(Process().sigma_vt(transistor(area, ratio)))
    assert sigma == pytest.approx(7.148e-3 / np.sqrt(area), rel=ROUNDING, abs=0)


@pytest.mark.parametrize("area", AREAS)
def test_an_ota_adds_the_load_to_the_pair(area: float) -> None:
    """Pair and load mirror have one size and one gm, so their variances add: √2 of the pair's σ."""
    part, process = Transconductor(pair=transistor(area), tail=transistor(400)), Process()
    pair = load = float(process.sigma_vt(part.pair))
    assert float(part.sigma_offset(process)) == pytest.approx(np.hypot(pair, load), rel=ROUNDING, abs=0)


def test_offset_of_the_facts_page() -> None:
    """2.3 mV at 10 µm² for the pair alone, rounded to .05 mV there."""
    assert float(Process().sigma_vt(transistor(10))) == pytest.approx(2.3e-3, abs=0.05e-3)


@pytest.mark.parametrize(("area", "percent"), [(1.0, 19.4), (4.0, 9.7), (10.0, 6.1), (100.0, 1.9)])
def test_mirrors_spread_as_the_facts_page_says(area: float, percent: float) -> None:
    """1 % for gm/I_D, simulated there at the bias and κ/U_T here, and half of the page's last digit."""
    process = Process(a_beta_pair=0 * umetre)
    spread = process.sigma_log_current(transistor(area), 1 * namp, 300.15 * kelvin)
    assert 100 * spread == pytest.approx(percent, rel=0.01, abs=0.05)
    thermal = BOLTZMANN * 300.15 / CHARGE
    assert spread == pytest.approx(0.696 * 7.148e-3 / (thermal * np.sqrt(area)), rel=CODATA, abs=0)


@pytest.mark.parametrize("area", AREAS)
def test_threshold_and_gain_factor_are_independent(area: float) -> None:
    both = Process().sigma_log_current(transistor(area), 1 * namp, 300 * kelvin)
    parts = (Process(a_beta_pair=0 * umetre), Process(a_vt_pair=0 * mvolt * umetre))
    squares = [p.sigma_log_current(transistor(area), 1 * namp, 300 * kelvin) ** 2 for p in parts]
    assert both**2 == pytest.approx(sum(squares), rel=ROUNDING, abs=0)
    assert squares[1] == pytest.approx((0.70e-2) ** 2 / area, rel=ROUNDING, abs=0)


def test_temperature_enters_by_the_thermal_voltage() -> None:
    """σ(ln I) ∝ 1/U_T ∝ 1/T for thresholds; offsets and gain factors do not feel it; I_b = 2 U_T g/κ does."""
    cold, hot = 250 * kelvin, 350 * kelvin
    device = transistor(4)
    thresholds, gains = Process(a_beta_pair=0 * meter), Process(a_vt_pair=0 * mvolt * meter)

    def ratio(process: Process) -> float:
        spreads = [process.sigma_log_current(device, 1 * namp, t) for t in (cold, hot)]
        return spreads[0] / spreads[1]

    assert ratio(thresholds) == pytest.approx(350 / 250, rel=ROUNDING, abs=0)
    assert ratio(gains) == 1.0
    part = Transconductor()
    biases = [float(part.bias(5 * nS, Process(), t)) for t in (cold, hot)]
    assert biases[1] / biases[0] == pytest.approx(350 / 250, rel=ROUNDING, abs=0)
    assert biases[0] == pytest.approx(2 * BOLTZMANN * 250 / CHARGE * 5e-9 / 0.696, rel=CODATA, abs=0)
    warm = attrs.evolve(CHIP, temperature=350.175 * kelvin)
    assert drawn_sigma(warm, "forward") == pytest.approx(
        np.hypot(0.696 * 3.574e-3 / (BOLTZMANN * 350.175 / CHARGE), 0.35e-2), rel=CODATA
    )


def drawn_sigma(chip: Chip, kind: str) -> float:
    """σ of ln of the forward gains, exactly: the same normals are drawn at unit spread."""
    draw = draw_of((3, 2), chip=chip)
    normals = stream(chip.seed, "chip", f"{kind}_1").standard_normal((2, 3))
    factors = np.log(draw.forward_gain[0]) / normals
    np.testing.assert_allclose(factors, factors[0, 0], rtol=1e-12)  # log of exp near 1 loses 4 digits
    return float(factors.mean())


def draw_of(sizes: tuple[int, ...], *, chip: Chip = CHIP, tau_soma: Quantity = TAU_SOMA) -> Draw:
    draw = chip.draw(sizes, lambda name: stream(chip.seed, "chip", name), tau_soma=tau_soma)
    assert draw is not None
    return draw


def soma_numbers(draw: Draw, l: int) -> dict[str, NDArray[np.float64]]:
    """What should be normal with mean 0: logarithms of factors, and offsets."""
    layer = draw.layers[l]
    return {
        "leak": np.log(layer.leak),
        "basal_gain": np.log(layer.basal_gain),
        "apical_gain": np.log(layer.apical_gain),
        "offset": np.asarray(layer.offset),
        "slope": np.log(layer.slope),
        "comparator_offset": layer.comparator_offset,
    }


def controller_numbers(draw: Draw) -> dict[str, NDArray[np.float64]]:
    return {
        "proportional": np.log(draw.proportional),
        "controller.leak": np.log(draw.leak),
        "error_offset": draw.error_offset,
    }


@cache
def large_draw() -> Draw:
    return draw_of((40, 1200, 1200))


def predicted() -> dict[str, float]:
    """σ of each from area and bias, by hand: geometry of the preset, κA_VT/U_T and A_β."""
    thermal = BOLTZMANN * 300.15 / CHARGE

    def mirror(area: float) -> float:
        return float(np.hypot(0.696 * 7.148e-3 / thermal, 0.70e-2) / np.sqrt(area))

    def offset(area: float) -> float:
        return float(np.sqrt(2) * 7.148e-3 / np.sqrt(area))

    return {
        "leak": mirror(100),
        "basal_gain": mirror(100),
        "apical_gain": mirror(100),
        "offset": np.sqrt(3) * offset(100),
        "slope": 0.01,
        "comparator_offset": mirror(4),
        "proportional": mirror(400),
        "controller.leak": mirror(400),
        "error_offset": 0.02 * offset(400) / 30e-3,
        "forward": mirror(4),
        "feedback": mirror(4),
    }


def drawn() -> dict[str, list[NDArray[np.float64]]]:
    draw = large_draw()
    numbers: dict[str, list[NDArray[np.float64]]] = {}
    for part in (soma_numbers(draw, 0), soma_numbers(draw, 1), controller_numbers(draw)):
        for name, values in part.items():
            numbers.setdefault(name, []).append(values)
    numbers["forward"] = [np.log(gain).ravel() for gain in draw.forward_gain]
    numbers["feedback"] = [np.log(gain).ravel() for gain in draw.feedback_gain]
    return numbers


@pytest.mark.parametrize("name", predicted())
def test_drawn_spreads_are_those_of_the_geometry(name: str) -> None:
    """Three standard errors: σ/√(2n) for a standard deviation, σ/√n for a mean."""
    values, sigma = np.concatenate(drawn()[name]), predicted()[name]
    n = len(values)
    assert values.std() == pytest.approx(sigma, abs=3 * sigma / np.sqrt(2 * n))
    assert abs(values.mean()) < 3 * sigma / np.sqrt(n)


def test_parts_are_independent() -> None:
    """Correlation of n pairs of independent numbers has the standard error 1/√n."""
    numbers = {f"{name}_{k}": v for name, arrays in drawn().items() for k, v in enumerate(arrays)}
    n = 1200
    for (first, a), (second, b) in itertools.combinations(numbers.items(), 2):
        correlation = np.corrcoef(a[:n], b[:n])[0, 1]
        assert abs(correlation) < FAMILY / np.sqrt(n), (first, second)


def arrays_of(draw: Draw) -> dict[str, NDArray[np.float64]]:
    found = {
        f"{name}_{l + 1}": v for l in range(len(draw.layers)) for name, v in soma_numbers(draw, l).items()
    }
    found |= controller_numbers(draw)
    for l, (forward, feedback) in enumerate(zip(draw.forward_gain, draw.feedback_gain, strict=True), start=1):
        found |= {f"forward_{l}": forward, f"feedback_{l}": feedback}
    return found


def same(first: Draw, second: Draw) -> set[str]:
    """Which arrays are the same in both, bit for bit."""
    a, b = arrays_of(first), arrays_of(second)
    return {name for name in a if name in b and np.array_equal(a[name], b[name])}


def test_shapes() -> None:
    draw = draw_of((5, 4, 6, 3))
    assert [layer.leak.shape for layer in draw.layers] == [(4,), (6,), (3,)]
    assert [gain.shape for gain in draw.forward_gain] == [(4, 5), (6, 4), (3, 6)]
    assert [gain.shape for gain in draw.feedback_gain] == [(4, 3), (6, 3), (3, 3)]
    assert draw.proportional.shape == draw.leak.shape == draw.error_offset.shape == (3,)


def test_a_seed_is_a_chip() -> None:
    first, again = draw_of((5, 4, 3)), draw_of((5, 4, 3))
    other = draw_of((5, 4, 3), chip=attrs.evolve(CHIP, seed=2))
    assert same(first, again) == set(arrays_of(first))
    assert same(first, other) == set()


def test_other_layers_keep_their_devices() -> None:
    """Each layer and each matrix draws from a stream of its own name."""
    small = draw_of((5, 4, 3))
    names = set(arrays_of(small))
    of_layer = {l: {f"{name}_{l}" for name in soma_numbers(small, 0)} for l in (1, 2)}
    assert same(small, draw_of((9, 4, 3))) == names - {"forward_1"}
    assert same(small, draw_of((5, 8, 3))) == names - of_layer[1] - {"forward_1", "forward_2", "feedback_1"}
    assert same(small, draw_of((5, 4, 3, 3))) == names


def test_a_slower_soma_has_the_same_spread() -> None:
    """In weak inversion gm/I_D is κ/U_T at every bias."""
    assert same(draw_of((5, 4, 3)), draw_of((5, 4, 3), tau_soma=7 * msecond)) == set(
        arrays_of(draw_of((5, 4, 3)))
    )


def test_larger_devices_spread_less() -> None:
    """Four times the area halves ln γ of every synapse, device by device."""
    crossbar = attrs.evolve(CHIP.synapse, mirror=Transistor(width=4 * umetre, length=4 * umetre))
    small, large = draw_of((5, 4, 3)), draw_of((5, 4, 3), chip=attrs.evolve(CHIP, synapse=crossbar))
    for a, b in zip(small.forward_gain, large.forward_gain, strict=True):
        np.testing.assert_allclose(np.log(b), 0.5 * np.log(a), atol=1e-15)  # rounding of exp near 1
