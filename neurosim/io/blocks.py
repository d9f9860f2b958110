"""Large arrays a part at a time; knows no file."""

from __future__ import annotations

from collections.abc import Iterator

MOST_NUMBERS = 2**20
"""That are in memory at once, chosen: 8 MiB."""


def blocks(rows: int, row: int) -> Iterator[slice]:
    """As many rows of so many numbers each as are in memory at once, one block after the other."""
    step = max(1, MOST_NUMBERS // max(row, 1))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))
