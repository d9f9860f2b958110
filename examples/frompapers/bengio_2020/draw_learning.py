"""The figure of learning digits with learned decoders; knows not how it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import Arrays, new_figure, panel, save_figure

from bengio_2020.drawing import LAYER_COLOURS, draw_spread, legend
from bengio_2020.learning import NETWORK, RATES, SCHEDULES
from neurosim.report.style import COLOURS, FAINT, SMALL

METHODS = {"BP": "BP", "DTP1": "DTP1, converged", "DTP": "DTP, converged"}
"""Of panels A and B."""
ERROR = "‖h − g(f(h))‖² over ‖h‖²"
MARKS = ("o", "s", "^", "D", "v")


def draw_learning(folder: Path, runs: Mapping[str, Arrays], *, seeds: int, epochs: int) -> Path:
    """Panels A–F; runs by the learner's name, every array leading with the seeds."""
    figure = new_figure(13, 8.2)
    panels = figure.subplots(2, 3).ravel()
    _draw_curves(panels[0], "A", "Training loss", runs, "train_loss", "½‖h_L − y‖², training set")
    _draw_curves(panels[1], "B", "Accuracy", runs, "accuracy", "accuracy, test set")
    _draw_steps(panels[2], runs)
    _draw_warm(panels[3], runs[METHODS["DTP"]])
    _draw_decoders(panels[4], "E", "Decoders beside the encoders", runs, "reconstruction")
    _draw_decoders(panels[5], "F", "Contraction of the worst sample", runs, "radius")
    layers = "-".join(map(str, NETWORK.layers))
    return save_figure(
        figure,
        folder,
        "learning",
        caption=(
            f"Digits (8 × 8, centred), {layers} tanh, squared error to one-hot labels, {epochs} epochs, "
            f"median of {seeds} seed(s), shaded: least to largest. Decoders start near 0 and learn alone first (D).\n"
            "Iterations start at τ_l = h_l, but for “g alone”: targets are decoded without correction. "
            "A run that diverged counts as chance in C. The paper has no experiment: task and rates are chosen here."
        ),
    )


def _draw_curves(
    axes: Any, letter: str, title: str, runs: Mapping[str, Arrays], what: str, label: str
) -> None:
    panel(axes, letter, title, x="epoch", y=label)
    for position, name in enumerate(METHODS):
        values = runs[METHODS[name]][what]
        draw_spread(
            axes,
            np.arange(values.shape[1]),
            values,
            colour=COLOURS[position],
            marker=MARKS[position],
            markersize=3.5,
            markevery=max(1, values.shape[1] // 8),
            label=name,
        )
    axes.set_ylim(bottom=0)
    legend(axes, "upper right" if what == "train_loss" else "lower right")


def _draw_steps(axes: Any, runs: Mapping[str, Arrays]) -> None:
    panel(axes, "C", "Number of relaxation steps", x="", y="accuracy after the last epoch, test set")
    for position, name in enumerate(RATES, start=1):
        for place, words in enumerate(SCHEDULES):
            # a run that diverged knows nothing: chance
            values = np.nan_to_num(runs[f"{name}, {words}"]["accuracy"][:, -1], nan=1 / NETWORK.layers[-1])
            centre, colour = place + (position - 1.5) * 0.3, COLOURS[position]
            axes.plot(
                np.full(len(values), centre),
                values,
                color=colour,
                marker=MARKS[position],
                linestyle="none",
                alpha=0.5,
            )
            axes.plot(centre, np.median(values), color=colour, marker="_", markersize=16, markeredgewidth=2)
        axes.plot([], [], color=COLOURS[position], marker=MARKS[position], linestyle="none", label=name)
    best = float(np.nanmedian(runs["BP"]["accuracy"][:, -1]))
    axes.axhline(best, color=COLOURS[0], linestyle="--", linewidth=1.2, label="BP")
    axes.set_xticks(range(len(SCHEDULES)), list(SCHEDULES), fontsize=SMALL)
    axes.set_ylim(0, 1.25)
    axes.set_yticks(np.linspace(0, 1, 6))
    legend(axes, "upper center", ncols=3)


def _draw_warm(axes: Any, data: Arrays) -> None:
    panel(axes, "D", "Decoders before the first epoch", x="sweep", y=ERROR)
    values = data["warm"]
    axes.set_xticks(range(0, values.shape[1] + 1, 5))
    for layer in range(values.shape[2]):
        draw_spread(
            axes,
            np.arange(1, values.shape[1] + 1),
            values[:, :, layer],
            colour=LAYER_COLOURS[layer],
            marker=MARKS[layer],
            markersize=3.5,
            markevery=3,
            label=f"g_{layer + 2}",
        )
    axes.set_yscale("log")
    legend(axes, "upper right", ncols=3)


def _draw_decoders(axes: Any, letter: str, title: str, runs: Mapping[str, Arrays], what: str) -> None:
    label = ERROR if what == "reconstruction" else "ρ of id − f_l∘g_l"
    panel(axes, letter, title, x="epoch", y=label)
    for name, line in (("DTP1", "--"), ("DTP", "-")):
        values = runs[METHODS[name]][what]
        for layer in range(values.shape[2]):
            draw_spread(
                axes,
                np.arange(values.shape[1]),
                values[:, :, layer],
                colour=LAYER_COLOURS[layer],
                linestyle=line,
                marker=MARKS[layer],
                markersize=3.5,
                markevery=max(1, values.shape[1] // 8),
            )
    for layer in range(len(NETWORK.layers) - 2):
        axes.plot([], [], color=LAYER_COLOURS[layer], marker=MARKS[layer], label=f"g_{layer + 2}")
    axes.plot([], [], color=FAINT, linestyle="--", label="DTP1")
    axes.plot([], [], color=FAINT, label="DTP")
    if what == "reconstruction":
        axes.set_yscale("log")
        axes.set_ylim(top=10 * axes.get_ylim()[1])
    else:
        axes.axhline(1.0, color=FAINT, linewidth=0.8, linestyle=":")
        axes.set_ylim(bottom=0, top=1.6 * max(1.0, axes.get_ylim()[1]))
    legend(axes, "upper center", ncols=3)
