"""What is stored after a weight was programmed: published spreads, dead devices, levels, mismatched converters."""

from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import Quantity, namp, second, usiemens
from brian2.units.fundamentalunits import get_unit
from hypothesis import given
from hypothesis import strategies as st

from hardware_models.memory import (
    MEMORIES,
    CapacitorCell,
    Cmo,
    Curve,
    Faults,
    Memory,
    Pcm,
    Rram,
    Saturating,
    Snapshot,
    Sonos,
    Sram,
)
from hardware_models.presets.reading import build
from hardware_models.quantity import QuantityError
from tests.hardware_models.draws import ROUNDING, N, assert_mean, assert_sigma
from tests.hardware_models.memories import HERMES_DRIFT

ALL = pytest.mark.parametrize("memory", [cls() for cls in MEMORIES.values()], ids=list(MEMORIES))
DAY = 86400 * second
HERMES_1 = Pcm(
    g_max=10.35 * usiemens,
    g_fit=10.35 * usiemens,
    reference_time=200 * second,
    sigma=(0.15782, 2.32444, -2.16311, 0.68842),
    drift_mean=HERMES_DRIFT,
)
"""Le Gallo et al. 2023; the part below the knee as in aihwkit's HermesNoiseModel."""
HERMES_2 = attrs.evolve(
    HERMES_1,
    g_max=20.7 * usiemens,
    g_fit=20.7 * usiemens,
    reference_time=300 * second,
    sigma=(0.16603, 4.71806, -8.48101, 4.68961),
)
MILO = Rram(
    g_min=50 * usiemens,
    g_max=225 * usiemens,
    g_fit=225 * usiemens,
    early=Snapshot(sigma=(4.782, -2.0475)),
    middle=Snapshot(time=DAY, sigma=(4.782, -2.0475)),
    late=Snapshot(time=2 * DAY, sigma=(4.782, -2.0475)),
)


@pytest.mark.parametrize(
    ("memory", "x", "microsiemens"),
    [
        (Pcm(), 1.0, 1.05538),  # .26348 + 1.9650 − 1.1731
        (Pcm(), 0.5, 0.952705),  # .26348 + .9825 − .293275
        (HERMES_1, 1.0, 1.00757),
        (HERMES_2, 1.0, 1.09269),
        (HERMES_2, 0.5, 0.99100875),  # .16603 + 2.35903 − 2.1202525 + .58620125
        (Cmo(), 50 / 88.19, np.hypot(0.01122 + 0.5645, 0.412)),
    ],
)
def test_published_errors_of_programming(memory: Any, x: float, microsiemens: float) -> None:
    sigma = memory.programming_sigma(np.array(x)) * float(memory.g_max / usiemens)
    assert float(sigma) == pytest.approx(microsiemens, rel=ROUNDING, abs=0)


@pytest.mark.parametrize(
    ("memory", "seconds", "x", "microsiemens"),
    [
        (Rram(), 1, 1.0, 1.103),
        (Rram(), 1, 0.5, 2.0229375),  # .348 + 8.015 − 10.96325 + 5.674125 − 1.0509375
        (Rram(), 86400, 1.0, 2.651),
        (Rram(), 86400, 0.0, 0.701),
        (Rram(), 172800, 1.0, 2.677),
        (Rram(), 172800, 0.5, 3.929125),  # .782 + 10.137 − 10.87675 + 4.63275 − .745875
        (MILO, 1, 100 / 225, 3.872),  # 4.782 − .91
    ],
)
def test_published_spreads_of_rram(memory: Rram, seconds: float, x: float, microsiemens: float) -> None:
    sigma = memory.spread(np.array(x), seconds * second) * float(memory.g_max / usiemens)
    assert float(sigma) == pytest.approx(microsiemens, rel=ROUNDING, abs=0)


def test_two_fits_of_one_figure_agree() -> None:
    """CrossSim's cubic in g/µS of the 1 s data of Wan et al.: so the polynomials are in µS, of g/40 µS.

    .6 µS: the two fits differ by up to that, at 39 µS; taking σ in percent of anything would miss by far more.
    """
    g = np.linspace(4, 39, 36)
    cubic = 1.536e-4 * g**3 - 1.167e-2 * g**2 + 0.2374 * g + 1.053
    np.testing.assert_allclose(Rram().spread(g / 40, 1 * second) * 40, cubic, rtol=0, atol=0.6)


