"""An error budget as a table, as JSON and as a picture; computes no physics."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurosim.experiment.budget import ALL, NOISE, NOISES, TOTALS, UPDATE, Budget, Row, budget_numbers
from neurosim.io.atomic import write_atomically
from neurosim.report.style import COLOURS, FAINT, INK, SMALL, frame

WORDS = {
    "leak": "soma: leak, and finite gain",
    "basal_gain": "soma: basal coupling",
    "apical_gain": "soma: apical coupling",
    "offset": "soma: offset, and leakage",
    "slope": "neuron: slope of φ",
    "comparator_offset": "comparator: offset",
    "basal_leak": "basal compartment: conductance",
    "basal_offset": "basal compartment: offset",
    "apical_leak": "apical compartment: conductance",
    "apical_offset": "apical compartment: offset",
    "proportional": "controller: proportional path",
    "controller_leak": "controller: leak",
    "integral": "controller: integrator's input",
    "gain_leak": "controller: finite gain",
    "error_offset": "controller: offset left",
    "output_offset": "controller: offset of the output stage",
    "forward_gain": "feedforward synapses",
    "feedback_gain": "feedback synapses",
    "memory_levels": "memory: steps, and full scale",
    "memory_writing": "memory: what writing misses",
    "memory_ageing": "memory: drift and relaxation",
    "memory_dead": "memory: dead devices",
    **{
        f"{state}_{colour}": f"{place}: {words}"
        for state, place in (
            ("soma", "soma"),
            ("basal", "basal compartment"),
            ("apical", "apical compartment"),
            ("integrator", "controller: integrator"),
        )
        for colour, words in (("white", "white noise"), ("flicker", "1/f noise"), ("traps", "traps"))
    },
    "sampling": "sample and hold: kT/C noise",
    ALL: "all, chip to chip",
    NOISE: "all noise",
}
"""What each imperfection is."""
SMALLEST = 1e-4
"""Rows below are not drawn, and numbers below not spelt out: a result file has them all."""


def print_budget(budget: Budget, console: Console) -> None:
    """One table a signal, the worst first; closed form, and what emulated chips showed."""
    for signal in dict.fromkeys(row.signal for row in budget.rows):
        console.print(Text(_heading(signal), style="bold"))
        console.print(_table(budget, signal))
        console.print()
    notes = [
        "relative to the signal; spread to first order, mean to second; angle and spread are root mean squares"
    ]
    if any(row.imperfection == NOISE for row in budget.rows):
        notes.append("deviations: of settled states; noise: of one presentation, it averages out over many")
    console.print(Text("\n".join(notes), style="dim"))
    worst = budget.of(UPDATE)[0]
    console.print(
        Text(f"fix first: {WORDS[worst.imperfection]} ({100 * worst.share:.0f} % of the update's error)")
    )


def _heading(signal: str) -> str:
    if signal == UPDATE:
        return "weight update"
    if signal == "output":
        return "controller's output u"
    return f"displacement of layer {signal.removeprefix('displacement_')}"


def _table(budget: Budget, signal: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("imperfection", no_wrap=True)
    names = ["share", "mean", "spread", "angle"] if signal == UPDATE else ["share", "mean", "spread"]
    names += ["", f"{budget.chips} chips: mean", "spread"] if budget.chips else []
    names += ["angle"] if budget.chips and signal == UPDATE else []
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in budget.of(signal):
        table.add_row(*_cells(row, budget), style="bold" if row.imperfection in TOTALS else "")
    return table


def _cells(row: Row, budget: Budget) -> list[str]:
    cells = [WORDS[row.imperfection], "" if row.imperfection in TOTALS else f"{100 * row.share:.1f} %"]
    cells += [_percent(row.shift), _percent(row.spread)]
    if row.signal == UPDATE:
        cells.append(f"{row.angle:.2f}°")
    if budget.chips:
        cells += [
            "",
            _percent(row.emulated_shift),
            f"{_percent(row.emulated_spread)} ± {_percent(row.emulated_error)}",
        ]
        if row.signal == UPDATE:
            cells.append(f"{row.emulated_angle:.2f}°")
    return cells


def _percent(value: float) -> str:
    if value < 1e-12:
        return "0"
    if value < SMALLEST:
        return f"< {100 * SMALLEST:g} %"
    return f"{100 * value:.2g} %" if value < 1 else f"{value:.3g} ×"


def budget_as_json(budget: Budget) -> dict[str, Any]:
    """{"chips", "samples", "imperfections": what each amounts to, "signals": {signal: {imperfection: numbers}}}."""
    return {
        "chips": budget.chips,
        "samples": budget.samples,
        "imperfections": {kind: attrs.asdict(spread) for kind, spread in budget.spreads.items()},
        "signals": {
            signal: {
                name: {k: v for k, v in numbers.items() if math.isfinite(v)} for name, numbers in rows.items()
            }
            for signal, rows in budget_numbers(budget).items()
        },
    }


def draw_budget(budget: Budget, path: str | Path) -> None:
    """A panel a signal: bars of what each imperfection does in closed form, dots what emulated chips showed."""
    from matplotlib.figure import Figure

    signals = list(dict.fromkeys(row.signal for row in budget.rows))
    columns = 2 if len(signals) > 1 else 1
    lines = -(-len(signals) // columns)
    rows = max(len(budget.of(signal)) for signal in signals)
    figure = Figure(figsize=(14, 0.6 + (1.2 + 0.18 * rows) * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False)
    for panel, signal in zip(panels.ravel(), signals, strict=False):
        _draw_signal(panel, budget, signal)
    for panel in panels.ravel()[len(signals) :]:
        panel.set_visible(False)
    if any(row.imperfection == NOISE for row in budget.rows):
        text = "blue: what differs from chip to chip; green: noise of one presentation"
        figure.suptitle(text, fontsize=SMALL, color=FAINT, x=0.01, ha="left")
    with write_atomically(path) as part:
        figure.savefig(part, format=Path(path).suffix.lower()[1:], dpi=100)


def _draw_signal(panel: Any, budget: Budget, signal: str) -> None:
    rows = [row for row in budget.of(signal) if math.hypot(row.shift, row.spread) > SMALLEST]
    places = range(len(rows))
    totals = [math.hypot(row.shift, row.spread) for row in rows]
    colours = [_colour(row) for row in rows]
    panel.barh(places, totals, color=colours, height=0.55)
    if budget.chips:
        seen = [math.hypot(row.emulated_shift, row.emulated_spread) for row in rows]
        errors = [2 * row.emulated_error for row in rows]
        panel.errorbar(seen, places, xerr=errors, fmt="o", color=COLOURS[1], markersize=5, capsize=3)
    for place, row, total in zip(places, rows, totals, strict=True):
        angle = f", {row.angle:.1f}°" if signal == UPDATE else ""
        panel.annotate(
            f"{_percent(total)}{angle}",
            (total, place),
            xytext=(14, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=FAINT,
        )
    panel.set_yticks(list(places), [WORDS[row.imperfection] for row in rows])
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.set_xlim(SMALLEST / 2, 4 * max(totals, default=1.0))
    dots = f"; dots: {budget.chips} chips ± 2 standard errors" if budget.chips else ""
    frame(panel, title=_heading(signal), x=f"root mean square error/signal{dots}")


def _colour(row: Row) -> str:
    if row.imperfection in TOTALS:
        return INK
    return COLOURS[2] if row.imperfection in NOISES else COLOURS[0]
