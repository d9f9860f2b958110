"""Distances between numbers that should agree; nothing that is not finite ever agrees."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.analysis import largest_difference, relative_difference
from neurosim.result import Check

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5)


def test_the_largest_over_all_pairs() -> None:
    pairs: list[Any] = [([1.0, 2.0], [1.0, 2.5]), (np.zeros((2, 2)), np.full((2, 2), -0.25)), (3, 3)]
    assert largest_difference(pairs) == 0.5
    assert relative_difference(pairs) == 0.5 / 3


def test_nothing_differs_from_nothing() -> None:
    assert largest_difference([]) == relative_difference([]) == 0.0
    assert largest_difference([(np.empty(0), np.empty(0))]) == 0.0
    assert relative_difference([(np.empty((0, 3)), np.empty((0, 3)))]) == 0.0


def test_about_zero_the_difference_is_absolute() -> None:
    assert relative_difference([([0.5], [0.0])]) == 0.5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["first", "second", "both"])
@pytest.mark.parametrize("position", [0, 1])
def test_what_is_not_finite_gives_nan_and_fails(bad: float, side: str, position: int) -> None:
    broken = [np.array([1.0, bad]), np.array([1.0, 2.0])]
    pair = {"first": broken, "second": broken[::-1], "both": [broken[0], broken[0]]}[side]
    pairs = [(np.ones(3), np.ones(3))]
    pairs.insert(position, (pair[0], pair[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = [largest_difference(pairs), relative_difference(pairs)]
    assert all(math.isnan(value) for value in values)
    assert not Check(name="x", value=values[0], tolerance=np.inf).passed


@given(NUMBERS, st.floats(1e-3, 1e3))
def test_relative_means_scaled(numbers: list[float], scale: float) -> None:
    """A common factor cancels, up to one rounding of each number and difference."""
    b = np.array(numbers)
    a = b + 0.25 * (np.abs(b).max() + 1)
    before = relative_difference([(a, b)])
    after = relative_difference([(scale * a, scale * b)])
    if np.abs(b).max() > 1e-3:
        assert after == pytest.approx(before, rel=1e-12)


@given(NUMBERS)
def test_numbers_agree_with_themselves(numbers: list[float]) -> None:
    assert largest_difference([(numbers, numbers)]) == relative_difference([(numbers, numbers)]) == 0.0
