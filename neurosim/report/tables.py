"""Checks and runs as tables on a terminal; knows nothing of how they came about or of pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from neurosim.report.engineering import duration, engineering
from neurosim.report.measures import (
    chip_name,
    fell_short,
    final_numbers,
    given_weights,
    method_name,
    number_of,
)
from neurosim.result import Check, Result

MISSING = "—"
SCALES = (
    ("voltage unit", "voltage_unit_volt", "V"),
    ("current unit", "current_unit_amp", "A"),
    ("time base τ_u", "time_base_second", "s"),
    ("time step", "dt_second", "s"),
)
"""What is said of a chip: words, name in the provenance, unit."""


def verification_table(checks: Sequence[Check]) -> Table:
    """One row a check: name, value, tolerance, ✓ or ✗ or "informs", and what was compared with what."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("tolerance", justify="right", no_wrap=True)
    table.add_column("passed", justify="center", no_wrap=True)
    table.add_column("what was compared", overflow="fold", style="dim")
    for check in checks:
        failed = check.gating and not check.passed
        table.add_row(
            Text(check.name, style="bold red" if failed else ""),
            Text(_scientific(check.value), style="bold red" if failed else ""),
            _scientific(check.tolerance),
            _verdict(check),
            Text(check.detail),
        )
    return table


def print_verification(checks: Sequence[Check], console: Console) -> None:
    """Print the checks and, in a last line, what they come to."""
    if not checks:
        console.print(Text("nothing was verified", style="yellow"))
        return
    console.print(verification_table(checks))
    gating = [check for check in checks if check.gating]
    short = fell_short(checks)
    if short:
        names = ", ".join(check.name for check in short)
        line = Text(f"VERIFICATION FELL SHORT: {len(short)} of {len(gating)} checks: {names}", "bold red")
    elif gating:
        line = Text(f"verified: {len(gating)} of {len(gating)} checks passed", "green")
    else:
        line = Text("not verified: every check only informs", "yellow")
    console.print(line)


def print_summary(
    result: Result, console: Console, baseline: Mapping[str, float | str] | None = None
) -> None:
    """Print what a run came to, a failure first.

    Parameters
    ----------
    baseline : final numbers of another method to stand beside, such as {"name": "BP", "train_loss": 0.12,
        "test_accuracy": 0.93}; accuracies from 0 to 1. Without "name" it is called baseline.
    """
    console.print(_status(result))
    console.print(_chip(result))
    console.print()
    print_verification(result.verification, console)
    console.print()
    console.print(_outcome(result, baseline))
    console.print()
    console.print(_facts(result))


def _status(result: Result) -> Panel | Text:
    status, short = result.status, fell_short(result.verification)
    if not status.good:
        return _alarm(f"RUN FAILED: {status.kind}", status.message)
    if short:
        return _alarm("CHECKS FELL SHORT", ", ".join(check.name for check in short))
    said = "done, verified" if result.verified else "done, not verified"
    return Text(said, style="bold green" if result.verified else "bold yellow")


def _alarm(headline: str, message: str) -> Panel:
    text = Text(headline, style="bold red")
    if message:
        text.append(f"\n{message}", style="red")
    return Panel(text, border_style="red", expand=False)


def _chip(result: Result) -> Table:
    named = ", ".join(part for part in (chip_name(result) or "chip unknown", method_name(result)) if part)
    table = _grid()
    table.add_row("chip, method", Text(named, style="bold"))
    known = [(words, number_of(result, name), unit) for words, name, unit in SCALES]
    for words, value, unit in known:
        if not math.isnan(value):
            table.add_row(words, engineering(value, unit))
    if all(math.isnan(value) for _, value, _ in known):
        table.add_row("scales", "none recorded: the method ran without a chip")
    if given := given_weights(result):
        table.add_row("weights from", Text(given))
    return table


def _outcome(result: Result, baseline: Mapping[str, float | str] | None) -> Table:
    mine, other = final_numbers(result), dict(baseline or {})
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("at the end")
    table.add_column("this run", justify="right")
    if baseline is not None:
        table.add_column(Text(str(other.get("name", "baseline"))), justify="right")
    for name, words in (
        ("train_loss", "train loss"),
        ("test_loss", "test loss"),
        ("test_accuracy", "test accuracy"),
    ):
        theirs = other.get(name, float("nan"))
        row = [_measure(name, mine[name])]
        if baseline is not None:
            row.append(_measure(name, theirs if isinstance(theirs, (int, float)) else float("nan")))
        if name == "train_loss" or any(cell != MISSING for cell in row):
            table.add_row(words, *row)
    return table


def _facts(result: Result) -> Table:
    numbers, table = final_numbers(result), _grid()
    rightmost = numbers["max_real_eigenvalue"]
    verdict = "" if math.isnan(rightmost) else ", stable" if rightmost < 0 else ", UNSTABLE"
    table.add_row("settle time", _known(numbers["settle_time"], engineering(numbers["settle_time"], "s")))
    table.add_row(
        "max Re eig",
        Text(
            _known(rightmost, f"{rightmost:.3g} /τ_u") + verdict,
            style="bold red" if rightmost >= 0 else "",
        ),
    )
    if numbers["saturated"] > 0:
        table.add_row("at a rail", Text(f"{100 * numbers['saturated']:.3g} % of presentations", "yellow"))
    table.add_row("build time", _known(numbers["build_seconds"], duration(numbers["build_seconds"])))
    table.add_row("wall time", _known(numbers["wall_seconds"], duration(numbers["wall_seconds"])))
    table.add_row("engine, seed", f"{result.backend}, {result.seed}")
    return table


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    return grid


def _verdict(check: Check) -> Text:
    if not check.gating:
        return Text("informs", style="dim")
    return Text("✓", style="green") if check.passed else Text("✗", style="bold red")


def _measure(name: str, value: float) -> str:
    return _known(value, f"{100 * value:.2f} %" if name == "test_accuracy" else f"{value:.4g}")


def _known(value: float, text: str) -> str:
    return MISSING if math.isnan(value) else text


def _scientific(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("-∞" if value < 0 else "∞")
    return "0" if value == 0 else f"{value:.2e}"
