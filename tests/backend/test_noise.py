"""The generator of normals: the same on every engine, normal, and independent along everything it is asked along."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, kstest, norm

from neurosim.backend.noise import CPP, standard_normal
from tests.compiled import shared_library

_LOOP = """
#include <cmath>
#include <cstdint>
using namespace std;
%s
extern "C" void fill(double* y, int64_t key, int64_t site, int64_t step, int n)
{
    for (int i = 0; i < n; i++) y[i] = standard_normal(key, site, step, i);
}
"""
N = 1 << 21
SIGMAS = 5.0
"""Of a statistic that is expected to be 0: some hundred of them are looked at, once in 10⁴ such tests one is beyond."""


@pytest.mark.cpp
def test_compiled_numbers_are_those_of_numpy(tmp_path: Path) -> None:
    """Bit by bit; a product whose sum is rounded twice by numpy may differ in the last of 24 bits, once in 10⁸."""
    source = tmp_path / "normal.cpp"
    source.write_text(_LOOP % CPP)
    fill = shared_library(source, tmp_path / "normal.so", compiling=[], linking=[]).fill
    for key, site, step in ((0, 0, 0), (1, 3, 7), (2**31 - 1, 62, 10**9), (77, 23, 2**33)):
        y = np.empty(1_000_003)
        fill(
            ctypes.c_void_p(y.ctypes.data),
            *(ctypes.c_int64(number) for number in (key, site, step)),
            ctypes.c_int(len(y)),
        )
        expected = standard_normal(key, site, step, np.arange(len(y)))
        assert np.count_nonzero(y != expected) <= 2
        np.testing.assert_allclose(y, expected, rtol=2.0**-21, atol=0)


@pytest.mark.parametrize("site", [4, 5])
def test_distribution_is_normal(site: int) -> None:
    """Kolmogorov's distance of 2·10⁶ of them, their first six moments, and how many lie beyond 3, 4 and 5 σ."""
    drawn = standard_normal(5, site, 11, np.arange(N))
    assert kstest(drawn, norm.cdf).pvalue > 1e-4
    moments = [np.mean(drawn**k) for k in range(1, 7)]
    variances = [1, 2, 15, 96, 945, 10170]  # of z^k
    for found, expected, variance in zip(moments, (0, 1, 0, 3, 0, 15), variances, strict=True):
        assert abs(found - expected) < SIGMAS * np.sqrt(variance / N)
    for bound in (3, 4, 5):
        for beyond in (np.sum(drawn > bound), np.sum(drawn < -bound)):
            assert abs(beyond - N * norm.sf(bound)) < SIGMAS * np.sqrt(N * norm.sf(bound)) + 1


def _deciles(drawn: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((norm.cdf(drawn) * 16).astype(np.int64), 15)


def _together(*deciles: NDArray[np.int64]) -> float:
    """How likely the χ² of their joint counts is, were they independent and uniform; both tails are bad."""
    cells = np.zeros_like(deciles[0])
    for each in deciles:
        cells = cells * 16 + each
    counts = np.bincount(cells, minlength=16 ** len(deciles))
    expected = len(cells) / len(counts)
    p = chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1)
    return float(min(p, 1 - p))


def test_neighbours_are_independent() -> None:
    """Joint counts of two and three over 16 parts: along indices, steps, sites, keys, and both of a pair of sites."""
    index = np.arange(N)
    here = _deciles(standard_normal(9, 2, 100, index))
    others = {
        "the pair": _deciles(standard_normal(9, 3, 100, index)),
        "a site": _deciles(standard_normal(9, 4, 100, index)),
        "a step": _deciles(standard_normal(9, 2, 101, index)),
        "two steps": _deciles(standard_normal(9, 2, 102, index)),
        "a key": _deciles(standard_normal(10, 2, 100, index)),
    }
    for number, (_, other) in enumerate(others.items()):
        assert _together(here, other) > 1e-5, number
    for lag in (3, 7, *(1 << power for power in range(20))):
        assert _together(here[lag:], here[:-lag]) > 1e-5, lag
    assert _together(here[2:], here[1:-1], here[:-2]) > 1e-5
    for one, two in pairwise(others.values()):
        assert _together(here, one, two) > 1e-5


def test_steps_are_white_and_never_shifted_copies() -> None:
    """2·10⁴ steps of 64 columns: the spectrum along steps is flat, and no step repeats another, shifted or not."""
    steps, columns = 20_000, 64
    drawn = np.array([standard_normal(3, 0, step, np.arange(columns)) for step in range(steps)])
    power = np.mean(np.abs(np.fft.rfft(drawn, axis=0)) ** 2, axis=1)[1:-1] / steps
    # the mean of 64 exponential numbers is beyond .05 to 2.5 once in 10⁹
    assert power.min() > 0.3
    assert power.max() < 2.2
    bands = power[: len(power) // 100 * 100].reshape(100, -1).mean(axis=1)
    assert np.abs(bands - 1).max() < SIGMAS / np.sqrt(columns * (len(power) // 100))
    assert len(np.unique(drawn)) > drawn.size * (1 - 1e-2)  # of 24 bits some are equal by chance
    known = {tuple(row) for row in np.lib.stride_tricks.sliding_window_view(drawn, 4, axis=1)[:, 0]}
    again = {tuple(row) for row in np.lib.stride_tricks.sliding_window_view(drawn, 4, axis=1)[:, 1]}
    assert len(known) == steps
    assert not known & again
