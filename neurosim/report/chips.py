"""Accuracies of many chips as one picture; knows nothing of how they came about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from neurosim.io.atomic import write_atomically
from neurosim.report.style import ALARM, COLOURS, FAINT, SMALL, frame


def draw_chips(
    found: Mapping[str, Mapping[str, Sequence[float]]], path: str | Path, *, best: float, best_name: str
) -> None:
    """A row a chip, a colour a way of getting its weights, a dot for each of the lot; NaN is counted in words.

    found : {chip: {way: accuracies in %}}. best : drawn as a line, with its name.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.6 + 0.55 * len(found)), layout="constrained")
    axes = figure.subplots()
    ways = list(dict.fromkeys(way for values in found.values() for way in values))
    for place, way in enumerate(ways):
        rows = [
            (accuracy, row + 0.2 * (place - (len(ways) - 1) / 2))
            for row, values in enumerate(found.values())
            for accuracy in values.get(way, ())
        ]
        axes.plot(*zip(*rows, strict=True), "o", color=COLOURS[place], markersize=5, label=way)
    for row, values in enumerate(found.values()):
        lost = [(way, sum(math.isnan(x) for x in values.get(way, ()))) for way in ways]
        words = ", ".join(f"{way}: {count} went wrong" for way, count in lost if count)
        here = (0.01, row + 0.32)
        axes.annotate(words, here, xycoords=("axes fraction", "data"), fontsize=SMALL, color=ALARM)
    axes.axvline(best, color=FAINT, linewidth=1)
    axes.annotate(best_name, (best, -0.6), ha="right", fontsize=SMALL, color=FAINT, annotation_clip=False)
    axes.set_yticks(range(len(found)), list(found))
    axes.set_ylim(len(found) - 0.4, -0.75)
    axes.legend(loc="upper left", frameon=False, fontsize=SMALL)
    frame(axes, x="accuracy on the test set, %")
    with write_atomically(path) as part:
        figure.savefig(part, format=Path(path).suffix.lower()[1:], dpi=100)
