"""The figure of targets and weights while they settle on a chip; knows not how it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import Arrays, new_figure, panel, save_figure

from bengio_2020.drawing import LAYER_COLOURS, LAYER_MARKS, legend
from neurosim.report.style import FAINT

CHIP_TITLES = {"ideal": "Ideal chip", "subthreshold_180nm": "subthreshold_180nm"}


PANELS = {
    "error": "targets, output side",
    "update": "weights, output side",
    "input_error": "targets, input side",
}


def draw_online(folder: Path, chips: Mapping[str, Arrays]) -> Path:
    """A row for each chip; every array leads with the seeds, of which the first is drawn."""
    figure = new_figure(14, 4.2 * len(chips) + 0.6)
    rows = figure.subplots(len(chips), 3, squeeze=False)
    letters = iter("ABCDEFGHI")
    for row, (name, data) in zip(rows, chips.items(), strict=True):
        for axes, (what, words) in zip(row, PANELS.items(), strict=True):
            _draw(axes, f"{next(letters)}  {CHIP_TITLES[name]}: {words}", data, what)
    return save_figure(
        figure,
        folder,
        "online",
        caption=(
            "DTP-online, right: DTP-input, on an emulated chip (Brian2) and in torch; 4 layers of 10 units, β = 0.1, "
            "seed 1. Errors against exact inverses in an ideal network:\n1 is no change at all. Middle: a run for each "
            "T, broken off there. With mismatch, layer and circuit compute different things, and targets drift. "
            "The paper has no such figure."
        ),
    )


def _draw(axes: Any, title: str, data: Arrays, what: str) -> None:
    weights = what == "update"
    panel(
        axes,
        "",
        title,
        x="the run is broken off at T (τ_u)" if weights else "time t in the learn phase (τ_u)",
        y=f"error of {'ΔW_l(T)' if weights else 'τ_l − v_l'}, relative",
    )
    ticks = data["times" if weights else "trace_times"][0]
    for layer in range(data[f"chip_{what}"].shape[2]):
        colour = LAYER_COLOURS[layer]
        every = 1 if weights else 12
        axes.semilogy(ticks, data[f"torch_{what}"][0, :, layer], color=colour, linewidth=1.4)
        axes.semilogy(
            ticks[::every],
            data[f"chip_{what}"][0, ::every, layer],
            color=colour,
            linestyle="none",
            marker=LAYER_MARKS[layer],
            markersize=5,
            label=f"layer {layer + 1}",
        )
    axes.plot([], [], color=FAINT, marker="o", linestyle="none", label="chip")
    axes.plot([], [], color=FAINT, label="torch")
    axes.axhline(1.0, color=FAINT, linewidth=0.8, linestyle=":")
    if weights:
        axes.set_xscale("log")
    if data[f"chip_{what}"][0].min() > 0.1:  # it does not converge: no orders of magnitude to show
        axes.set_yscale("linear")
        axes.set_ylim(bottom=0)
    legend(axes, "lower right" if axes.get_yscale() == "linear" else "lower left", ncols=2)
