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


def duration(seconds: float) -> str:
    """A time someone waited for: seconds up to two minutes, then minutes, then hours."""
    if math.isnan(seconds):
        return "—"
    if seconds < 120:
        return engineering(seconds, "s")
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
