"""How far two sets of numbers that should agree lie apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike


def largest_difference(pairs: Iterable[tuple[ArrayLike, ArrayLike]]) -> float:
    """max |a − b| over all pairs; NaN if anything is not finite."""
    worst = 0.0
    for first, second in pairs:
        a, b = np.asarray(first, float), np.asarray(second, float)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return float("nan")
        worst = max(worst, float(np.abs(a - b).max(initial=0.0)))
    return worst


def relative_difference(pairs: Iterable[tuple[ArrayLike, ArrayLike]]) -> float:
    """max |a − b| over all pairs, over the largest |b| of all of them."""
    listed = [(np.asarray(a, float), np.asarray(b, float)) for a, b in pairs]
    scale = max((float(np.abs(b).max()) for _, b in listed if b.size), default=0.0)
    return largest_difference(listed) / scale if scale > 0 else largest_difference(listed)
