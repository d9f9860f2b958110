"""Pelgrom's law, what it makes of currents and offsets, and chips drawn by it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import Quantity, amp, kelvin, msecond, namp, nS, umetre, volt
from numpy.typing import NDArray

from hardware_models import Chip, Draw, load_preset
from hardware_models.coupling import OperatingPoint
from hardware_models.ekv import REFERENCE, Transistor
from hardware_models.ota import Ota
from hardware_models.spreads import spreads_of
from hardware_models.variability import draw_normals, neighbours_alike
from neurosim.spec.streams import stream

CHIP = load_preset("subthreshold_180nm").chip
N, P = CHIP.process.n, CHIP.process.p
TAU_SOMA = 0.2 * CHIP.time_base
LEAKING = float(N.off_current(CHIP.soma.switch, REFERENCE)) / 5e-9
"""V: what the reset switch takes, over g = 1 pF/.2 ms."""
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
    sigma = float(N.sigma_vt(transistor(area, ratio)))
    assert sigma == pytest.approx(7.148e-3 / np.sqrt(area), rel=ROUNDING, abs=0)


def operate(part: Ota, conductance: Quantity = 5 * nS, **changes: Any) -> OperatingPoint:
    return part.operate(conductance, attrs.evolve(CHIP.conditions, **changes))


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("attenuation", [1.0, 4.0])
def test_an_otas_offset_is_that_of_both_its_pairs(area: float, attenuation: float) -> None:
    """σ² = σ_n² + (gm_p/gm_n)² σ_p² + (σ_βn² + σ_βp²)/(gm/I_D)², times what divides the input; 10 nA a side."""
    pair, load = transistor(area), attrs.evolve(transistor(area), kind="p")
    part = Ota(pair=pair, load=load, tail=transistor(400), attenuation=attenuation)
    half = 1e-8 * amp
    gm_n, gm_p = (float(m.gm_over_id(half, t, REFERENCE)) for m, t in ((N, pair), (P, load)))
    wanted = Quantity(gm_n * half / volt / attenuation)
    thresholds = 7.148e-3**2 + (gm_p / gm_n * 6.66e-3) ** 2
    betas = (0.70e-2**2 + 0.28e-2**2) / gm_n**2
    expected = attenuation * np.sqrt((thresholds + betas) / area)
    assert float(operate(part, wanted).offset_spread) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("area", AREAS)
def test_an_otas_gain_is_that_of_its_tail_and_half_its_load(area: float) -> None:
    pair, load, tail = transistor(100), attrs.evolve(transistor(4), kind="p"), transistor(area)
    point = operate(Ota(pair=pair, load=load, tail=tail))
    bias = point.supply_current
    parts = (
        N.sigma_log_current(tail, bias, REFERENCE),
        0.5 * P.sigma_log_current(load, bias / 2, REFERENCE),
    )
    assert point.gain_spread == pytest.approx(np.hypot(*parts), rel=1e-9)


def test_offset_of_the_facts_page() -> None:
    """2.3 mV at 10 µm² for the pair alone, rounded to .05 mV there."""
    assert float(N.sigma_vt(transistor(10))) == pytest.approx(2.3e-3, abs=0.05e-3)


def test_temperature_and_tracking() -> None:
    """At a constant current g ∝ κ/U_T; with a bias circuit that tracks it stays, and the current rises."""
    part, hot = Ota(pair=transistor(100)), {"temperature": 350 * kelvin}
    slope = float(N.slope(350 * kelvin) / N.slope(REFERENCE))
    assert operate(part).factor == pytest.approx(1, rel=1e-12)
    # inversion coefficient .0009 at 27 °C, and I_s ∝ √T: g falls less by a part in 1e4
    assert operate(part, **hot).factor == pytest.approx(slope, rel=2e-4)
    kept = operate(part, tracking="constant_gm", **hot)
    assert kept.factor == pytest.approx(1, rel=2e-4)
    assert float(kept.supply_current / operate(part).supply_current) == pytest.approx(1 / slope, rel=1e-12)


def test_a_warm_chip_is_slower_and_its_pairs_are_duller() -> None:
    """Without mismatch: every soma's rate falls with g, the slope of φ with κ/U_T, the basal voltage rises."""
    chip = attrs.evolve(CHIP, mismatch=False, temperature=350 * kelvin)
    warm, cool = (
        draw_of((3, 2), chip=chip).layers[0],
        draw_of((3, 2), chip=attrs.evolve(CHIP, mismatch=False)).layers[0],
    )
    slope = float(N.slope(350 * kelvin) / N.slope(REFERENCE))
    stretch = 1 + 40.6e-6 * (350 - 300.15)  # the capacitor
    np.testing.assert_allclose(warm.leak / cool.leak, slope / stretch, rtol=1e-3)
    np.testing.assert_allclose(warm.basal_gain / cool.basal_gain, slope / stretch, rtol=1e-3)
    np.testing.assert_allclose(warm.slope / cool.slope, slope, rtol=1e-12)
    for name in ("basal", "apical"):
        ratio = getattr(warm, name).leak / getattr(cool, name).leak
        np.testing.assert_allclose(ratio, slope, rtol=1e-2)  # a larger bias: q = .01
    assert (np.asarray(warm.offset) < np.asarray(cool.offset)).all()  # the reset switch leaks more


