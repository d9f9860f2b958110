"""How the panels of a picture look: colours, frames, labels at the lines themselves; knows no results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.report.engineering import PREFIXES, power_of

INK, FAINT, ALARM = "#222222", "#6b6b6b", "#b00020"
COLOURS = ("#0072B2", "#D55E00", "#007A5A", "#A3457F", "#8A6200", "#4A4A4A")
"""After Okabe and Ito, told apart with any colour vision; darkened until text in them reads on white."""
SETTLE_SHADE, LEARN_SHADE = "#eeeeee", "#fdf3d8"
SMALL, NORMAL = 9, 10
"""Sizes of type, points."""
LARGEST_DRAWN = 1e30
"""Beyond it a state that diverges is not drawn: the axes could not hold it."""


def frame(axes: Any, *, title: str = "", x: str = "", y: str = "") -> None:
    """Title at the left, axis labels, no box, few ticks."""
    if title:
        axes.set_title(title, loc="left", fontsize=NORMAL, fontweight="bold", color=INK)
    axes.set_xlabel(x, fontsize=SMALL, color=INK)
    axes.set_ylabel(y, fontsize=SMALL, color=INK)
    axes.tick_params(labelsize=SMALL, colors=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def say(axes: Any, words: str, *, title: str = "") -> None:
    """Words in place of a panel whose data are missing."""
    frame(axes, title=title)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_facecolor("#f6f6f6")
    axes.text(
        0.5, 0.5, words, ha="center", va="center", fontsize=NORMAL, color=FAINT, transform=axes.transAxes
    )


def label_ends(axes: Any, labels: Sequence[tuple[float, str, str]], *, gap: float) -> None:
    """Names right of the axes, each at the height of its line's end, moved apart where they would touch.

    Parameters
    ----------
    labels : height in data units, text, colour.
    gap : the least distance, as a fraction of the axes' height.
    """
    known = [entry for entry in labels if np.isfinite(entry[0])]
    if not known:
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = [float(to_axes.transform((axes.get_xlim()[0], y))[1]) for y, _, _ in known]
    order = sorted(range(len(known)), key=heights.__getitem__)
    places = _apart([min(max(heights[i], 0.0), 1.0) for i in order], gap)
    for place, index in zip(places, order, strict=True):
        _, text, colour = known[index]
        axes.text(
            1.02, place, text, color=colour, fontsize=SMALL, va="center", ha="left", transform=axes.transAxes
        )


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """A copy with NaN for whatever cannot be drawn."""
    copy = np.array(values, dtype=float)
    with np.errstate(invalid="ignore"):
        copy[~(np.abs(copy) < LARGEST_DRAWN)] = np.nan
    return copy


def last_finite(values: ArrayLike) -> float:
    """The last value that can be drawn; NaN where there is none."""
    drawn = finite(values)
    drawn = drawn[np.isfinite(drawn)]
    return float(drawn[-1]) if len(drawn) else float("nan")


def prefixed(values: ArrayLike, unit: str) -> tuple[NDArray[np.float64], str]:
    """The values in the multiple of `unit` that suits the largest of them, and its name; unit 1 stays."""
    drawn = finite(values)
    if unit in ("", "1"):
        return drawn, ""
    largest = float(np.nanmax(np.abs(drawn))) if np.isfinite(drawn).any() else 0.0
    power = power_of(largest)
    return drawn / 10.0**power, f"{PREFIXES[power]}{unit}"


def _apart(places: list[float], gap: float) -> list[float]:
    """Rising heights with at least `gap` between them: those that touch spread about their mean."""
    blocks: list[list[float]] = []  # pool adjacent violators of the heights less their due distances
    for index, place in enumerate(places):
        blocks.append([place - index * gap])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    free = max(0.0, 1 - gap * (len(places) - 1))
    levels = [min(max(_mean(block), 0.0), free) for block in blocks for _ in block]
    return [level + index * gap for index, level in enumerate(levels)]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
