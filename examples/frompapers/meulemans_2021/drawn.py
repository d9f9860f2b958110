"""Figures 3 and 4 on paper; knows not how the lines came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import Arrays, new_figure, panel, save_figure
from matplotlib.ticker import MaxNLocator

from meulemans_2021.alignment import averaged
from meulemans_2021.measures import NAMES
from neurosim.report.style import COLOURS, SMALL

TITLES: dict[str, tuple[str, str]] = {
    "condition_2": ("condition 2", r"$\|P_J Q\|/\|Q\|$"),
    "angle_mn": ("angle to weighted MN", "degrees"),
    "condition_1": ("condition 1", r"std / mean of $\|r_l\|$"),
    "angle_gn": ("angle to Gauss–Newton", "degrees"),
    "largest_real_part": ("stability", r"max Re eig, $1/\tau_u$"),
    "angle_ssa": ("angle to DFC-SSA", "degrees"),
}
BASE = {"DFC": COLOURS[0], "DFC-SS": COLOURS[1], "DFC-SSA": COLOURS[2]}
"""One colour a variant; dashed: fixed feedback. Widths fall, so that lines that coincide all show."""
WIDTHS = {"DFC": 3.2, "DFC-SS": 2.0, "DFC-SSA": 0.9}


def draw_third(lines: Mapping[str, Sequence[Arrays]], folder: Path, *, window: int, caption: str) -> None:
    """Panels A–F over epochs; lines: for each variant the histories of all seeds."""
    figure = new_figure(10.5, 6.6)
    grid = figure.subplots(2, 3)
    for letter, name, axes in zip("ABCDEF", NAMES, grid.T.ravel(), strict=True):
        title, unit = TITLES[name]
        panel(axes, letter, title, x="epoch", y=unit)
        for variant, histories in lines.items():
            base = variant.removesuffix(" (fixed)")
            mean, deviation = _window(histories, name, window)
            style = "-" if base == variant else "--"
            epochs = np.arange(len(mean))
            axes.plot(
                epochs,
                mean,
                style,
                color=BASE[base],
                linewidth=WIDTHS[base],
                label=variant if letter == "A" else None,
            )
            axes.fill_between(
                epochs, mean - deviation, mean + deviation, color=BASE[base], alpha=0.12, linewidth=0
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name == "largest_real_part":
            axes.axhline(0.0, color="#4A4A4A", linewidth=0.8, linestyle=":")
        elif name == "condition_2":
            axes.set_ylim(top=1.0)
        else:
            axes.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncol=6, fontsize=SMALL, frameon=False, handlelength=2.6)
    save_figure(figure, folder, "figure_3", caption=caption)


def draw_fourth(
    by_stepsize: Mapping[float, Sequence[Arrays]],
    by_leak: Mapping[float, Sequence[Arrays]],
    folder: Path,
    *,
    window: int,
    caption: str,
) -> None:
    """A: the angle to MN for each λ, B: for each α; over epochs, and at the end against the value itself."""
    figure = new_figure(10.5, 6.4)
    grid = figure.subplots(2, 2)
    panels = (("A", "variable λ", "λ", by_stepsize), ("B", "variable α", "α", by_leak))
    for position, (letter, title, symbol, lines) in enumerate(panels):
        above, below = grid[0, position], grid[1, position]
        panel(above, letter, title, x="epoch", y="angle to weighted MN, degrees")
        panel(below, "", "", x=symbol + ", at the end", y="degrees")
        ends = []
        for colour, width, (value, histories) in zip(COLOURS, (4, 3, 2, 1), lines.items(), strict=False):
            mean, deviation = _window(histories, "angle_mn", window)
            label = f"{symbol} = {value:g}" + (" (clamped)" if symbol == "λ" and value == 0.5 else "")
            above.plot(mean, color=colour, linewidth=width, label=label)
            ends.append((value, mean[-1], deviation[-1]))
        above.set_ylim(0, 1.1 * max(line.get_ydata().max() for line in above.lines))
        above.xaxis.set_major_locator(MaxNLocator(integer=True))
        above.legend(fontsize=SMALL, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        x, mean, deviation = np.array(ends).T
        below.errorbar(x, mean, yerr=deviation, fmt="o-", color=COLOURS[5], capsize=3)
        below.set_xscale("log")
        below.set_ylim(0, 1.1 * float(np.max(mean + deviation)))
    save_figure(figure, folder, "figure_4", caption=caption)


def _window(histories: Sequence[Arrays], name: str, window: int) -> tuple[Any, Any]:
    """Shorter histories, of trainings that diverged, end earlier."""
    longest = max(len(history[name]) for history in histories)
    values = np.full((len(histories), longest, histories[0][name].shape[1]), np.nan)
    for row, history in zip(values, histories, strict=True):
        row[: len(history[name])] = history[name]
    return averaged(values, window)