@pytest.mark.parametrize(("corner", "factor"), [("tt", 1.0), ("ff", 1 / 0.9), ("ss", 1 / 1.1), ("fs", 1.0)])
def test_a_corner_moves_all_time_constants_by_its_capacitors(corner: str, factor: float) -> None:
    """± 10 % with the lot; biases come from currents, so thresholds do not matter."""
    quiet = attrs.evolve(CHIP, mismatch=False)
    there, typical = (draw_of((3, 2), chip=c) for c in (attrs.evolve(quiet, corner=corner), quiet))
    np.testing.assert_allclose(there.layers[0].basal_gain / typical.layers[0].basal_gain, factor, rtol=1e-9)
    np.testing.assert_allclose(there.integral / typical.integral, factor, rtol=1e-9)


@pytest.mark.parametrize(("name", "add"), [("subthreshold_180nm", np.sqrt), ("board_opamp", float)])
def test_offsets_add_by_squares_or_as_one(name: str, add: Callable[[int], float]) -> None:
    """Of independent OTAs at a soma, two without an apical compartment; of resistors at one op-amp they are one."""
    chip = load_preset(name).chip
    alone = float(chip.soma_point(TAU_SOMA).offset_spread / chip.voltage_unit)
    for apical, couplings in ((True, 3), (False, 2)):
        spread = spreads_of(chip, TAU_SOMA, apical=apical)["offset"]
        assert spread.sigma == pytest.approx(add(couplings) * alone, rel=1e-12)


@pytest.mark.parametrize("shape", [(2000,), (120, 90)])
def test_neighbours_are_alike_if_asked(shape: tuple[int, ...]) -> None:
    """corr = a^|Δ| along each axis, variance 1; the estimate of n correlated numbers has about n(1 − a)/(1 + a)
    independent ones an axis, four standard errors of that."""
    process = attrs.evolve(CHIP.process, correlation_length=20 * umetre, pitch=10 * umetre)
    alike = neighbours_alike(process)
    assert alike == pytest.approx(np.exp(-0.5), rel=1e-12)
    drawn = draw_normals(shape, np.random.default_rng(3), alike=alike)
    error = 4 / np.sqrt(drawn.size * ((1 - alike**2) / (1 + alike**2)) ** len(shape))
    assert drawn.var() == pytest.approx(1, abs=np.sqrt(2) * error)
    for axis in range(len(shape)):
        moved = np.moveaxis(drawn, axis, 0)
        for lag in (1, 3):
            assert np.mean(moved[lag:] * moved[:-lag]) == pytest.approx(alike**lag, abs=np.sqrt(2) * error)
    assert neighbours_alike(CHIP.process) == 0.0


def draw_of(sizes: tuple[int, ...], *, chip: Chip = CHIP, tau_soma: Quantity = TAU_SOMA) -> Draw:
    draw = chip.draw(sizes, lambda name: stream(chip.seed, "chip", name), tau_soma=tau_soma)
    assert draw is not None
    return draw


