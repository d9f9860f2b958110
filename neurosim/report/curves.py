"""The learning curves of a run beside others; knows measures along training, no dynamics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.report.style import COLOURS, FAINT, finite, frame, label_ends, last_finite, say
from neurosim.result import Result, Series

OWN = "this run"
BASELINE = "BP"
"""What a baseline is called whose key names only the measure."""
LOG_FROM = 30.0
"""A loss that spans more than this factor is drawn on a logarithmic axis; chosen."""
WORDS = {
    "train_loss": "train loss",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy (%)",
}


@attrs.frozen(kw_only=True, eq=False)
class Curve:
    """One line: who, and how well after how many epochs."""

    name: str
    series: Series
    colour: str
    dashed: bool = False


def draw_curves(
    left: Any,
    right: Any,
    result: Result,
    *,
    baseline: Mapping[str, Series] | None = None,
    others: Mapping[str, Result] | None = None,
) -> None:
    """Train loss on the left; test accuracy on the right, or test loss where there are no classes."""
    accuracy = result.learning.get("test_accuracy")
    classes = accuracy is not None and np.isfinite(accuracy.values).any()
    beside = "test_accuracy" if classes else "test_loss"
    for axes, measure, letter in ((left, "train_loss", "a"), (right, beside, "")):
        title = f"{letter}  Learning: {WORDS[measure]}" if letter else WORDS[measure].capitalize()
        title = title.removesuffix(" (%)")
        curves = list(curves_of(measure, result, baseline or {}, others or {}))
        if curves:
            _draw(axes, measure, curves, title)
            without = [name for name in others or {} if name not in {curve.name for curve in curves}]
            if without:
                words = f"not measured: {', '.join(without)}"
                axes.set_xlabel(f"epochs\n{words}")
        else:
            say(axes, f"The result holds no {WORDS[measure].removesuffix(' (%)')}.", title=title)


def curves_of(
    measure: str, result: Result, baseline: Mapping[str, Series], others: Mapping[str, Result]
) -> Iterator[Curve]:
    """The run itself, the others in the order given, then the baselines."""
    listed = {OWN: result.learning.get(measure)}
    listed |= {name: other.learning.get(measure) for name, other in others.items()}
    for number, (name, series) in enumerate(listed.items()):
        if _drawable(series):
            yield Curve(name=name, series=series, colour=COLOURS[number % len(COLOURS)])
    greys = iter((FAINT, *reversed(COLOURS)))
    for key, series in baseline.items():
        name, _, which = key.rpartition("/")
        if which == measure and _drawable(series):
            yield Curve(name=name or BASELINE, series=series, colour=next(greys, FAINT), dashed=True)


def epochs_of(series: Series) -> NDArray[np.int_]:
    """Where the points lie: an "epochs before" series starts with the untrained network, at 0."""
    first = 0 if series.axis == "epochs before" else 1
    return np.arange(first, first + len(series.values))


def _drawable(series: Series | None) -> TypeGuard[Series]:
    if series is None or np.ndim(series.values) != 1:
        return False
    return bool(np.isfinite(finite(series.values)).any())


def _draw(axes: Any, measure: str, curves: list[Curve], title: str) -> None:
    factor = 100.0 if measure == "test_accuracy" else 1.0
    labels, values = [], []
    hollow = {"markerfacecolor": "white"}
    for curve in curves:
        heights = factor * finite(curve.series.values)
        values.append(heights[np.isfinite(heights)])
        axes.plot(
            epochs_of(curve.series),
            heights,
            color=curve.colour,
            linestyle="--" if curve.dashed else "-",
            marker="o" if len(heights) <= 30 else None,
            markersize=4,
            linewidth=1.6,
            zorder=2.5 if curve.name == OWN else 2,
            **(hollow if curve.dashed else {}),
        )
        end = last_finite(heights)
        labels.append((end, f"{curve.name} {f'{end:.1f}' if factor > 1 else f'{end:.3g}'}", curve.colour))
    drawn = np.concatenate(values)
    frame(axes, title=title, x="epochs", y=WORDS[measure])
    if factor == 1.0 and drawn.min() > 0 and drawn.max() / drawn.min() > LOG_FROM:
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    label_ends(axes, labels, gap=0.055)
