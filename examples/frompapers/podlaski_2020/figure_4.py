"""Figure 4 drawn: test error, training error, reconstructions, codes; computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from common import new_figure, panel, save_figure
from matplotlib.lines import Line2D

from neurosim.report.style import COLOURS, FAINT, INK, SMALL
from podlaski_2020.mnist import DIGITS, FULL, SHOWN, Mnist

LINES = {
    "BP": (INK, "-", 1.6),
    "FA R-Init": (FAINT, "-", 1.6),
    "FA Tr-Init": (FAINT, (0, (1, 1)), 1.6),
    "PBP": (COLOURS[3], "-", 1.6),
    "NDI Tr-Init α=0": (COLOURS[2], "-", 4.0),
    "DI Tr-Init α=0": (COLOURS[2], "-", 1.4),
    "NDI R-Init α=0.01": (COLOURS[1], "-", 4.0),
    "DI R-Init α=0.01": (COLOURS[1], "-", 1.4),
    "NDI Tr-Init α=0.001": (COLOURS[2], "-", 4.0),
    "DI Tr-Init α=0.001": (COLOURS[2], "-", 1.4),
    "NDI Tr-Init α=0.01": (COLOURS[0], "-", 4.0),
    "DI Tr-Init α=0.01": (COLOURS[0], "-", 1.4),
}
"""Colour, dashes and width; NDI is a broad pale line behind DI."""
PALE = 0.35
MARKERS = ("o", "v", "^", "<", ">", "s", "P", "X", "D", "*")
"""Of the ten digits, beside their colours."""


def draw_figure_4(mnist: Mnist, folder: Path, *, quick: bool) -> Path:
    """`figures/figure_4.png`."""
    figure = new_figure(16.0, 11.5)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.0, 1.0))
    a, first_key, b, second_key = upper.subplots(1, 4, width_ratios=(1.0, 0.42, 1.0, 0.42))
    panel(a, "a", "MNIST classification", x="examples (10³)", y="test error (%)")
    panel(b, "b", "MNIST autoencoder", x="examples (10³)", y="training error (mean square of a pixel)")
    _curves(a, first_key, mnist, "4a")
    _curves(b, second_key, mnist, "4b")
    a.set_yscale("log")
    left, right = lower.subfigures(1, 2, width_ratios=(1.0, 1.1))
    _digits(left, mnist)
    _codes(right, mnist)
    return save_figure(figure, folder, "figure_4", caption=caption(mnist, quick=quick))


def caption(mnist: Mnist, *, quick: bool) -> str:
    """What is shown and where it is not the paper's."""
    scale = mnist.scale
    layers = ["-".join(map(str, sizes)) for sizes in (scale.classifier, scale.autoencoder)]
    n = len(mnist.seeds)
    what = f"Podlaski and Machens 2020, figure 4 ({'one seed' if n == 1 else f'medians over {n} seeds'})"
    if quick:
        paper = ["-".join(map(str, sizes)) for sizes in (FULL.classifier, FULL.autoencoder)]
        what += (
            f" · QUICK RUN: a {layers[0]} instead of {paper[0]}, {scale.classified} of {FULL.classified} examples; "
            f"b–d {layers[1]} instead of {paper[1]},\n{scale.reconstructed} of {FULL.reconstructed} examples, rate of "
            f"the summed gradients {scale.rate / 100:g} instead of {FULL.rate / 100:g}; so early the "
            f"outputs in c are hardly more than the mean image"
        )
    return (
        what
        + "\na: tanh and softmax, W ~ U(±0.01), rate 10⁻³, standardised images (partly from the authors' code). "
        "NDI: broad pale lines, behind DI. b: full lines uniform, dashed orthogonal weights at the start."
    )


def _curves(axes: Any, key: Any, mnist: Mnist, part: str) -> None:
    seen: dict[str, Line2D] = {}
    for (where, label), rows in mnist.curves.items():
        if where != part:
            continue
        name, _, start = label.partition(", ")
        colour, dashes, width = LINES[name]
        pale = PALE if width > 2 else 1.0
        known = np.isfinite(rows).any(0)
        middle = np.where(known, np.nanmedian(np.where(known, rows, 0.0), axis=0), np.nan)
        style = {"color": colour, "linewidth": width, "alpha": pale}
        shape = "--" if start == "orthogonal" else dashes
        axes.plot(mnist.examples[part] / 1000.0, middle, linestyle=shape, **style)
        seen.setdefault(name, Line2D([], [], linestyle=dashes, label=name, **style))
    key.axis("off")
    handles = list(seen.values())
    if part == "4b":
        constant = {"color": FAINT, "linewidth": 1.0, "linestyle": (0, (1, 3))}
        axes.axhline(mnist.constant, **constant)
        handles.append(Line2D([], [], label="mean image", **constant))
        handles.append(Line2D([], [], color=INK, linestyle="-", label="uniform start"))
        handles.append(Line2D([], [], color=INK, linestyle="--", label="orthogonal start"))
    key.legend(handles=handles, loc="upper left", frameon=False, fontsize=SMALL, bbox_to_anchor=(-0.25, 1.0))


def _digits(area: Any, mnist: Mnist) -> None:
    axes = area.subplots(3, DIGITS, squeeze=False)
    names = ("input", *SHOWN)
    for row, name in enumerate(names):
        for column in range(DIGITS):
            cell = axes[row, column]
            picture = mnist.pictures.images[row, column].reshape(28, 28)
            cell.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0)
            cell.set_axis_off()
        title = f"c  {name}" if row == 0 else f"output: {name}"
        style = {
            "fontsize": SMALL + 1,
            "fontweight": "bold",
            "color": INK,
            "transform": axes[row, 0].transAxes,
        }
        words = axes[row, 0].text(0.0, 1.08, title, **style)
        words.set_in_layout(False)  # it reaches over its neighbours, and would push them away


def _codes(area: Any, mnist: Mnist) -> None:
    axes = area.subplots(1, 2)
    shades = [*COLOURS, "#56B4E9", "#E69F00", "#CC79A7", "#009E73"]
    for place, (cell, name) in enumerate(zip(axes, SHOWN, strict=True)):
        panel(cell, "d" if place == 0 else "", name)
        cell.grid(False)
        for digit in range(10):
            chosen = mnist.pictures.maps[place][mnist.pictures.labels == digit]
            cell.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=14,
                color=shades[digit],
                marker=MARKERS[digit],
                linewidths=0,
                alpha=0.8,
                label=str(digit),
            )
        cell.set_xticks([])
        cell.set_yticks([])
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=SMALL, title="digit")
    axes[0].set_xlabel("t-SNE of the codes", fontsize=SMALL)
    axes[1].set_xlabel("t-SNE of the codes", fontsize=SMALL)
