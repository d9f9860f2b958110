"""What is in a result, as tables and JSON; reads arrays block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurosim.analysis.contents import Summary, summarise
from neurosim.report.measures import chip_name, given_weights, method_name
from neurosim.result import Result


@attrs.frozen(kw_only=True)
class Row:
    """One array of the file."""

    group: str
    """Of the file's root."""
    name: str
    shape: tuple[int, ...]
    unit: str
    summary: Summary


def rows_of(result: Result) -> list[Row]:
    """Of all arrays, in the order of the file."""
    return [
        Row(group=group, name=name, shape=tuple(values.shape), unit=unit, summary=summarise(values))
        for group, name, values, unit in _arrays(result)
    ]


def _arrays(result: Result) -> Iterator[tuple[str, str, Any, str]]:
    for name, projection in result.connectivity.items():
        yield "connectivity", name, projection.weights, projection.unit
        if projection.biases is not None:
            yield "connectivity", f"{name}/biases", projection.biases, "1"
        for parameter, values in projection.device.items():
            yield "connectivity", f"{name}/device/{parameter}", values, ""
    for name, series in result.learning.items():
        yield "learning", name, series.values, series.unit
    for part, traces in result.traces.items():
        for name, trace in traces.items():
            yield "traces", f"{part}/{name}", trace.values, trace.unit
    for part, spikes in result.spikes.items():
        for name, unit in (("times", "s"), ("units", "1"), ("columns", "1")):
            yield "spikes", f"{part}/{name}", getattr(spikes, name), unit
    for part, parameters in result.devices.items():
        for name, values in parameters.items():
            yield "devices", f"{part}/{name}", values, ""
    if result.checkpoint is not None:
        for kind, arrays in result.checkpoint.arrays.items():
            for name, values in arrays.items():
                yield "checkpoint", f"{kind}/{name}", values, ""


def print_contents(result: Result, console: Console) -> None:
    """What the file is of, and a line for every array."""
    console.print(_head(result))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for words in ("", "shape", "unit", "least", "most", "mean ± sd", "odd"):
        table.add_column(
            words, justify="left" if words in ("", "unit") else "right", no_wrap=bool(words), overflow="fold"
        )
    group = ""
    for row in rows_of(result):
        if row.group != group:
            group = row.group
            table.add_row(Text(f"/{group}", style="bold"))
        table.add_row(*_cells(row))
    console.print(table)


def _cells(row: Row) -> tuple[str | Text, ...]:
    found = row.summary
    return (
        Text(f"  {row.name}"),
        " × ".join(map(str, row.shape)),
        row.unit if row.unit != "1" else "",
        _number(found.least),
        _number(found.most),
        f"{_number(found.mean)} ± {_number(found.spread)}" if math.isfinite(found.mean) else "",
        _odd(found),
    )


def _odd(found: Summary) -> Text:
    """Shares of zeros, and of what is no number."""
    said = Text()
    for count, words, style in (
        (found.zeros, "0", ""),
        (found.infinite, "∞", ""),
        (found.missing, "NaN", "bold red"),
    ):
        if count:
            said.append(f"{', ' if said else ''}{100 * count / found.count:.3g} % {words}", style)
    return said


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "–"


def _head(result: Result) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for words, said in _facts(result).items():
        table.add_row(words, Text(said))
    return table


def _facts(result: Result) -> dict[str, str]:
    status, checks = result.status, [check for check in result.verification if check.gating]
    passed = sum(check.passed for check in checks)
    checkpoint, given = result.checkpoint, given_weights(result)
    return {
        "status": ": ".join(word for word in (status.kind, status.message) if word),
        "chip, method": ", ".join(word for word in (chip_name(result), method_name(result)) if word)
        or "unknown",
        **({"weights from": given} if given else {}),
        "engine, seed": f"{result.backend}, {result.seed}",
        "verified": f"{passed} of {len(checks)} checks passed" if checks else "nothing",
        "goes on": f"after {checkpoint.epochs} epochs" if checkpoint else "no: it has no checkpoint",
        "written by": f"neurosim {result.provenance.get('neurosim', 'unknown')}",
    }


def contents_as_json(result: Result) -> dict[str, Any]:
    """{facts, arrays: [{group, name, shape, unit, summary}]}; what is not finite is null."""

    def plain(number: float) -> float | None:
        return number if math.isfinite(number) else None

    rows = [attrs.asdict(row) for row in rows_of(result)]
    for row in rows:
        row["summary"] = {name: plain(value) for name, value in row["summary"].items()}
    return {"facts": _facts(result), "arrays": rows}
