"""Gaussian noise as a function of (key, site, step, index): the same numbers in numpy and in C++.

A counter-based generator (Widynski 2020, "Squares") gives 64 bits; Box–Muller makes one normal of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

_M1, _M2, _ODD = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF

_CPP = """
static inline uint64_t _ns_key(uint64_t key, uint64_t site)
{
    uint64_t z = (key * 64 + site + 1) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (z ^ (z >> 31)) | 1ULL;
}
static inline double standard_normal(int64_t key, int64_t site, int64_t step, int64_t index)
{
    const uint64_t k = _ns_key((uint64_t)key, (uint64_t)site);
    uint64_t x = (((uint64_t)step << 32) + (uint64_t)index) * k;
    const uint64_t y = x, z = y + k;
    x = x * x + y; x = (x >> 32) | (x << 32);
    x = x * x + z; x = (x >> 32) | (x << 32);
    x = x * x + y; x = (x >> 32) | (x << 32);
    const uint64_t t = x * x + z;
    x = (t >> 32) | (t << 32);
    const uint64_t bits = t ^ ((x * x + y) >> 32);
    const double u = ((double)(int64_t)(bits >> 32) + 0.5) * 2.3283064365386963e-10;
    const double v = (double)(int64_t)(bits & 0xFFFFFFFFULL) * 1.4629180792671596e-09;
    return sqrt(-2.0 * log(u)) * cos(v);
}
"""


def mixed_key(key: int, site: int) -> int:
    """The odd 64-bit key of a place where noise enters."""
    z = ((key * 64 + site + 1) * _ODD) & _MASK
    z = ((z ^ (z >> 30)) * _M1) & _MASK
    z = ((z ^ (z >> 27)) * _M2) & _MASK
    return (z ^ (z >> 31)) | 1


def standard_normal(key: Any, site: Any, step: Any, index: Any) -> NDArray[np.float64]:
    """N(0, 1) for each index, (n,); the same for the same arguments, always."""
    k = np.uint64(mixed_key(int(np.asarray(key).item()), int(site)))
    counter = (np.uint64(int(np.asarray(step).item())) << np.uint64(32)) + np.asarray(index).astype(np.uint64)
    half = np.uint64(32)
    with np.errstate(over="ignore"):
        x = counter * k
        y, z = x, x + k
        for addend in (y, z, y):
            x = x * x + addend
            x = (x >> half) | (x << half)
        t = x * x + z
        x = (t >> half) | (t << half)
        bits = t ^ ((x * x + y) >> half)
    u = ((bits >> half).astype(np.float64) + 0.5) * 2.0**-32
    v = (bits & np.uint64(0xFFFFFFFF)).astype(np.float64) * (2 * np.pi * 2.0**-32)
    return np.sqrt(-2.0 * np.log(u)) * np.cos(v)


NORMAL = Function(standard_normal, arg_units=[1, 1, 1, 1], return_unit=1)
"""The same as a function for Brian2's equations."""
NORMAL.implementations.add_numpy_implementation(standard_normal, discard_units=True)
NORMAL.implementations.add_implementation("cpp", code=_CPP, name="standard_normal")
