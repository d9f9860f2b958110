"""The figure of what small target steps and combined targets do; knows not how it was computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from common import Arrays, new_figure, panel, save_figure

from bengio_2020.branches import GAINS
from bengio_2020.drawing import LAYER_COLOURS, LAYER_MARKS, draw_slope, draw_spread, legend
from bengio_2020.first_order import CONDITIONS, DEPTHS, STEPSIZES
from neurosim.report.style import COLOURS, FAINT

ORDERS = {
    "jacobian": "J_l(τ_l − h_l) = τ_L − h_L",
    "gauss_newton": "Gauss–Newton: JᵀJ(τ_l − h_l) = −β ∂L/∂h_l",
    "scaled": "Unit targets and scalars give DTP1",
}


def draw_first_order(
    folder: Path, orders: Arrays, invariance: Arrays, parallel: Arrays, branches: Arrays, *, seeds: int
) -> Path:
    """Panels A–G; every array leads with the seeds."""
    figure = new_figure(13, 11)
    grid = figure.add_gridspec(3, 6)
    top = [figure.add_subplot(grid[0, 2 * i : 2 * i + 2]) for i in range(3)]
    for letter, axes, (name, title) in zip("ABC", top, ORDERS.items(), strict=True):
        _draw_order(axes, letter, title, orders[name])
    middle = [figure.add_subplot(grid[1, 3 * i : 3 * i + 3]) for i in range(2)]
    _draw_invariance(middle[0], invariance)
    _draw_parallel(middle[1], parallel)
    low = [figure.add_subplot(grid[2, 3 * i : 3 * i + 3]) for i in range(2)]
    _draw_weights(low[0], branches)
    _draw_moves(low[1], branches)
    return save_figure(
        figure,
        folder,
        "first_order",
        caption=(
            f"Layers of 20 units, exact targets; median of {seeds} seed(s), shaded: least to largest. "
            "A–C: 4 tanh layers. D: a linear chain, layer 2 learns alone. E: tanh chains, β = 0.001, all layers learn "
            "at once.\nF, G: A feeds B and C, which feed D; tanh. The paper has no such figure. G: with both branches "
            "free, equal ones take the output up to twice as far; others add a random part, of which the part along "
            "the step is drawn."
        ),
    )


def _draw_order(axes: Any, letter: str, title: str, errors: np.ndarray) -> None:
    panel(axes, letter, title, x="β", y="relative error")
    for layer in range(errors.shape[2]):
        draw_spread(
            axes,
            STEPSIZES,
            errors[:, :, layer],
            colour=LAYER_COLOURS[layer],
            marker=LAYER_MARKS[layer],
            markersize=4,
            label=f"layer {layer + 1}",
        )
    draw_slope(axes, STEPSIZES, 0.3 * float(np.median(errors[:, 0].min(axis=1))))
    axes.set_xscale("log")
    axes.set_yscale("log")
    legend(axes, "upper left")


def _draw_invariance(axes: Any, data: Arrays) -> None:
    panel(
        axes,
        "D",
        "Change of representation h → A h",
        x="condition number of A",
        y="change of Δh_L over ‖Δh_L‖",
    )
    for name, words, colour, mark in (("sgd", "SGD", COLOURS[1], "s"), ("dtp1", "DTP1", COLOURS[0], "o")):
        draw_spread(axes, CONDITIONS, data[name], colour=colour, marker=mark, markersize=4, label=words)
    axes.set_xscale("log")
    axes.set_yscale("log")
    legend(axes, "center right")


def _draw_parallel(axes: Any, data: Arrays) -> None:
    panel(axes, "E", "All layers learn at once", x="number of layers L", y="move of h_L over its target step")
    axes.plot(DEPTHS, DEPTHS, color=COLOURS[0], linestyle="--", label="L")
    axes.plot(DEPTHS, np.median(data["scales"], axis=0), color=COLOURS[1], linestyle="--", label="Σ s_l")
    for name, words, colour, mark in (("dtp1", "DTP1", COLOURS[0], "o"), ("dtp", "DTP", COLOURS[1], "s")):
        draw_spread(
            axes, DEPTHS, data[name], colour=colour, marker=mark, markersize=6, linestyle="none", label=words
        )
    legend(axes, "upper left", ncols=2)


def _draw_weights(axes: Any, data: Arrays) -> None:
    panel(axes, "F", "Skip connection: weight of the branch B", x="gain a of branch C over B", y="γ")
    gains = np.array(GAINS)
    axes.plot(gains, 1 / (1 + gains**2), color=FAINT, linestyle="--", label="1/(1 + a²): squared influence")
    draw_spread(
        axes, GAINS, data["weight"], colour=COLOURS[0], marker="o", linestyle="none", label="measured"
    )
    _gain_axis(axes)
    legend(axes, "upper right")


def _gain_axis(axes: Any) -> None:
    axes.set_xscale("log")
    axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()


def _draw_moves(axes: Any, data: Arrays) -> None:
    panel(
        axes,
        "G",
        "Skip connection: effect of h_A = τ_A",
        x="gain a of branch C over B",
        y="move of h_D over its target step",
    )
    gains = np.array(GAINS)
    axes.plot(
        gains, (1 + gains) ** 2 / (1 + gains**2), color=FAINT, linestyle="--", label="(1 + a)²/(1 + a²)"
    )
    for position, (name, words) in enumerate(
        (
            ("same_move", "B and C compute the same"),
            ("other_move", "B and C compute different things"),
            ("alone_move", "only B moves, C is held"),
        )
    ):
        draw_spread(
            axes,
            GAINS,
            data[name],
            colour=COLOURS[position],
            marker=LAYER_MARKS[position],
            markersize=4,
            label=words,
        )
    _gain_axis(axes)
    axes.set_ylim(0.5, 2.9)
    legend(axes, "upper left", ncols=2)
