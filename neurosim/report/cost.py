"""What a network costs on its chip, as a table and JSON; works nothing out."""

from __future__ import annotations

from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurosim.emulate.cost import Cost, CostRow
from neurosim.report.engineering import area, engineering


def print_cost(cost: Cost, console: Console) -> None:
    """The parts with their sum, what it comes to per presentation, and what was assumed and left out."""
    console.print(Text(headline(cost), style="bold"))
    console.print(_table(cost))
    console.print()
    console.print(_facts(cost))
    console.print()
    for title, lines in (("assumed", cost.assumed), ("not counted", cost.not_counted)):
        for line in lines:
            console.print(Text(f"{title}: {line}", style="dim"))


def headline(cost: Cost) -> str:
    """Chip, method, layers, and how long a presentation takes."""
    phases = f"{engineering(cost.settle_s, 's')} settle + {engineering(cost.learn_s, 's')} learn"
    network = "-".join(map(str, cost.layers))
    return f"{cost.chip}, {cost.method}, {network}: a presentation takes {engineering(cost.time_s, 's')} ({phases})"


def cost_as_json(cost: Cost) -> dict[str, Any]:
    """The whole Cost with its sums, SI units in the names, for `json.dumps`."""
    return {
        **attrs.asdict(cost, filter=lambda field, _: field.name != "rows"),
        "time_s": cost.time_s,
        "rows": [_row_as_json(row) for row in cost.rows],
        "total": _row_as_json(cost.total),
        "energy_per_weight_update_J": cost.energy_per_weight_update_J,
        "energy_per_synaptic_operation_J": cost.energy_per_synaptic_operation_J,
    }


def spread(row: CostRow) -> str:
    """p10 to p90 where a row has converters; else nothing."""
    if row.energy_low_J == row.energy_high_J:
        return ""
    return f"{engineering(row.energy_low_J, 'J')} to {engineering(row.energy_high_J, 'J')}"


def _covered(square_metres: float) -> str:
    return area(square_metres) if square_metres else ""


def _row_as_json(row: CostRow) -> dict[str, Any]:
    return {**attrs.asdict(row), "area_m2": row.area_m2}


def _table(cost: Cost) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    total = cost.total
    table.add_column("part", footer="total", no_wrap=True)
    columns = (
        ("number", "", [str(row.count) for row in cost.rows]),
        ("power", engineering(total.power_W, "W"), [engineering(row.power_W, "W") for row in cost.rows]),
        (
            "energy",
            engineering(total.energy_per_presentation_J, "J"),
            [engineering(row.energy_per_presentation_J, "J") for row in cost.rows],
        ),
        ("p10 to p90", spread(total), [spread(row) for row in cost.rows]),
        (
            "capacitors",
            _covered(total.capacitor_area_m2),
            [_covered(row.capacitor_area_m2) for row in cost.rows],
        ),
        ("whole area", _covered(total.area_m2), [_covered(row.area_m2) for row in cost.rows]),
    )
    for name, footer, _ in columns:
        table.add_column(name, footer=footer, justify="right", overflow="fold")
    for place, row in enumerate(cost.rows):
        table.add_row(Text(row.part), *(cells[place] for _, _, cells in columns))
    return table


def _facts(cost: Cost) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    update, operation = cost.energy_per_weight_update_J, cost.energy_per_synaptic_operation_J
    grid.add_row("power, mean", f"{engineering(cost.total.power_W, 'W')} from {cost.supply_V:g} V")
    grid.add_row("energy a presentation", engineering(cost.total.energy_per_presentation_J, "J"))
    grid.add_row("energy a weight update", f"{engineering(update, 'J')} ({cost.weight_updates} weights)")
    grid.add_row(
        "energy a synaptic operation",
        f"{engineering(operation, 'J')} ({cost.synaptic_operations} multiplications)",
    )
    grid.add_row("area", area(cost.total.area_m2))
    return grid
