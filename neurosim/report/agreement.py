"""Emulated against solved displacements, point by point; knows neither their origin nor tolerances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.analysis import relative_difference
from neurosim.report.measures import setting_of
from neurosim.report.style import COLOURS, FAINT, SMALL, finite, frame
from neurosim.result import Result

MOST_LAYERS = 3
"""Panels beside one another; of further hidden layers only the deviation is written."""
RASTER_FROM = 2000
"""With more points than this an .svg holds them as an image."""


def hidden_layers(
    result: Result, displacements: Mapping[str, NDArray[np.float64]] | None
) -> dict[str, NDArray[np.float64]]:
    """Those that can be drawn: (2, n_samples, n_units), not empty, and not the output layer of the spec."""
    depth = len(setting_of(result, "network", "layers", ())) - 1
    return {
        name: np.asarray(pair, dtype=float)
        for name, pair in (displacements or {}).items()
        if name != f"layer_{depth}" and np.ndim(pair) == 3 and len(pair) == 2 and np.size(pair)
    }


def draw_agreement(panels: list[Any], layers: Mapping[str, NDArray[np.float64]]) -> None:
    """A square panel a layer, with the identity line and the largest deviation over the largest solved value.

    `panels` has one entry for each of the first `MOST_LAYERS` layers.
    """
    names = list(layers)
    for number, (axes, name) in enumerate(zip(panels, names, strict=False)):
        emulated, solved = (finite(half).ravel() for half in layers[name])
        colour = COLOURS[number]
        span = _span(np.concatenate([emulated, solved]))
        axes.plot(span, span, color=FAINT, linewidth=1, zorder=1)
        axes.scatter(
            solved,
            emulated,
            s=14,
            color=colour,
            alpha=0.6,
            linewidths=0,
            rasterized=solved.size > RASTER_FROM,
        )
        title = f"e  Agreement\n    {name}" if number == 0 else name
        label = "emulated $v - v_\\mathrm{ff}$ (activation units)" if number == 0 else ""
        crowded = len(panels) == MOST_LAYERS and number != 1  # the middle one speaks for its neighbours
        below = " " if crowded else "solved $v - v_\\mathrm{ff}$ (activation units)"
        below += f"\nlargest deviation\n{_deviation(layers[name])}\n{solved.size} points"
        frame(axes, title=title, x=below, y=label)
        axes.set(xlim=span, ylim=span, aspect="equal", anchor="N")
        axes.locator_params(nbins=3 if len(panels) == MOST_LAYERS else 4)
    left_out = names[len(panels) :]
    if left_out:
        words = "\n".join(f"{name}: {_deviation(layers[name])}" for name in left_out)
        panels[0].figure.supxlabel(f"not drawn, largest deviation:\n{words}", fontsize=SMALL, color=FAINT)


def _deviation(pair: NDArray[np.float64]) -> str:
    value = relative_difference([(pair[0], pair[1])])
    return "not finite" if np.isnan(value) else f"{value:.1e} relative".replace("-", "−")


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return -1.0, 1.0
    low, high = float(known.min()), float(known.max())
    margin = 0.06 * (high - low) or max(abs(high), 1e-12)
    return low - margin, high + margin
