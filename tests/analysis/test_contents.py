"""Summaries, histograms and degrees, block by block, against numpy on the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.analysis.contents import degrees, histogram, summarise


@pytest.fixture(autouse=True, params=[1, 7, 2**20])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few numbers are in memory at once."""
    monkeypatch.setattr("neurosim.analysis.contents.MOST_NUMBERS", request.param)


@pytest.mark.parametrize("shape", [(1,), (50,), (9, 5), (4, 3, 2)])
def test_a_summary_is_numpys(shape: tuple[int, ...]) -> None:
    """To the rounding of sums over fifty numbers far from 0."""
    values = 1000 + np.random.default_rng(2).normal(size=shape)
    values.flat[0] = 0.0
    found = summarise(values)
    assert (found.count, found.zeros, found.infinite, found.missing) == (values.size, 1, 0, 0)
    assert (found.least, found.most) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-14)
    assert found.spread == pytest.approx(values.std(), rel=1e-12, abs=1e-12)


def test_what_is_no_number_is_counted_apart() -> None:
    found = summarise(np.array([[1.0, np.nan], [np.inf, -np.inf], [3.0, 0.0]]))
    assert (found.count, found.zeros, found.infinite, found.missing) == (6, 1, 2, 1)
    assert (found.least, found.most, found.mean) == (0.0, 3.0, pytest.approx(4 / 3))


@pytest.mark.parametrize(("value", "infinite", "missing"), [(np.inf, 3, 0), (np.nan, 0, 3)])
def test_nothing_finite_has_no_range(value: float, infinite: int, missing: int) -> None:
    found = summarise(np.full(3, value))
    assert math.isnan(found.least)
    assert math.isnan(found.mean)
    assert (found.infinite, found.missing) == (infinite, missing)
    assert summarise(np.zeros((0, 4))).count == 0


def test_histogram_and_degrees() -> None:
    weights = np.random.default_rng(3).normal(size=(6, 9))
    edges = np.linspace(-3, 3, 11)
    np.testing.assert_array_equal(histogram(weights, edges), np.histogram(weights, edges)[0])
    into, out = degrees(weights, 0.5)
    strong = np.abs(weights) >= 0.5
    np.testing.assert_array_equal(into, strong.sum(axis=1))
    np.testing.assert_array_equal(out, strong.sum(axis=0))


def test_numbers_next_to_the_largest_there_are() -> None:
    """Their range is known, and their spread too large for a number."""
    found = summarise(np.array([[-1e308, 1.0], [1e308, 1e308]]))
    assert (found.least, found.most) == (-1e308, 1e308)
    assert not math.isfinite(found.spread)
