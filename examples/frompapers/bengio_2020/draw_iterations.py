"""The figure of how fast the corrections converge; knows not how they were computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from common import Arrays, new_figure, panel, save_figure

from bengio_2020.drawing import LAYER_COLOURS, LAYER_MARKS, draw_spread, legend
from bengio_2020.iterations import ACCURACY, SPOILT
from neurosim.report.style import COLOURS, FAINT

FLOOR = 1e-13
"""Below it there is only rounding."""
KINDS = {
    "none": "none: g alone",
    "one_step": "1 output step",
    "one_shot": "one-shot",
    "five_steps": "5 output steps",
    "converged": "converged",
}


def draw_iterations(
    folder: Path, contraction: Arrays, schedules: Arrays, corrections: Arrays, *, seeds: int
) -> Path:
    """Panels A–D; every array leads with the seeds."""
    figure = new_figure(11, 8.4)
    (a, b), (c, d) = figure.subplots(2, 2)
    _draw_contraction(a, "A", "Correction at the input of g", contraction, "input", "‖ε_t‖")
    _draw_contraction(b, "B", "Correction at the output of g", contraction, "output", "‖τ(t) − τ(t−1)‖")
    _draw_schedules(c, schedules)
    _draw_corrections(d, corrections)
    return save_figure(
        figure,
        folder,
        "iterations",
        caption=(
            "4 tanh layers of 20 units, decoders fitted by regression, β = 0.1. A, B: layer below the output, seed 1; "
            "solid: measured, dotted: first move · α^(t−1),\nα: Lipschitz constant of f∘g − id or id − g∘f on the way, "
            "with noise on the decoder growing from top to bottom of the legend.\n"
            "C: seed 1; layer 3 is the same both ways. D: grey line: as large as the step itself; "
            f"median of {seeds} seed(s), shaded: least to largest. The paper has no such figure."
        ),
    )


def _draw_contraction(axes: Any, letter: str, title: str, data: Arrays, side: str, label: str) -> None:
    panel(axes, letter, title, x="step t", y=label)
    for position in range(len(SPOILT)):
        moves, alpha = data[f"{side}_moves"][0, position], data[f"{side}_alpha"][0, position]
        steps, colour = np.arange(1, len(moves) + 1), COLOURS[position]
        seen = moves > FLOOR
        mark = LAYER_MARKS[position]
        axes.semilogy(
            steps[seen],
            moves[seen],
            color=colour,
            marker=mark,
            markersize=3.5,
            linewidth=1.4,
            label=f"α = {alpha:.2f}, ρ = {data[f'{side}_radius'][0, position]:.2f}",
        )
        axes.semilogy(steps, moves[0] * alpha ** (steps - 1.0), color=colour, linestyle=":", linewidth=1.2)
    axes.set_ylim(FLOOR, 1e6)  # room for the legend
    legend(axes, "upper right", ncols=2)


def _draw_schedules(axes: Any, data: Arrays) -> None:
    panel(
        axes, "C", "All layers at once, or one after the other", x="step", y="error of τ_l over ‖τ_l − h_l‖"
    )
    together, turns = data["together"][0], data["in_turn"][0]
    each = max(int(np.isfinite(turns[0]).sum()) - 1, 0)
    for layer in range(together.shape[1], 0, -1):
        colour, mark = LAYER_COLOURS[layer - 1], LAYER_MARKS[layer - 1]
        axes.semilogy(
            together[:, layer - 1], color=colour, marker=mark, markersize=3.5, label=f"layer {layer}"
        )
        place = together.shape[1] - layer
        axes.semilogy(
            place * each + np.arange(each + 1),
            turns[place, : each + 1],
            color=colour,
            linestyle="--",
            marker=mark,
            markersize=3.5,
            markerfacecolor="white",
        )
    axes.axhline(ACCURACY, color=FAINT, linewidth=0.8)
    axes.plot([], [], color=FAINT, label="at once")
    axes.plot([], [], color=FAINT, linestyle="--", label="one after the other")
    axes.set_xlim(-1, max(len(turns) * each, len(together) // 2) + 1)
    axes.set_ylim(ACCURACY / 30, 60)
    legend(axes, "upper right", ncols=2)


def _draw_corrections(axes: Any, data: Arrays) -> None:
    panel(
        axes,
        "D",
        "Error of the lowest target after each correction",
        x="largest α of the layers (decoder quality)",
        y="error of τ_1 over ‖τ_1 − h_1‖",
    )
    alpha = np.median(data["alpha"], axis=0)
    order = np.argsort(alpha)
    for position, (name, words) in enumerate(KINDS.items()):
        draw_spread(
            axes,
            alpha[order],
            data[name][:, order],
            colour=COLOURS[position],
            label=words,
            marker="osD^v"[position],
            markersize=4,
        )
    axes.set_yscale("log")
    axes.axhline(1.0, color=FAINT, linewidth=0.8)
    legend(axes, "center right")
