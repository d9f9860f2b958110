"""Functions of the compiled emulation against numpy's."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from neurosim.backend.functions import ARCTANH_CPP, TANH_CPP
from tests.compiled import shared_library

_LOOP = """
#include <cmath>
#include <cstdint>
using namespace std;
%(code)s
extern "C" void fill_float64(const double* x, double* y, int n)
{
    #pragma GCC ivdep
    for (int i = 0; i < n; i++) y[i] = %(name)s(x[i]);
}
extern "C" void fill_float32(const float* x, float* y, int n)
{
    #pragma GCC ivdep
    for (int i = 0; i < n; i++) y[i] = %(name)s(x[i]);
}
"""


def compiled(tmp_path: Path, code: str, name: str, x: np.ndarray) -> np.ndarray:
    """The function of every x, compiled as in an emulation."""
    source = tmp_path / "function.cpp"
    source.write_text(_LOOP % {"code": code, "name": name})
    library = shared_library(source, tmp_path / "function.so", compiling=[], linking=[])
    y = np.empty_like(x)
    fill = getattr(library, f"fill_{x.dtype}")
    fill(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data), len(x))
    return y


def every_fourth(first: float, last: float) -> np.ndarray:
    """Of all single numbers between two."""
    ends = np.array([first, last], np.float32).view(np.int32)
    return np.arange(*ends, 4, dtype=np.int32).view(np.float32)


@pytest.mark.cpp
def test_tanh_is_within_two_units_of_the_last_place(tmp_path: Path) -> None:
    """From 1e-300 to 700 and in fine steps: 4e-16 of itself; odd, and NaN stays NaN."""
    x = np.concatenate([np.linspace(0, 25, 1_000_001), np.logspace(-300, 2.85, 100_001)])
    x = np.concatenate([x, -x, [np.inf, -np.inf, np.nan]])
    y = compiled(tmp_path, TANH_CPP, "_neurosim_tanh", x)
    np.testing.assert_allclose(y, np.tanh(x), rtol=4e-16 + 2e-16, atol=0)  # numpy's own is within one unit
    assert (
        np.float64(5e-324) / 2 == 0 < np.float64(5e-324) * 2
    )  # this process still counts with subnormal numbers


@pytest.mark.cpp
def test_tanh_in_single_precision(tmp_path: Path) -> None:
    """Every fourth of all positive numbers from 1e-30 to 50: three roundings of 24 bits; odd, and NaN stays NaN."""
    x = every_fourth(1e-30, 50)
    x = np.concatenate([x, -x[::97], np.array([np.inf, -np.inf, np.nan], np.float32)])
    y = compiled(tmp_path, TANH_CPP, "_neurosim_tanh", x)
    np.testing.assert_allclose(y, np.tanh(x.astype(np.float64)), rtol=3 * 2.0**-23, atol=0)


@pytest.mark.cpp
def test_arctanh(tmp_path: Path) -> None:
    """From 1e-300 to what is nearest to 1: a few roundings; odd, 17.7 at ±1 and beyond, and NaN stays NaN."""
    x = np.concatenate([np.linspace(0, 1, 1_000_001)[:-1], np.logspace(-300, -0.01, 100_001)])
    x = np.concatenate([x, 1 - np.logspace(-14, -1, 100_001)])
    y = compiled(tmp_path, ARCTANH_CPP, "_arctanh", np.concatenate([x, -x, [1.0, -1.0, 2.0, np.nan]]))
    np.testing.assert_allclose(y[: len(x)], np.arctanh(x), rtol=4 * 2.0**-52, atol=0)
    np.testing.assert_array_equal(y[len(x) : -4], -y[: len(x)])
    most = np.arctanh(1 - 2.0**-50)
    np.testing.assert_allclose(y[-4:], [most, -most, most, np.nan], rtol=1e-15)


@pytest.mark.cpp
def test_arctanh_in_single_precision(tmp_path: Path) -> None:
    """Every fourth of all positive numbers from 1e-30 to 1."""
    x = every_fourth(1e-30, 1)
    y = compiled(tmp_path, ARCTANH_CPP, "_arctanh", np.concatenate([x, -x[::97]]))
    np.testing.assert_allclose(y[: len(x)], np.arctanh(x.astype(np.float64)), rtol=4 * 2.0**-23, atol=0)
    np.testing.assert_array_equal(y[len(x) :], -y[: len(x) : 97])
