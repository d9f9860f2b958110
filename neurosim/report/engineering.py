"""Numbers as engineers write them, 20 µs rather than 2e-05 s; knows nothing of what is measured."""

from __future__ import annotations

import math

PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
"""SI prefix by power of ten."""


def power_of(value: float) -> int:
    """The power of ten, a multiple of three with a prefix, that leaves 1 ≤ |value|/10^power < 1000."""
    if not math.isfinite(value) or value == 0:
        return 0
    power = 3 * math.floor(math.log10(abs(value) * (1 + 1e-12)) / 3)  # 1e-3 is 0.00099999… in binary
    return min(max(power, min(PREFIXES)), max(PREFIXES))


def engineering(value: float, unit: str, *, digits: int = 3) -> str:
    """`value` of `unit` with a prefix and so many significant digits; an em dash where there is no number."""
    if math.isnan(value):
        return "—"
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}∞ {unit}"
    rounded = float(f"{value:.{digits}g}")  # first, so that 999.9 µ becomes 1 m
    power = power_of(rounded)
    return f"{rounded / 10**power:.{digits}g} {PREFIXES[power]}{unit}"


def area(square_metres: float, *, digits: int = 3) -> str:
    """An area in mm² from a hundredth of one on, else in µm²: a prefix before m² would be squared."""
    if not math.isfinite(square_metres):
        return "—" if math.isnan(square_metres) else "∞ mm²"
    unit, name = (1e-6, "mm²") if square_metres >= 1e-8 else (1e-12, "µm²")
    value = float(f"{square_metres / unit:.{digits}g}")
    return f"{value:g} {name}"


def duration(seconds: float) -> str:
    """A time someone waited for: seconds up to two minutes, then minutes, then hours."""
    if math.isnan(seconds):
        return "—"
    if seconds < 120:
        return engineering(seconds, "s")
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
