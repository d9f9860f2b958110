"""The parts of a chip as bars: what energy they take in a presentation and what area they cover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurosim.emulate.cost import Cost
from neurosim.io.atomic import write_atomically
from neurosim.report.cost import headline
from neurosim.report.engineering import PREFIXES, area, engineering, power_of
from neurosim.report.style import COLOURS, FAINT, INK, NORMAL, SMALL, frame

FORMATS = (".png", ".svg", ".pdf")
SIZE, DPI = (13.0, 6.2), 100
"""Inches, dots an inch."""
_UNDATED: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
_SALT = {"svg.hashsalt": "neurosim"}
"""Both, so that the same cost gives the same file."""


def draw_cost(cost: Cost, path: str | Path) -> None:
    """Draw it and save it in one of `FORMATS`, whole or not at all; the caller has checked the suffix.

    Raises
    ------
    OutputError : a path that cannot be written.
    """
    from matplotlib import rc_context

    suffix = Path(path).suffix.lower()
    with write_atomically(path) as part, rc_context(_SALT):
        compose_cost(cost).savefig(part, format=suffix[1:], dpi=DPI, metadata=_UNDATED[suffix])


def compose_cost(cost: Cost) -> Any:
    """The matplotlib Figure itself."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=SIZE, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1, wspace=0.06)
    total = cost.total
    sums = f"{engineering(total.power_W, 'W')} · {engineering(total.energy_per_presentation_J, 'J')} a presentation"
    figure.suptitle(
        f"{headline(cost)}\n{sums} · {area(total.area_m2)}",
        fontsize=NORMAL + 2,
        fontweight="bold",
        color=INK,
        wrap=True,
    )
    left, right = figure.subplots(1, 2, sharey=True)
    _energy(left, cost)
    _area(right, cost)
    left.set_yticks(range(len(cost.rows)), [f"{row.part}  ({row.count})" for row in cost.rows])
    left.invert_yaxis()
    return figure


def _energy(axes: Any, cost: Cost) -> None:
    """Bars of energy, with p10 to p90 of the converters, and each part's mean power written beside it."""
    largest = max(max(row.energy_per_presentation_J, row.energy_high_J) for row in cost.rows)
    power = power_of(largest)
    for place, row in enumerate(cost.rows):
        value, low, high = (
            number / 10**power
            for number in (row.energy_per_presentation_J, row.energy_low_J, row.energy_high_J)
        )
        axes.barh(place, value, color=COLOURS[0], height=0.62)
        if high > low:
            axes.plot([low, high], [place, place], color=INK, linewidth=1.4, marker="|", markersize=7)
        _label(axes, max(value, high), place, engineering(row.power_W, "W"))
    axes.set_xlim(0, 1.2 * largest / 10**power or 1.0)
    below = f"energy of a presentation ({PREFIXES[power]}J)\nbeside the bars: mean power"
    if any(row.energy_high_J > row.energy_low_J for row in cost.rows):
        below += "; line: p10 to p90 of published converters"
    frame(axes, title="a  Energy and power", x=below)


def _area(axes: Any, cost: Cost) -> None:
    """Bars of area: devices, then capacitors."""
    largest = max(row.area_m2 for row in cost.rows)
    unit, name = (1e-6, "mm²") if largest >= 1e-7 else (1e-12, "µm²")
    for place, row in enumerate(cost.rows):
        devices, capacitors = row.device_area_m2 / unit, row.capacitor_area_m2 / unit
        axes.barh(place, devices, color=COLOURS[2], height=0.62, label="" if place else "devices")
        axes.barh(
            place,
            capacitors,
            left=devices,
            color=COLOURS[1],
            height=0.62,
            label="" if place else "capacitors",
        )
        _label(axes, devices + capacitors, place, area(row.area_m2) if row.area_m2 else "none")
    axes.set_xlim(0, 1.25 * largest / unit or 1.0)
    axes.legend(loc="lower right", fontsize=SMALL, frameon=False)
    frame(axes, title="b  Area", x=f"area ({name})\nwithout wires, wells, spacing")


def _label(axes: Any, x: float, y: float, text: str) -> None:
    axes.annotate(
        text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=SMALL, color=FAINT
    )