def soma_numbers(draw: Draw, l: int) -> dict[str, NDArray[np.float64]]:
    """What should be normal with mean 0: logarithms of factors, and offsets. Leak, gains and offset share the
    spread of the capacitor, so two of the gains stand for what they differ by."""
    layer = draw.layers[l]
    finite = np.log(1 + 1 / CHIP.dendrite_point("basal").gain)
    return {
        "leak over basal": np.log(layer.leak / layer.basal_gain) - np.log(1 + 3 / 80),
        "apical over basal": np.log(layer.apical_gain / layer.basal_gain),
        "basal_gain": np.log(layer.basal_gain),
        "offset": np.asarray(layer.offset / layer.basal_gain) + LEAKING,
        "slope": np.log(layer.slope),
        "comparator_offset": layer.comparator_offset,
        **{f"{name}.leak": np.log(getattr(layer, name).leak) - finite for name in ("basal", "apical")},
        **{f"{name}.offset": np.asarray(getattr(layer, name).offset) for name in ("basal", "apical")},
    }


def controller_numbers(draw: Draw) -> dict[str, NDArray[np.float64]]:
    return {
        "proportional": np.log(draw.proportional),
        "controller.leak": np.log(draw.leak / draw.integral),
        "integral": np.log(draw.integral),
        "error_offset": draw.error_offset,
        "output_offset": draw.output_offset,
    }


@cache
def large_draw() -> Draw:
    return draw_of((40, 1200, 1200))


def predicted() -> dict[str, float]:
    """σ of each from area and bias: geometry of the preset, both pairs, tail and half the load, MIM capacitors."""
    soma, control = CHIP.soma_point(TAU_SOMA), CHIP.controller_point()
    small = N.sigma_log_current(transistor(4), 1 * namp, REFERENCE)
    matching = [0.0396 / np.sqrt(2) / np.sqrt(c / 1.99e-15) for c in (1e-12, 5e-12)]
    return {
        "leak over basal": np.sqrt(2) * soma.gain_spread,
        "apical over basal": np.sqrt(2) * soma.gain_spread,
        "basal_gain": np.hypot(soma.gain_spread, matching[0]),
        "offset": np.sqrt(3) * float(soma.offset_spread),
        "slope": 0.01,
        "comparator_offset": small,
        **{f"{name}.leak": CHIP.dendrite_point(name).gain_spread for name in ("basal", "apical")},
        **{f"{name}.offset": float(CHIP.dendrite_point(name).offset_spread) for name in ("basal", "apical")},
        "proportional": control.gain_spread,
        "controller.leak": np.sqrt(2) * control.gain_spread,
        "integral": np.hypot(control.gain_spread, matching[1]),
        "error_offset": 0.02 * float(control.offset_spread) / 30e-3,
        "output_offset": float(CHIP.output_point().offset_spread) / 30e-3,
        "forward": small,
        "feedback": small,
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
    """Correlation of n pairs of independent numbers has the standard error 1/√n; ratios of what is drawn and
    what they are ratios of are left out, and so is an offset over a drawn gain."""
    dependent = {"leak over basal", "apical over basal", "controller.leak", "offset"}
    kept = {name: arrays for name, arrays in drawn().items() if name not in dependent}
    numbers = {f"{name}_{k}": v for name, arrays in kept.items() for k, v in enumerate(arrays)}
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
    """In weak inversion gm/I_D is κ/U_T at every bias; from q = .005 down it moves by that much."""
    fast, slow = draw_of((5, 4, 3)), draw_of((5, 4, 3), tau_soma=7 * msecond)
    of_soma = {f"{name}_{l}" for name in soma_numbers(fast, 0) for l in (1, 2)}
    assert same(fast, slow) >= set(arrays_of(fast)) - of_soma
    a, b = (np.log(draw.layers[0].basal_gain) for draw in (fast, slow))
    np.testing.assert_allclose(a, b, atol=1e-2 * np.abs(a).max())


def test_larger_devices_spread_less() -> None:
    """Four times the area halves ln γ of every synapse, device by device."""
    crossbar = attrs.evolve(CHIP.synapse, mirror=Transistor(width=4 * umetre, length=4 * umetre))
    small, large = draw_of((5, 4, 3)), draw_of((5, 4, 3), chip=attrs.evolve(CHIP, synapse=crossbar))
    for a, b in zip(small.forward_gain, large.forward_gain, strict=True):
        np.testing.assert_allclose(np.log(b), 0.5 * np.log(a), atol=1e-15)  # rounding of exp near 1
