"""Functions that equations may use beside Brian2's own, on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from hardware_models.compartment import ATANH_MOST
from neurosim.backend.noise import NORMAL


def arctanh(x: Any) -> NDArray[np.float64]:
    """The inverse of tanh, of numbers within (−1, 1); what is nearer to ±1 than ATANH_MOST is taken for that."""
    return np.asarray(np.arctanh(np.clip(x, -ATANH_MOST, ATANH_MOST)))


def on_both(code: str) -> str:
    """C++ as CUDA for the host and the GPU."""
    return code.replace("static inline", "static __host__ __device__ inline")


def _odd_series(last: int, suffix: str) -> str:
    """Horner's scheme of 1/3 + s/5 + … + s^(last − 1)/(2 last + 1) as text."""
    lines = [f"q = 1.0{suffix} / {2 * last + 1}.0{suffix};"]
    lines += [f"q = fma{suffix}(q, s, 1.0{suffix} / {2 * k + 1}.0{suffix});" for k in range(last - 1, 0, -1)]
    return "\n    ".join(lines)


ARCTANH_CPP = f"""
// atanh x = k/2 ln 2 + atanh z, z = (1 + a - 2^k (1 - a))/(1 + a + 2^k (1 - a)) with a = |x| and the k that leaves
// |z| below 0.172; free of tables and branches, so that the compiler makes vector code of it. NaN stays NaN.
static inline double _arctanh(double x)
{{
    const double b = fabs(x), a = b > {ATANH_MOST!r} ? {ATANH_MOST!r} : b;
    const double up = 1.0 + a, down = 1.0 - a, ratio = up / down;
    int64_t bits;
    __builtin_memcpy(&bits, &ratio, sizeof bits);
    const int64_t k = (int64_t)((uint64_t)(bits - 0x3FE6A09E667F3BCDLL) >> 52), raised = (k + 1023) << 52;
    double power;
    __builtin_memcpy(&power, &raised, sizeof power);
    const double z = (k == 0 ? 2.0 * a : up - power * down) / (up + power * down), s = z * z;
    double {_odd_series(10, "")}
    return copysign(fma((double)(int32_t)k, 0.34657359027997264, fma(z * s, q, z)), x);
}}
static inline float _arctanh(float x)
{{
    const float b = fabsf(x), a = b > 0.99999994f ? 0.99999994f : b;  // the last before 1
    const float up = 1.0f + a, down = 1.0f - a, ratio = up / down;
    int32_t bits;
    __builtin_memcpy(&bits, &ratio, sizeof bits);
    const int32_t k = (int32_t)((uint32_t)(bits - 0x3F3504F3) >> 23), raised = (k + 127) << 23;
    float power;
    __builtin_memcpy(&power, &raised, sizeof power);
    const float z = (k == 0 ? 2.0f * a : up - power * down) / (up + power * down), s = z * z;
    float {_odd_series(5, "f")}
    return copysignf(fmaf((float)k, 0.34657359f, fmaf(z * s, q, z)), x);
}}
"""
"""glibc has no vector code of it in single precision, nor on processors of fewer lanes."""

ARCTANH = Function(arctanh, arg_units=[1], return_unit=1)
ARCTANH.implementations.add_numpy_implementation(arctanh, discard_units=True)
ARCTANH.implementations.add_implementation("cpp", code=ARCTANH_CPP, name="_arctanh")
ARCTANH.implementations.add_implementation("cuda", code=on_both(ARCTANH_CPP), name="_arctanh")

CLIP_CPP = """
template <typename T, typename L, typename H> static inline T _neurosim_clip(T value, L least, H most)
{
    return value < least ? (T)least : value > most ? (T)most : value;
}
"""
"""Brian2's own compares in double precision."""

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
// The same in single precision, within 2e-7 of itself.
static inline float _neurosim_tanh(float x)
{
    const float a = fabsf(x);
    const float z = 2.0f * (a > 10.0f ? 10.0f : a);
    const float n = nearbyintf(z * 1.44269504f);
    float r = fmaf(n, -0.693359375f, z);
    r = fmaf(n, 2.12194440e-4f, r);
    float q = 1.0f / 5040.0f;
    q = fmaf(q, r, 1.0f / 720.0f);
    q = fmaf(q, r, 1.0f / 120.0f);
    q = fmaf(q, r, 1.0f / 24.0f);
    q = fmaf(q, r, 1.0f / 6.0f);
    q = fmaf(q, r, 0.5f);
    const float p = fmaf(q, r * r, r);
    const int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    const float e = fmaf(power, p, power - 1.0f);
    return copysignf(e / (e + 2.0f), x);
}
#else
static inline double _neurosim_tanh(double x) { return tanh(x); }
static inline float _neurosim_tanh(float x) { return tanhf(x); }
#endif
"""
"""glibc's vector tanh in double precision takes half as long again."""

FUNCTIONS = {"standard_normal": NORMAL, "arctanh": ARCTANH}
"""By the name they have in equations."""
