"""Figure 3 drawn: panels a–k in the paper's order, and three more; computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import new_figure, panel, save_figure
from matplotlib.lines import Line2D

from neurosim.report.style import COLOURS, FAINT, INK, SMALL
from podlaski_2020.algorithms import LINEAR, NONLINEAR, Algorithm
from podlaski_2020.regression import Curves
from podlaski_2020.tasks import TASKS

REALISATIONS = {
    ("transpose", 0.01): COLOURS[0],
    ("transpose", 0.001): COLOURS[2],
    ("stable", 0.01): COLOURS[1],
}
OTHERS = {"BP": INK, "FA": FAINT, "PBP": COLOURS[3]}
DASHES = {"DI": "-", "NDI": ":", "SLDI": "-."}
SMALLEST = 1e-3
"""Degrees; the least angle on a logarithmic axis, below which lies only rounding. Chosen."""


def draw_figure_3(curves: Curves, folder: Path, *, quick: bool) -> Path:
    """`figures/figure_3.png`."""
    figure = new_figure(17.0, 15.0)
    axes = figure.subplots(4, 4)
    a, b, c, d, e, f, g, h, i, j, k, unbounded, more_mean, more_large, key, spare = axes.flat
    spare.remove()
    _errors(a, curves, "a", "linear", "linear", LINEAR)
    _errors(b, curves, "b", "linear, fixed norm", "linear, fixed norm", LINEAR)
    _errors(g, curves, "g", "nonlinear", "nonlinear", NONLINEAR)
    linear, nonlinear = ("linear", LINEAR), ("nonlinear", NONLINEAR)
    _pairs(c, curves, "c", "stability of DI", "max Re eig", ("DI",), "slowest mode", *linear)
    _pairs(d, curves, "d", "NDI vs DI", "∠(δ₁) (°)", ("DI",), "to NDI", *linear)
    _pairs(e, curves, "e", "feedback alignment", "∠(B, −Wᵀ) (°)", ("DI", "NDI"), "feedback angle", *linear)
    _pairs(f, curves, "f", "PBP vs DI", "∠(δ₁) (°)", ("DI",), "to PBP", *linear)
    _pairs(h, curves, "h", "stability of DI", "max Re eig", ("DI",), "slowest mode", *nonlinear)
    _pairs(i, curves, "i", "NDI vs DI", "∠(δ) (°)", ("DI",), "to NDI", *nonlinear)
    _pairs(j, curves, "j", "feedback alignment", "∠(B, −Wᵀ) (°)", ("DI", "NDI"), "feedback angle", *nonlinear)
    _pairs(k, curves, "k", "NDI vs SLDI", "∠(δ) (°)", ("SLDI",), "to NDI", *nonlinear)
    for axis in (d, i):
        axis.set_yscale("log")
    _errors(unbounded, curves, "l", "linear, unbounded errors", "linear, unbounded errors", LINEAR)
    mean = "variance unexplained"
    _errors(more_mean, curves, "m", f"nonlinear: {mean}", "nonlinear", NONLINEAR, measure="unexplained")
    large = "nonlinear, large teacher"
    _errors(more_large, curves, "n", f"large teacher: {mean}", large, NONLINEAR, measure="unexplained")
    _legend(key)
    return save_figure(figure, folder, "figure_3", caption=caption(curves, quick=quick))


def caption(curves: Curves, *, quick: bool) -> str:
    """What is shown and where it is not the paper's."""
    n = len(curves.seeds)
    seeds = "one seed" if n == 1 else f"medians over {n} seeds"
    budget = ", ".join(
        f"{name}: {int(curves.examples[name][-1])} of {TASKS[name].examples}" for name in curves.examples
    )
    lines = [
        "Podlaski and Machens 2020, figure 3; "
        + seeds
        + (" · QUICK RUN: examples shown " + budget if quick else ""),
        "δ of hidden layers is bounded to a norm of 10 (linear) or 1 (nonlinear), as in the authors' code; without it "
        "(l) most inversions of the small first weights diverge, and their lines end. h–k: solid middle, dashed output "
        "layer; e, j: NDI pale; d, i: least 10⁻³.",
        "NMSE: error over that before learning. m, n: over the variance of the teacher's output; 1, dotted: the best "
        "constant. In g the output hardly varies, and what is learned is the bias; the teacher of n has weights "
        "U(±√(3/n)).",
    ]
    return "\n".join(lines)


def colour_of(algorithm: Algorithm) -> str:
    """By realisation of an inversion, by name of another."""
    return OTHERS.get(algorithm.method) or REALISATIONS[algorithm.start, algorithm.leak]


def _errors(
    axes: Any,
    curves: Curves,
    letter: str,
    title: str,
    task: str,
    algorithms: Sequence[Algorithm],
    *,
    measure: str = "error",
) -> None:
    label = "NMSE" if measure == "error" else "fraction"
    panel(axes, letter, title, x="examples", y=label)
    axes.set_yscale("log")
    for algorithm in algorithms:
        axes.plot(
            curves.examples[task],
            curves.middle(task, algorithm.label, measure),
            color=colour_of(algorithm),
            linestyle=DASHES.get(algorithm.method, "-"),
            linewidth=2.2 if algorithm.method == "NDI" else 1.4,
        )
    if measure == "unexplained":
        axes.axhline(1.0, color=FAINT, linewidth=1.0, linestyle=(0, (1, 3)))


def _pairs(
    axes: Any,
    curves: Curves,
    letter: str,
    title: str,
    label: str,
    methods: Sequence[str],
    measure: str,
    task: str,
    algorithms: Sequence[Algorithm],
) -> None:
    """A measure of every pair of layers; the pair nearest to the output is dashed where there are two."""
    panel(axes, letter, title, x="examples", y=label)
    for algorithm in algorithms:
        if algorithm.method not in methods:
            continue
        known = (n for t, name, n in curves.values if (t, name) == (task, algorithm.label))
        names = sorted(n for n in known if n.startswith(measure))
        for place, name in enumerate(names):
            series = curves.middle(task, algorithm.label, name)
            axes.plot(
                curves.examples[task],
                np.maximum(series, SMALLEST) if measure == "to NDI" else series,
                color=colour_of(algorithm),
                linestyle="--" if place else "-",
                linewidth=1.4,
                alpha=0.55 if algorithm.method == "NDI" else 1.0,
            )


def _legend(axes: Any) -> None:
    axes.axis("off")
    handles = [Line2D([], [], color=colour, label=name) for name, colour in OTHERS.items()]
    names = {"transpose": "Tr-Init", "stable": "R-Init"}
    for (start, leak), colour in REALISATIONS.items():
        handles.append(Line2D([], [], color=colour, linewidth=4, label=f"{names[start]}, α = {leak:g}"))
    for method, dashes in DASHES.items():
        handles.append(
            Line2D([], [], color=COLOURS[0], linestyle=dashes, label=f"{method} (a, b, g, l, m, n)")
        )
    handles.append(Line2D([], [], color=COLOURS[0], linestyle="-", label="middle layer (h–k)"))
    handles.append(Line2D([], [], color=COLOURS[0], linestyle="--", label="output layer (h–k)"))
    axes.legend(handles=handles, loc="upper left", frameon=False, fontsize=SMALL + 1)
