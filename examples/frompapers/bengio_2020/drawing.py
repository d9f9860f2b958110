"""What the four figures share: lines over seeds with their spread, and words at their ends; knows no data."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.report.style import COLOURS, FAINT, SMALL

LAYER_COLOURS, LAYER_MARKS = COLOURS[:4], ("o", "s", "^", "D")


def draw_spread(axes: Any, x: Any, values: np.ndarray, *, colour: str, **how: Any) -> None:
    """The median of values (seeds, x) and, behind it, from the least to the largest."""
    # one seed has no spread; NaN stands for a run that diverged
    low, middle, high = (_over_seeds(part, values) for part in (np.nanmin, np.nanmedian, np.nanmax))
    axes.plot(x, middle, color=colour, **how)
    if len(values) > 1:
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


def draw_slope(axes: Any, x: Any, start: float) -> None:
    """A line of slope 1 through (x[0], start) on log axes."""
    axes.plot(x, start * np.asarray(x) / x[0], color=FAINT, linestyle=":", linewidth=1.2, label="slope 1")


def legend(axes: Any, place: str = "best", **how: Any) -> None:
    """Small, without a box."""
    axes.legend(fontsize=SMALL - 1, frameon=False, loc=place, handlelength=1.8, **how)


def _over_seeds(part: Any, values: np.ndarray) -> np.ndarray:
    found = np.full(values.shape[1:], np.nan)
    seen = np.isfinite(values).any(axis=0)
    found[seen] = part(values[:, seen], axis=0)
    return found
