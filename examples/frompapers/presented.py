"""Numbers as JSON, tables and figures; knows no paper and not how they came about."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from neurosim.io.atomic import make_folder, write_atomically
from neurosim.report.style import NORMAL, frame

WIDTH = 110
"""Columns of a printed table."""


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation over seeds (of a sample; 0 for one) and the values; NaN: a run that failed."""
    finite = [float(v) for v in values if math.isfinite(v)]
    return {
        "mean": float(np.mean(finite)) if finite else float("nan"),
        "std": float(np.std(finite, ddof=1)) if len(finite) > 1 else 0.0,
        "failed": len(values) - len(finite),
        "values": [float(v) for v in values],
    }


def spread(values: Sequence[float], pattern: str = "{:.3g}", *, failed: str = "diverged") -> str:
    """Mean ± deviation in words, and how many of the runs `failed`: have no number."""
    found = summary(values)
    good = len(values) - found["failed"]
    if not good:
        return failed
    text = pattern.format(found["mean"]) + (f" ± {pattern.format(found['std'])}" if good > 1 else "")
    return text + (f", {found['failed']} of {len(values)} {failed}" if found["failed"] else "")


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """`results.json`; numbers that are not finite become null."""
    make_folder(folder)
    with write_atomically(folder / "results.json") as part:
        part.write_text(json.dumps(_plain(results), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_results(folder: Path) -> dict[str, Any]:
    """What an earlier run wrote to `results.json`, so that --only can add to it; empty where there is none."""
    try:
        found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating | float):
        return float(value) if math.isfinite(value) else None
    return value


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """A table on standard output, such as quantity, paper, measured."""
    console = Console(width=WIDTH)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for position, name in enumerate(head):
        table.add_column(name, overflow="fold", justify="left" if position == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if note:
        console.print(note, style="dim", markup=False)
    console.print()


def new_figure(width: float, height: float) -> Figure:
    """A white figure in inches that needs no display."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def panel(axes: Any, letter: str, title: str, *, x: str = "", y: str = "") -> None:
    """Letter and title at the left, labels, light lines behind."""
    frame(axes, title=f"{letter}  {title}" if letter else title, x=x, y=y)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)


def save_figure(figure: Figure, folder: Path, name: str, *, caption: str) -> Path:
    """`figures/<name>.png` with the caption, which says where the figure differs from the paper's, below."""
    figure.supxlabel(caption, fontsize=NORMAL - 1, ha="left", x=0.01)
    path = folder / "figures" / f"{name}.png"
    make_folder(path.parent)
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=130)
    return path
