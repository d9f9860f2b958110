"""What a machine can do, as a table and JSON; looks at nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurosim.experiment.machine import BROKEN, GOOD, MISSING, Finding

_MARKS = {GOOD: ("✓", "green"), MISSING: ("–", "dim"), BROKEN: ("✗", "bold red")}


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """One line a thing, and below it what to do where something can be done."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        mark, style = _MARKS[finding.state]
        table.add_row(Text(mark, style=style), Text(finding.name, style=style), Text(finding.found))
        if finding.remedy and finding.state != GOOD:
            table.add_row("", "", Text(finding.remedy, style="dim"))
    console.print(table)


def findings_as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """{name: {state, found, remedy}}."""
    return {finding.name: attrs.asdict(finding) for finding in findings}
