"""Ratios of a benchmark as one picture; measures nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from neurosim.io.atomic import write_atomically
from neurosim.report.style import COLOURS, FAINT, INK, SMALL, frame

from .harness import Quartiles


def draw_ratios(
    found: Mapping[str, Mapping[str, Quartiles]], path: str | Path, *, baseline: str, title: str
) -> None:
    """A panel a case, a row an implementation: its time over that of `baseline`, with quartiles.

    found : {case: {implementation: ratio}}.
    """
    figure = Figure(
        figsize=(11, 0.7 + sum(0.6 + 0.27 * len(rows) for rows in found.values())), layout="constrained"
    )
    heights = [2 + len(rows) for rows in found.values()]
    panels = figure.subplots(len(found), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (case, rows) in zip(panels, found.items(), strict=True):
        for row, quartiles in enumerate(rows.values()):
            axes.plot([quartiles.q1, quartiles.q3], [row, row], color=COLOURS[0], linewidth=4, alpha=0.35)
            axes.plot([quartiles.median], [row], "o", color=COLOURS[0], markersize=5)
            axes.annotate(
                f"{quartiles.median:.3g}",
                (quartiles.median, row),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                color=INK,
            )
        axes.axvline(1, color=FAINT, linewidth=1)
        axes.set_xscale("log")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        frame(axes, title=case)
    frame(panels[-1], title=list(found)[-1], x=f"{title}, over that of the {baseline} (log scale)")
    with write_atomically(path) as part:
        figure.savefig(part, format=Path(path).suffix.lower()[1:], dpi=100)
