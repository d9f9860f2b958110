"""What cells hold in the mean and by how much it differs: closed forms against what memories draw."""

from __future__ import annotations

from functools import partial

import attrs
import numpy as np
import pytest

from hardware_models.memory import FLAWS, MEMORIES, CellArray, Cmo, Faults, Memory, Pcm, Rram, Sonos, Sram
from hardware_models.memory.moments import powered, rectified
from neurosim.spec.streams import stream
from tests.hardware_models.draws import ROUNDING, N, assert_mean, assert_sigma

DAY = 86400.0
PAIRS = {"pcm": Pcm(), "rram": Rram(), "sonos": Sonos(), "cmo": Cmo()}
ALL = pytest.mark.parametrize("memory", [cls() for cls in MEMORIES.values()], ids=list(MEMORIES))


def cells_of(memory: Memory, weight: float) -> tuple[CellArray, np.ndarray]:
    """N cells, and the same level for all of them."""
    levels = memory.levels(np.full(N, weight))
    return CellArray.draw(memory, (N,), partial(stream, 3, "cells"), full_scale=2.0), levels


def check(memory: Memory, flaw: str, weight: float, age: float) -> None:
    array, levels = cells_of(memory, weight)
    ages = np.full(N, age)
    moments = FLAWS[flaw].moments(array, levels, ages)
    drawn = FLAWS[flaw].drawn(array, levels, ages, np.random.default_rng(5))
    mean, sigma = float(np.mean(moments.mean)), float(np.mean(moments.sigma))
    if sigma == 0:
        np.testing.assert_allclose(drawn, mean, rtol=ROUNDING, atol=1e-15)
        return
    assert_mean(drawn, mean, sigma)
    assert_sigma(drawn, sigma)


@pytest.mark.parametrize("weight", [0.9, 0.05, 0.0, -0.4])
@ALL
def test_what_writing_leaves(memory: Memory, weight: float) -> None:
    """Zero and small weights, where conductances are clipped, as well as large ones."""
    check(memory, "writing", weight, float(memory.reference_time))


@pytest.mark.parametrize("age", [0.0, 3600.0, DAY])
@pytest.mark.parametrize("weight", [0.9, 0.0, -0.4])
@ALL
def test_what_time_leaves(memory: Memory, weight: float, age: float) -> None:
    check(memory, "ageing", weight, age)


@pytest.mark.parametrize("at", ["low", "random"])
@pytest.mark.parametrize("weight", [0.9, 0.0, -0.4])
@pytest.mark.parametrize("memory", PAIRS.values(), ids=list(PAIRS))
def test_what_dead_devices_leave(memory: Memory, weight: float, at: str) -> None:
    dead = attrs.evolve(memory, faults=Faults(fraction=0.1, at=at))
    check(dead, "dead", weight, float(memory.reference_time))
    check(dead, "writing", weight, float(memory.reference_time))
    array, levels = cells_of(dead, weight)
    moments, outcomes = FLAWS["dead"].moments(array, levels, array.first_age), array.cells.outcomes(levels)
    chances = np.broadcast_to(outcomes.chances, outcomes.values.shape)
    mean = np.sum(chances * outcomes.values, axis=0)
    variance = np.sum(chances * (outcomes.values - mean) ** 2, axis=0)
    np.testing.assert_allclose(chances.sum(0), 1, rtol=ROUNDING)
    np.testing.assert_allclose(mean, moments.mean, rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_allclose(variance, moments.sigma**2, rtol=ROUNDING, atol=ROUNDING)


def test_a_flaw_that_a_memory_has_not_leaves_the_levels() -> None:
    """Of SRAM with sources that match, no device dead, just written."""
    array, levels = cells_of(Sram(unit_spread=0.0), 0.3)
    for flaw in FLAWS.values():
        moments = flaw.moments(array, levels, array.first_age)
        np.testing.assert_array_equal(moments.mean, levels)
        np.testing.assert_array_equal(moments.sigma, 0.0)


def test_a_normal_that_is_cut_off_at_zero() -> None:
    """Far above nothing is cut; at zero mean σ/√2π, variance σ²(½ − 1/2π); without σ it is what it was."""
    got = rectified(np.array([50.0, 0.0, 2.0, -2.0]), np.array([1.0, 3.0, 0.0, 0.0]))
    np.testing.assert_allclose(got.mean, [50, 3 / np.sqrt(2 * np.pi), 2, 0], rtol=ROUNDING)
    np.testing.assert_allclose(got.sigma, [1, 3 * np.sqrt(0.5 - 0.5 / np.pi), 0, 0], rtol=1e-10)


@pytest.mark.parametrize(
    ("logarithm", "mean", "sigma"), [(8.0, 0.05, 0.03), (8.0, 0.0, 0.1), (3.0, 0.1, 0.0)]
)
def test_powers_of_an_absolute_normal(logarithm: float, mean: float, sigma: float) -> None:
    """Against a fine sum over z, to what the sum leaves out."""
    z = np.linspace(-9, 9, 400_001)
    density = np.exp(-0.5 * z**2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    values = np.exp(-logarithm * np.abs(mean + sigma * z))
    first, second = np.sum(values * density), np.sum(values**2 * density)
    got = powered(*(np.array(x) for x in (logarithm, mean, sigma)))
    assert float(got.mean) == pytest.approx(first, rel=1e-8)
    assert float(got.sigma) == pytest.approx(np.sqrt(max(second - first**2, 0)), rel=1e-6, abs=1e-7)
