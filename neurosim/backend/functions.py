"""Functions that equations may use beside Brian2's own, on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from neurosim.backend.noise import NORMAL


def arctanh(x: Any) -> NDArray[np.float64]:
    """The inverse of tanh, of numbers within (−1, 1)."""
    return np.asarray(np.arctanh(x))


ARCTANH = Function(arctanh, arg_units=[1], return_unit=1)
ARCTANH.implementations.add_numpy_implementation(arctanh, discard_units=True)
ARCTANH.implementations.add_implementation(
    "cpp", code="static inline double _arctanh(double x) { return atanh(x); }", name="_arctanh"
)

TANH_CPP = """
#if defined(__FMA__) || defined(__aarch64__)
// tanh x = e/(e + 2) with e = exp(2|x|) - 1 = 2^n exp(r) - 1, r within half of ln 2: within 4e-16 of itself, NaN
// stays NaN. Free of tables and branches, so that the compiler makes vector code of it.
static inline double _neurosim_tanh(double x)
{
    const double a = fabs(x);
    const double z = 2.0 * (a > 20.0 ? 20.0 : a);
    const double n = nearbyint(z * 1.4426950408889634);
    const double r = fma(n, -0.69314718055994531, z);
    double q = 1.0 / 6227020800.0;
    q = fma(q, r, 1.0 / 479001600.0);
    q = fma(q, r, 1.0 / 39916800.0);
    q = fma(q, r, 1.0 / 3628800.0);
    q = fma(q, r, 1.0 / 362880.0);
    q = fma(q, r, 1.0 / 40320.0);
    q = fma(q, r, 1.0 / 5040.0);
    q = fma(q, r, 1.0 / 720.0);
    q = fma(q, r, 1.0 / 120.0);
    q = fma(q, r, 1.0 / 24.0);
    q = fma(q, r, 1.0 / 6.0);
    q = fma(q, r, 0.5);
    const double p = fma(q, r * r, r);
    const int64_t bits = ((int64_t)(int32_t)n + 1023) << 52;
    double power;
    __builtin_memcpy(&power, &bits, sizeof power);
    const double e = fma(power, p, power - 1.0);
    return copysign(e / (e + 2.0), x);
}
#else
static inline double _neurosim_tanh(double x) { return tanh(x); }
#endif
"""
"""glibc's vector tanh in double precision takes half as long again."""

FUNCTIONS = {"standard_normal": NORMAL, "arctanh": ARCTANH}
"""By the name they have in equations."""
