"""Gaussian noise as a function of (key, site, step, index): the same numbers in numpy and in C++.

Two 64-bit numbers of Widynski's counter-based generator (2020, "Squares") mark a pair of sites and a step; from them
and an index, three rounds of a 32-bit hash (multiplications and shifts of Wellons 2018, "triple32") make one number
and a fourth another, and Box–Muller a normal for each of the two sites. All of it is in 32 bits, so that a compiler
makes it as wide as the processor is, and rounded as IEEE 754 says, so that another engine can repeat it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

_M1, _M2, _ODD = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF
_ROUNDS = ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB), (14, 0x2C1B3C6D))
"""Of the hash: shift, then multiply."""

# Minimax polynomials, with what they are off by: by less than a number of 24 bits shows.
_LOG = (1.0000117, -0.66670525, 0.4992293, -0.39776555, 0.3465199, -0.32671282, 0.2006923)
"""q in −2 ln(1 + f) = f (−2 + f q(f)) for 1 + f within √½ … √2: 7e-8."""
_SIN = (3.1415925, -5.167707, 2.5500314, -0.5980452, 0.07722013)
"""s in sin πt = t s(t²) for |t| ≤ ½: 3e-9."""
_COS = (1.0, -4.9347954, 4.058451, -1.3320938, 0.22008066)
"""cos πt = c(t²) for |t| ≤ ½: 5e-8."""
_LOG_2 = -1.3862944
"""−2 ln 2."""
_TINY = 1e-30
"""Added to the last product, which it does not change: fast maths may take a product apart, but no sum with one."""


def _horner(name: str, variable: str, coefficients: tuple[float, ...]) -> str:
    text = f"{coefficients[-1]!r}f"
    for coefficient in coefficients[-2::-1]:
        text = f"_ns_fma({text}, {variable}, {coefficient!r}f)"
    return f"const float {name} = {text};"


def _rounds() -> str:
    lines = ["uint32_t x = (uint32_t)index + (uint32_t)first;"]
    for number, (shift, factor) in enumerate(_ROUNDS):
        if number == 1:
            lines.append("x ^= (uint32_t)(first >> 32);")
        if number == 2:
            lines.append("x ^= (uint32_t)(second >> 32);")
        if number == 3:
            lines += ["const uint32_t radial = x ^ (x >> 16);", "x += (uint32_t)second;"]
        lines.append(f"x ^= x >> {shift}; x *= 0x{factor:08X}U;")
    return "\n    ".join([*lines, "const uint32_t angular = x ^ (x >> 16);"])


CPP = f"""
#if defined(__FMA__) || defined(__aarch64__) || defined(__CUDACC__)
#define _ns_fma(a, b, c) fmaf(a, b, c)
#else
#define _ns_fma(a, b, c) ((a) * (b) + (c))
#endif
#ifdef __CUDACC__
#define _NS_INLINE static __host__ __device__ __forceinline__
#else
#define _NS_INLINE static inline __attribute__((always_inline))
#endif
_NS_INLINE uint64_t _ns_mixed(uint64_t z)
{{
    z = (z ^ (z >> 30)) * 0x{_M1:X}ULL;
    z = (z ^ (z >> 27)) * 0x{_M2:X}ULL;
    return z ^ (z >> 31);
}}
_NS_INLINE uint64_t _ns_squares(uint64_t key, uint64_t counter)
{{
    uint64_t x = counter * key;
    const uint64_t y = x, z = y + key;
    x = x * x + y; x = (x >> 32) | (x << 32);
    x = x * x + z; x = (x >> 32) | (x << 32);
    x = x * x + y; x = (x >> 32) | (x << 32);
    const uint64_t t = x * x + z;
    x = (t >> 32) | (t << 32);
    return t ^ ((x * x + y) >> 32);
}}
_NS_INLINE float standard_normal(int64_t key, int64_t site, int64_t step, int64_t index)
{{
    const uint64_t k = _ns_mixed(((uint64_t)key * 64 + (uint64_t)(site >> 1) + 1) * 0x{_ODD:X}ULL) | 1ULL;
    const uint64_t first = _ns_squares(k, 2 * (uint64_t)step), second = _ns_squares(k, 2 * (uint64_t)step + 1);
    {_rounds()}
    const float u = (float)(int32_t)((radial >> 1) | 1) * 4.656612873077393e-10f;
    uint32_t bits;
    __builtin_memcpy(&bits, &u, sizeof bits);
    const int32_t power = ((int32_t)bits - 0x3F3504F3) >> 23;
    bits -= (uint32_t)power << 23;
    float mantissa;
    __builtin_memcpy(&mantissa, &bits, sizeof mantissa);
    const float f = mantissa - 1.0f;
    {_horner("q", "f", _LOG)}
    const float logarithm = f * _ns_fma(f, q, -2.0f);
    const float radius = sqrtf(_ns_fma((float)power, {_LOG_2!r}f, logarithm));
    const float t = (float)(int32_t)angular * 2.3283064365386963e-10f;
    const float square = t * t;
    if (site & 1)
    {{
        {_horner("s", "square", _SIN)}
        return _ns_fma(radius, t * s, {_TINY!r}f);
    }}
    {_horner("c", "square", _COS)}
    return _ns_fma(radius, radial & 1 ? -c : c, {_TINY!r}f);
}}
"""


def _mixed(z: int) -> int:
    z = ((z ^ (z >> 30)) * _M1) & _MASK
    z = ((z ^ (z >> 27)) * _M2) & _MASK
    return z ^ (z >> 31)


def _squares(key: int, counter: int) -> int:
    def turned(x: int) -> int:
        return ((x >> 32) | (x << 32)) & _MASK

    y = (counter * key) & _MASK
    z = (y + key) & _MASK
    x = y
    for addend in (y, z, y):
        x = turned((x * x + addend) & _MASK)
    t = (x * x + z) & _MASK
    x = turned(t)
    return t ^ (((x * x + y) & _MASK) >> 32)


def _fma(a: Numbers, b: Numbers, c: Numbers | float) -> Numbers:
    """Rounded once, but for one case in 10⁸: the product of two such numbers is exact in 53 bits."""
    product = np.multiply(a, b, dtype=np.float64)
    product += np.asarray(c, np.float32)
    return product.astype(np.float32)


def _polynomial(x: Numbers, coefficients: tuple[float, ...]) -> Numbers:
    value = np.full(x.shape, coefficients[-1], np.float32)
    for coefficient in coefficients[-2::-1]:
        value = _fma(value, x, coefficient)
    return value


def _hashed(
    first: int, second: int, index: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    low, half = 0xFFFFFFFF, np.uint32(16)
    x = index + np.uint32(first & low)
    radial = x
    for number, (shift, factor) in enumerate(_ROUNDS):
        if number == 1:
            x = x ^ np.uint32(first >> 32)
        if number == 2:
            x = x ^ np.uint32(second >> 32)
        if number == 3:
            radial = x ^ (x >> half)
            x = x + np.uint32(second & low)
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return radial, x ^ (x >> half)


def standard_normal(key: Any, site: Any, step: Any, index: Any) -> NDArray[np.float64]:
    """N(0, 1) for each index, (n,); the same for the same arguments, always. Sites 2n and 2n + 1 are drawn together:
    in C++ the two of them cost little more than one."""
    pair, odd = divmod(int(site), 2)
    k = _mixed(((int(np.asarray(key).item()) * 64 + pair + 1) * _ODD) & _MASK) | 1
    at = 2 * int(np.asarray(step).item())
    counters = np.atleast_1d(np.asarray(index)).astype(np.uint32)
    radial, angular = _hashed(_squares(k, at), _squares(k, at + 1), counters)
    t = angular.view(np.int32).astype(np.float32) * np.float32(2.0**-32)
    square = t * t
    if odd:
        direction = t * _polynomial(square, _SIN)
    else:
        direction = _polynomial(square, _COS)
        direction = np.where(radial & np.uint32(1), -direction, direction)
    drawn = _fma(_radius(radial), direction, _TINY).astype(np.float64)
    return drawn.reshape(np.shape(index))


def _radius(bits: NDArray[np.uint32]) -> Numbers:
    """√(−2 ln u) with u of the upper 31 bits; ln u of its mantissa and its exponent."""
    u = ((bits >> np.uint32(1)) | np.uint32(1)).view(np.int32).astype(np.float32) * np.float32(2.0**-31)
    power = (u.view(np.int32) - np.int32(0x3F3504F3)) >> np.int32(23)
    f = (u.view(np.int32) - (power << np.int32(23))).view(np.float32) - np.float32(1)
    logarithm = f * _fma(f, _polynomial(f, _LOG), -2.0)
    return np.sqrt(_fma(power.astype(np.float32), np.full(f.shape, _LOG_2, np.float32), logarithm))


NORMAL = Function(standard_normal, arg_units=[1, 1, 1, 1], return_unit=1)
"""The same as a function for Brian2's equations."""
NORMAL.implementations.add_numpy_implementation(standard_normal, discard_units=True)
for _target in ("cpp", "cuda"):
    NORMAL.implementations.add_implementation(_target, code=CPP, name="standard_normal")