@pytest.mark.parametrize(
    ("days", "a", "b"),
    [(0, 19.89, 176.3), (1, 25.59, 186.9), (2, 25.59 + 8.17 / 3, 186.9 + 17.9 / 3), (4, 33.76, 204.8)],
)
def test_published_spreads_of_sonos(days: float, a: float, b: float) -> None:
    """On the second day a third of the way from the first to the fourth."""
    sigma = Sonos().spread(np.array([0, 500, 1600]) / 1600, days * DAY) * 1600
    expected = [0, a * (1 - np.exp(-500 / b)), a * (1 - np.exp(-1600 / b))]
    np.testing.assert_allclose(sigma, expected, rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("weight", [1.0, 0.4, -0.4])
@pytest.mark.parametrize("memory", [Pcm(), Rram(), HERMES_2])
def test_both_devices_of_a_pair_miss(memory: Any, weight: float) -> None:
    """The one at zero conductance cannot go below: mean σ/√2π and variance σ²(½ − 1/2π) are those of max(σz, 0)."""
    drawn = memory.program(np.full(N, weight), np.random.default_rng(1))
    polynomial = memory.sigma if isinstance(memory, Pcm) else memory.early.sigma
    scale = float(memory.g_max / usiemens)
    conducting = sum(c * abs(weight) ** k for k, c in enumerate(polynomial)) / scale
    resting = polynomial[0] / scale
    sigma = np.sqrt(conducting**2 + resting**2 * (0.5 - 0.5 / np.pi))
    assert_sigma(drawn, sigma)
    assert_mean(drawn, weight - np.sign(weight) * resting / np.sqrt(2 * np.pi), sigma)


def test_half_of_the_range_is_twice_the_noise() -> None:
    """A device errs by µS, whatever a designer calls full scale; see the preset that scales with the wrong g_max."""
    half = Rram(g_max=20 * usiemens)
    x = np.linspace(0, 1, 11)
    np.testing.assert_allclose(
        half.spread(x, 1 * second), 2 * Rram().spread(x / 2, 1 * second), rtol=ROUNDING, atol=0
    )


def test_capacitors_are_written_with_kt_over_c() -> None:
    """√(kT/C) at 300.15 K and 1 pF, 64.4 µV, of 300 mV; 2e-6: Brian2 keeps the k of CODATA 2014."""
    cell = CapacitorCell()
    expected = np.sqrt(1.380649e-23 * 300.15 / 1e-12) / 0.3
    assert cell.write_sigma == pytest.approx(expected, rel=2e-6, abs=0)
    drawn = cell.program(np.full(N, -0.3), np.random.default_rng(2))
    assert_sigma(drawn, expected)
    assert_mean(drawn, -0.3, expected)


@pytest.mark.parametrize(("at", "left"), [("low", 0.0), ("random", 0.5)])
def test_dead_devices_stay(at: str, left: float) -> None:
    """Of weights 1 those whose conducting device is dead stand at 0, or anywhere; the other device adds nothing."""
    memory = Pcm(sigma=(0.0,), faults=Faults(fraction=0.3, at=at))
    cells = memory.draw((N,), np.random.default_rng(3))
    dead = ~np.isnan(cells.stuck)
    assert_mean(dead.astype(float), 0.3, np.sqrt(0.3 * 0.7))
    stored = memory.program(np.ones(N), np.random.default_rng(4), cells=cells)
    only = dead[0] & ~dead[1]
    assert_mean(stored[only], left, np.sqrt(1 / 12))
    np.testing.assert_array_equal(stored[~dead.any(0)], 1.0)
    np.testing.assert_array_equal(cells.step == 0, dead.all(0))


@pytest.mark.parametrize("code", [1, 3, 5, 12, 31])
def test_a_code_of_a_converter_errs_by_the_root_of_its_sources(code: int) -> None:
    memory = Sram(bits=6, unit_spread=0.05)
    drawn = memory.program(np.full(N, code / 31), np.random.default_rng(code)) * 31
    assert_sigma(drawn, 0.05 * np.sqrt(code))
    assert_mean(drawn, code, 0.05 * np.sqrt(code))


def test_a_cell_keeps_its_converter() -> None:
    """Its sign only turns the current, its bits keep their errors, and zero is zero."""
    memory = Sram()
    cells = memory.draw((100,), np.random.default_rng(5))
    up, down, one, two, three, zero = (
        memory.program(np.full(100, code / 63), np.random.default_rng(seed), cells=cells)
        for seed, code in enumerate([40, -40, 1, 2, 3, 0])
    )
    np.testing.assert_array_equal(up, -down)
    np.testing.assert_allclose(one + two, three, rtol=ROUNDING, atol=0)
    np.testing.assert_array_equal(zero, 0)


@given(weights=st.lists(st.floats(-2, 2), min_size=1), bits=st.integers(2, 12))
def test_levels_are_nearest_and_stay(weights: list[float], bits: int) -> None:
    memory = Sram(bits=bits)
    levels = memory.levels(weights)
    np.testing.assert_array_equal(memory.levels(levels), levels)
    np.testing.assert_array_equal(memory.levels(-np.array(weights)), -levels)
    half = 0.5 / (2 ** (bits - 1) - 1)
    assert np.all(np.abs(levels - np.clip(weights, -1, 1)) <= half + ROUNDING)
    np.testing.assert_array_equal(Pcm(steps=2 ** (bits - 1) - 1).levels(weights), levels)


@ALL
def test_shapes_and_seeds(memory: Memory) -> None:
    for shape in [(), (3,), (4, 5), (2, 3, 4), (0, 3)]:
        aim = np.random.default_rng(6).uniform(-1.5, 1.5, shape)
        first, same, other = (memory.program(aim, np.random.default_rng(seed)) for seed in (7, 7, 8))
        assert first.shape == shape
        assert memory.draw(shape, np.random.default_rng(7)).step.shape == shape
        np.testing.assert_array_equal(first, same)
        assert first.size == 0 or np.any(first != other)
        np.testing.assert_array_equal(aim, np.random.default_rng(6).uniform(-1.5, 1.5, shape))


@ALL
def test_full_scale_is_the_end(memory: Memory) -> None:
    aim = np.array([-3.0, 3.0])
    np.testing.assert_array_equal(memory.levels(aim), [-1, 1])
    beyond, at = (memory.program(w, np.random.default_rng(9)) for w in (aim, np.sign(aim)))
    np.testing.assert_array_equal(beyond, at)


@ALL
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_none_are_refused(memory: Memory, bad: float) -> None:
    with pytest.raises(QuantityError, match="weights finite"):
        memory.program([0.1, bad], np.random.default_rng(0))


@ALL
def test_cells_of_another_array_are_refused(memory: Memory) -> None:
    cells = memory.draw((1, 4), np.random.default_rng(0))
    with pytest.raises(QuantityError, match="cells of the weights' shape"):
        memory.program(np.zeros((3, 4)), np.random.default_rng(0), cells=cells)


@pytest.mark.parametrize(
    ("cls", "wrong", "named"),
    [
        (Pcm, {"g_max": 25}, "g_max as one quantity"),
        (Pcm, {"g_max": 0 * usiemens}, "g_max finite and above 0"),
        (Pcm, {"g_max": 30 * usiemens}, "g_max at most g_fit"),
        (Pcm, {"g_min": 25 * usiemens}, "g_min below g_max"),
        (Pcm, {"sigma": (0.1, np.nan)}, "sigma a tuple"),
        (Pcm, {"sigma": [0.1]}, "sigma a tuple"),
        (Pcm, {"steps": -1}, "steps a whole number"),
        (Curve, {"low": 0.2, "high": 0.1}, "high at least low"),
        (Faults, {"fraction": 1.1}, "fraction from 0 to 1"),
        (Faults, {"at": "high"}, "at one of low, random"),
        (Rram, {"middle": Snapshot()}, "early, middle, late in order"),
        (Cmo, {"relaxation": -1.0}, "relaxation a number"),
        (Sonos, {"i_min": 2000 * namp}, "i_min below i_max"),
        (Saturating, {"scale": 0 * namp}, "scale finite and above 0"),
        (Sram, {"bits": 1}, "bits a whole number from 2"),
        (CapacitorCell, {"full_scale": 1 * second}, "full_scale as one quantity"),
    ],
)
def test_refusals_name_the_field(cls: Any, wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(QuantityError, match=named):
        cls(**wrong)


def as_tree(part: Any) -> Any:
    """A part as a preset's file has it."""
    if attrs.has(type(part)):
        fields = [f.name for f in attrs.fields(type(part)) if not f.metadata.get("given")]
        return {name: as_tree(getattr(part, name)) for name in fields}
    entry = {"value": part, "mark": "chosen", "source": "here", "kind": "design"}
    if isinstance(part, str | bool):
        return entry
    if isinstance(part, Quantity):
        unit = str(get_unit(part.dim))
        texts = [f"{number!r} {unit}" for number in (float(part), -1e9, 1e9)]
        return {**entry, "value": texts[0], "range": texts[1:]}
    if isinstance(part, tuple):
        return {**entry, "value": list(part), "range": [-1e9, 1e9]}
    return {**entry, "range": [type(part)(-1e9), type(part)(1e9)]}


@ALL
def test_a_preset_can_state_every_number(memory: Memory) -> None:
    read, numbers = build(type(memory), as_tree(memory), {"here": "this test"})
    assert read == memory
    assert numbers
