"""Weights as pictures: every projection's matrix, the distribution of its weights, and of its degrees."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.analysis.contents import degrees, histogram, summarise
from neurosim.io.atomic import write_atomically
from neurosim.report.style import COLOURS, FAINT, INK, LARGEST_DRAWN, SMALL, frame, say
from neurosim.result import Projection, Result

FORMATS = (".png", ".svg", ".pdf")
WIDTH, HEIGHT, DPI = 13.0, 2.7, 100
"""Inches, the height of each projection's row; dots an inch."""
MOST_DRAWN = 500
"""Rows and columns of a matrix that are drawn; of larger ones every so-manieth is."""
BINS = (10, 60)
"""Least and most of them; 2 √n between."""


def draw_connectivity(result: Result, path: str | Path, *, threshold: float | None = None) -> None:
    """Draw and save in one of `FORMATS`, whole or not at all; the caller has checked the suffix.

    threshold : degrees count weights of at least this magnitude; None: of the projection's root mean square.

    Raises
    ------
    OutputError : a path that cannot be written.
    """
    with write_atomically(path) as part:
        figure = compose_connectivity(result, threshold=threshold)
        figure.savefig(part, format=Path(path).suffix.lower()[1:], dpi=DPI)


def compose_connectivity(result: Result, *, threshold: float | None = None) -> Any:
    """The matplotlib Figure itself."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(1, len(result.connectivity))
    figure: Any = Figure(
        figsize=(WIDTH, HEIGHT * rows + 0.4), dpi=DPI, layout="constrained", facecolor="white"
    )
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1, wspace=0.05)
    panels = figure.subplots(rows, 3, squeeze=False, width_ratios=(1.3, 1, 1))
    if not result.connectivity:
        for axes in panels[0]:
            say(axes, "no connectivity")
    for (name, projection), axes in zip(result.connectivity.items(), panels, strict=False):
        _draw(axes, name, projection, threshold)
    return figure


def _draw(panels: Any, name: str, projection: Projection, threshold: float | None) -> None:
    found = summarise(projection.weights)
    n_post, n_pre = projection.weights.shape
    title = f"{name}  ({n_post} × {n_pre}, {projection.kind})"
    most = max(abs(found.least), abs(found.most))
    if not most < LARGEST_DRAWN:  # nor NaN
        words = "no finite weights" if math.isnan(most) else "weights have left all bounds"
        for axes, name in zip(panels, (title, "weights", "degrees"), strict=True):
            say(axes, words, title=name)
        return
    _matrix(panels[0], projection, title, most)
    _weights(panels[1], projection, found.least, found.most)
    level = math.hypot(found.mean, found.spread) if threshold is None else threshold
    _degrees(panels[2], projection, level, given=threshold is not None)


def _matrix(axes: Any, projection: Projection, title: str, most: float) -> None:
    weights = projection.weights
    steps = [-(-size // MOST_DRAWN) for size in weights.shape]
    drawn = np.asarray(weights[:: steps[0], :: steps[1]])
    image = axes.imshow(
        drawn,
        cmap="RdBu_r",
        vmin=-most or -1.0,
        vmax=most or 1.0,
        aspect="auto",
        interpolation="nearest",
        extent=(-0.5, weights.shape[1] - 0.5, weights.shape[0] - 0.5, -0.5),
    )
    frame(
        axes,
        title=title,
        x=_with_step(projection.source, steps[1]),
        y=_with_step(projection.target, steps[0]),
    )
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    bar.outline.set_visible(False)


def _with_step(part: str, step: int) -> str:
    return part if step == 1 else f"{part}, every {step} units"


def _weights(axes: Any, projection: Projection, least: float, most: float) -> None:
    edges = (
        np.linspace(least, most, _bins(projection.weights.size) + 1)
        if least < most
        else np.array([least - 0.5, least + 0.5])
    )
    axes.stairs(histogram(projection.weights, edges), edges, fill=True, color=COLOURS[0])
    axes.axvline(0, color=FAINT, linewidth=0.8)
    frame(
        axes,
        title="weights",
        x="weight" + (f", {projection.unit}" if projection.unit != "1" else ""),
        y="synapses",
    )


def _degrees(axes: Any, projection: Projection, threshold: float, *, given: bool) -> None:
    into, out = degrees(projection.weights, threshold)
    for values, words, colour in (
        (into, f"into each of {projection.target}", COLOURS[1]),
        (out, f"out of each of {projection.source}", COLOURS[2]),
    ):
        least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        edges = np.linspace(least - 0.5, most + 0.5, min(most - least + 1, _bins(len(values))) + 1)
        axes.stairs(
            np.histogram(values, edges)[0] / max(len(values), 1),
            edges,
            color=colour,
            linewidth=1.6,
            label=words,
        )
    axes.set_ylim(0, 1.6 * axes.get_ylim()[1])  # room for the names
    axes.legend(frameon=False, fontsize=SMALL, labelcolor="linecolor", loc="upper left")
    level = f"{threshold:.3g}" if given else f"{threshold:.3g}, the rms"
    frame(axes, title="degrees", x=f"synapses of |weight| ≥ {level}", y="share of units")


def _bins(count: int) -> int:
    least, most = BINS
    return min(max(round(2 * math.sqrt(count)), least), most)
