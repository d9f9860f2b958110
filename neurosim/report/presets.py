"""Chips and where their numbers are from, as tables and JSON; knows no engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brian2 import Quantity
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hardware_models import Preset, preset_names
from hardware_models.provenance import KINDS, MARKS, Number
from hardware_models.quantity import unit_name

__all__ = ["preset_names", "presets_as_json", "print_preset", "print_presets"]


def print_presets(presets: Iterable[Preset], console: Console) -> None:
    """One line a chip."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("chip", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for preset in presets:
        table.add_row(preset.name, preset.title)
    console.print(table)
    console.print(Text("neurosim presets NAME prints every number with its source", style="dim"))


def print_preset(preset: Preset, console: Console) -> None:
    """Every number of a chip with unit, range, kind and mark, and below them the sources."""
    sources = list(dict.fromkeys(number.source for number in preset.numbers.values()))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("number", "value", "range", "differs", "mark", "source"):
        table.add_column(name, overflow="fold", justify="right" if name == "value" else "left")
    for path, number in preset.numbers.items():
        table.add_row(
            path,
            number.text,
            number.range_text,
            number.kind,
            number.mark,
            str(sources.index(number.source) + 1),
        )
    console.print(Text(f"{preset.name}: {preset.title}", style="bold"))
    console.print(table)
    for place, source in enumerate(sources, start=1):
        console.print(Text(f"[{place}] {source}"))
    console.print(Text("marks: " + "; ".join(f"{mark} {words}" for mark, words in MARKS.items()), "dim"))
    console.print(Text("differs: " + "; ".join(f"{kind}: {words}" for kind, words in KINDS.items()), "dim"))
    for path, number in preset.numbers.items():
        if number.note:
            console.print(Text(f"{path}: {number.note}", style="dim"))


def presets_as_json(presets: Iterable[Preset]) -> dict[str, Any]:
    """{name: {"title": …, "numbers": {path: {value, text, unit, range, mark, source, kind, note}}}}, SI values."""
    return {
        preset.name: {
            "title": preset.title,
            "numbers": {path: _number(number) for path, number in preset.numbers.items()},
        }
        for preset in presets
    }


def _number(number: Number) -> dict[str, Any]:
    unit = unit_name(number.value) if isinstance(number.value, Quantity) else "1"
    return {
        "value": _plain(number.value),
        "unit": unit,
        "text": number.text,
        "range": None if number.low is None else [_plain(number.low), _plain(number.high)],
        "mark": number.mark,
        "source": number.source,
        "range_source": number.range_source,
        "kind": number.kind,
        "note": number.note,
    }


def _plain(value: Any) -> Any:
    """A number as JSON can hold it: infinity is a word."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Quantity | float):
        return float(value) if abs(float(value)) != float("inf") else "inf"
    return value
