"""What arrays of a result amount to: range, mean, spread, degrees; read block by block, so that a file may be open."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_NUMBERS = 2**20
"""That are in memory at once, chosen: 8 MiB."""


@attrs.frozen(kw_only=True)
class Summary:
    """Of the finite numbers of an array; all NaN where there are none."""

    count: int
    """Of all its numbers."""
    least: float
    most: float
    mean: float
    spread: float
    """Standard deviation."""
    zeros: int
    infinite: int
    """As a limit is that there is none of."""
    missing: int
    """NaN."""


@np.errstate(over="ignore")  # of numbers next to the largest there are the spread is infinite
def summarise(values: Any) -> Summary:
    """Of an array or an open data set of any shape."""
    count = zeros = good = infinite = 0
    least, most, mean, squares = math.inf, -math.inf, 0.0, 0.0
    for block in blocks(values):
        finite = block[np.isfinite(block)]
        count += block.size
        infinite += int(np.count_nonzero(np.isinf(block)))
        zeros += int(np.count_nonzero(finite == 0))
        if not finite.size:
            continue
        least, most = min(least, float(finite.min())), max(most, float(finite.max()))
        here = float(finite.mean())
        # sums of squares about the means of two parts, and what lies between these (Chan et al. 1979)
        between = (here - mean) * (here - mean)  # a power would raise where this is infinite
        squares += float(((finite - here) ** 2).sum()) + between * good * finite.size / (good + finite.size)
        good += finite.size
        mean += (here - mean) * finite.size / good
    if not good:
        nan = math.nan
        return Summary(
            count=count,
            least=nan,
            most=nan,
            mean=nan,
            spread=nan,
            zeros=0,
            infinite=infinite,
            missing=count - infinite,
        )
    return Summary(
        count=count,
        least=least,
        most=most,
        mean=mean,
        spread=math.sqrt(squares / good),
        zeros=zeros,
        infinite=infinite,
        missing=count - good - infinite,
    )


def blocks(values: Any) -> Iterator[Array]:
    """Rows of the first dimension, as many as may be in memory at once."""
    shape = values.shape
    step = max(1, MOST_NUMBERS // max(1, math.prod(shape[1:])))
    for first in range(0, shape[0], step):
        yield np.asarray(values[first : first + step], dtype=np.float64)


def histogram(values: Any, edges: Array) -> NDArray[np.int64]:
    """How many numbers lie between each two edges."""
    found = np.zeros(len(edges) - 1, dtype=np.int64)
    for block in blocks(values):
        found += np.histogram(block[np.isfinite(block)], edges)[0]
    return found


def degrees(weights: Any, threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n_post,) and (n_pre,): to and from how many units weights of at least this magnitude go."""
    into: list[NDArray[np.int64]] = []
    out = np.zeros(weights.shape[1], dtype=np.int64)
    for block in blocks(weights):
        strong = np.abs(block) >= threshold
        into.append(strong.sum(axis=1))
        out += strong.sum(axis=0)
    return np.concatenate(into) if into else np.zeros(0, dtype=np.int64), out
