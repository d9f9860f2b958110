"""One figure of a run, put together from panels and saved; loads matplotlib, but only to draw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import OutputError
from neurosim.io.atomic import write_atomically
from neurosim.report.agreement import MOST_LAYERS, draw_agreement, hidden_layers
from neurosim.report.curves import draw_curves
from neurosim.report.measures import chip_name, fell_short, method_name
from neurosim.report.presentation import draw_compartments, draw_controller, draw_outputs
from neurosim.report.style import ALARM, INK, NORMAL, say
from neurosim.result import Result, Series

FORMATS = (".png", ".svg")
SIZE, DPI = (15.0, 9.6), 100
"""Inches, dots an inch: 1500 by 960 pixels, to be read at 100 %."""


def draw_run(
    result: Result,
    path: str | Path,
    *,
    displacements: Mapping[str, NDArray[np.float64]] | None = None,
    baseline: Mapping[str, Series] | None = None,
    others: Mapping[str, Result] | None = None,
) -> None:
    """Draw a run and save it as .png or .svg, whole or not at all; parts it lacks are said in words.

    Parameters
    ----------
    displacements : by layer v − v_ff, emulated and solved, (2, n_samples, n_units), activation units, as a
        `Verification` has them.
    baseline : learning curves to stand beside, by measure ("train_loss": BP is meant) or by name and measure
        ("DFA/train_loss").
    others : further results by name, such as the same spec on another chip, for the learning curves.

    Raises
    ------
    OutputError : another suffix, or a path that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(
            "no such picture format",
            where=str(path),
            expected=" or ".join(FORMATS),
            got=suffix or "no suffix",
            remedy="end the name in .png or .svg",
        )
    with write_atomically(path) as part:  # before the drawing: a path that cannot be written costs nothing
        figure = compose(result, displacements=displacements, baseline=baseline, others=others)
        metadata = {"Date": None} if suffix == ".svg" else None  # the same result gives the same file
        figure.savefig(part, format=suffix[1:], dpi=DPI, metadata=metadata)


def compose(
    result: Result,
    *,
    displacements: Mapping[str, NDArray[np.float64]] | None = None,
    baseline: Mapping[str, Series] | None = None,
    others: Mapping[str, Result] | None = None,
) -> Any:
    """The matplotlib Figure itself; arguments as `draw_run`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=SIZE, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.04, hspace=0.05)
    _title(figure, result)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.0, 1.15))
    learning, agreement = upper.subfigures(1, 2, width_ratios=(1.25, 1.0))
    train, test = learning.subplots(1, 2)
    draw_curves(train, test, result, baseline=baseline, others=others)
    _agreement(agreement, result, displacements)
    left, middle, right = lower.subfigures(1, 3, width_ratios=(1.1, 1.0, 1.0))
    draw_compartments(left, result)
    draw_controller(middle.subplots(), result)
    draw_outputs(right.subplots(), result)
    return figure


def _agreement(area: Any, result: Result, displacements: Mapping[str, NDArray[np.float64]] | None) -> None:
    layers = hidden_layers(result, displacements)
    if layers:
        panels = area.subplots(1, min(len(layers), MOST_LAYERS), squeeze=False)
        draw_agreement(list(panels[0]), layers)
        return
    why = "hidden layers" if displacements else "settled states"
    say(area.subplots(), f"No {why} to compare\nwith the reference.", title="e  Agreement with the reference")


def _title(figure: Any, result: Result) -> None:
    status, short = result.status, fell_short(result.verification)
    names = [name for name in (chip_name(result) or "unknown chip", method_name(result)) if name]
    outcome = [status.kind if status.good else f"FAILED: {status.kind}"]
    if short:
        outcome.append("CHECKS FELL SHORT: " + ", ".join(check.name for check in short))
    elif result.verified:
        outcome.append("verified")
    else:
        outcome.append("not verified")
    alarming = bool(short) or not status.good
    text = " · ".join(names + outcome) + (f"\n{status.message}" if status.message else "")
    figure.suptitle(text, fontsize=NORMAL + 3, fontweight="bold", color=ALARM if alarming else INK, wrap=True)
