"""Functions of the compiled emulation against numpy's."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from neurosim.backend.functions import TANH_CPP
from tests.compiled import shared_library

_LOOP = """
#include <cmath>
#include <cstdint>
using namespace std;
%s
extern "C" void fill_single(const float* x, float* y, int n)
{
    #pragma GCC ivdep
    for (int i = 0; i < n; i++) y[i] = _neurosim_tanh(x[i]);
}
extern "C" void fill(const double* x, double* y, int n)
{
    #pragma GCC ivdep
    for (int i = 0; i < n; i++) y[i] = _neurosim_tanh(x[i]);
}
"""


@pytest.mark.cpp
def test_tanh_is_within_two_units_of_the_last_place(tmp_path: Path) -> None:
    """Compiled as in an emulation, from 1e-300 to 700 and in fine steps: 4e-16 of itself; odd, and NaN stays NaN."""
    source = tmp_path / "tanh.cpp"
    source.write_text(_LOOP % TANH_CPP)
    fill = shared_library(source, tmp_path / "tanh.so", compiling=[], linking=[]).fill
    x = np.concatenate([np.linspace(0, 25, 1_000_001), np.logspace(-300, 2.85, 100_001)])
    x = np.concatenate([x, -x, [np.inf, -np.inf, np.nan]])
    y = np.empty_like(x)
    fill(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data), len(x))
    np.testing.assert_allclose(y, np.tanh(x), rtol=4e-16 + 2e-16, atol=0)  # numpy's own is within one unit
    assert (
        np.float64(5e-324) / 2 == 0 < np.float64(5e-324) * 2
    )  # this process still counts with subnormal numbers


@pytest.mark.cpp
def test_tanh_in_single_precision(tmp_path: Path) -> None:
    """Every fourth of all positive numbers from 1e-30 to 50: three roundings of 24 bits; odd, and NaN stays NaN."""
    source = tmp_path / "tanh.cpp"
    source.write_text(_LOOP % TANH_CPP)
    fill = shared_library(source, tmp_path / "tanh.so", compiling=[], linking=[]).fill_single
    first, last = np.array([1e-30, 50], np.float32).view(np.int32)
    x = np.arange(first, last, 4, dtype=np.int32).view(np.float32)
    x = np.concatenate([x, -x[::97], np.array([np.inf, -np.inf, np.nan], np.float32)])
    y = np.empty_like(x)
    fill(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data), len(x))
    np.testing.assert_allclose(y, np.tanh(x.astype(np.float64)), rtol=3 * 2.0**-23, atol=0)
