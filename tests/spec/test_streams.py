"""Random streams by name."""

import itertools
from typing import Any

import numpy as np
import pytest

from neurosim.spec.streams import stream

N = 20_000


def test_a_name_is_a_stream() -> None:
    again = stream(3, "chip", "layer_1").standard_normal(5)
    np.testing.assert_array_equal(stream(3, "chip", "layer_1").standard_normal(5), again)
    others: list[tuple[Any, ...]] = [
        (4, "chip", "layer_1"),
        (3, "chip", "layer_2"),
        (3, "layer_1"),
        (3, "layer_1", "chip"),
        (3,),
    ]
    for seed, *names in others:
        assert not np.isin(stream(seed, *names).standard_normal(5), again).any()


def test_another_user_takes_nothing_away() -> None:
    expected = stream(1, "a").standard_normal(4)
    generator = stream(1, "a")
    stream(1, "b").standard_normal(1000)
    np.testing.assert_array_equal(generator.standard_normal(4), expected)


def test_streams_are_independent() -> None:
    """Of neighbouring seeds and names: correlation of n pairs has the standard error 1/√n. With 15 pairs
    3.6 of them are as unlikely as 3 are for 2."""
    keys = [(seed, name) for seed in (0, 1) for name in ("layer_1", "layer_2", "controller")]
    drawn = [stream(seed, name).standard_normal(N) for seed, name in keys]
    for a, b in itertools.combinations(drawn, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 3.6 / np.sqrt(N)


@pytest.mark.parametrize("seed", [0, 1, 2**63, 10**30])
def test_numbers_are_normal_whatever_the_seed(seed: int) -> None:
    """Mean and variance within four standard errors: eight comparisons."""
    values = stream(seed, "x").standard_normal(N)
    assert abs(values.mean()) < 4 / np.sqrt(N)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / N)
