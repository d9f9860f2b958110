"""A Model as text for people: equations, parameters with units, wiring, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.equations import operations as ops
from neurosim.equations.model import Group, Model, ModelParameter
from neurosim.equations.operations import Operation

_SLOTS = ("start", "groups", "end")


def describe(model: Model) -> str:
    """Everything that will run, with its numbers."""
    lines = [f"# time step {model.dt:g} s, {model.n_columns} columns, model {model.hash}", ""]
    for group in model.groups:
        lines += _group(group)
    lines += ["# in every step, in this order", ""]
    for _, text in sorted(_stages(model), key=lambda stage: stage[0]):
        lines.append(text)
    return "\n".join(lines)


def _group(group: Group) -> list[str]:
    size = f"{group.n_units} × {group.n_columns}" if group.n_columns > 1 else str(group.n_units)
    lines = [f"[{group.name}]  {size}"]
    lines += [f"    {line}" for line in group.equations.splitlines()]
    if group.updater and group.updater.before:
        lines += ["  before each step:", *(f"    {x}" for x in group.updater.before.splitlines())]
    if group.updater and group.updater.after:
        lines += ["  after each step:", *(f"    {x}" for x in group.updater.after.splitlines())]
    for name, target in group.links.items():
        lines.append(f"  {name} is {target}")
    if group.parameters:
        lines.append("  with")
        lines += [f"    {name} = {_value(p)}    {p.meaning}" for name, p in group.parameters.items()]
    return [*lines, ""]


def _value(parameter: ModelParameter) -> str:
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    if parameter.shared:
        return f"{float(parameter.value):.6g}{unit}"
    values = np.asarray(parameter.value)
    return f"{values.mean():.4g} ± {values.std():.2g}{unit} (drawn for each)"


def _stages(model: Model) -> list[tuple[tuple[int, int], str]]:
    stages = []
    for code in model.code:
        text = "; ".join(code.code.splitlines())
        stages.append(((_SLOTS.index(code.slot), code.order), f"{code.gate:>8}  {code.group}: {text}"))
    for group in model.groups:
        if group.updater:
            place = (_SLOTS.index(group.updater.slot), group.updater.order)
            stages.append((place, f"{'always':>8}  {group.name}: integrate"))
    for program in model.programs:
        for operation in program.operations:
            place = (_SLOTS.index(program.slot), program.order)
            stages.append((place, f"{operation.gate:>8}  {_operation(operation)}"))
    return stages


def _operation(operation: Operation) -> str:
    return _TEXTS[type(operation)](operation)


def _product(o: ops.Product) -> str:
    return f"{o.target} = {o.weights} · {o.source}" + (f" + {o.bias}" if o.bias else "")


def _record(o: ops.Record) -> str:
    return f"record {', '.join(o.sources)} in {o.name}"


def _guard(o: ops.Guard) -> str:
    return f"stop unless |{', '.join(o.sources)}| ≤ {o.bound:g} (SI)"


def _sign(accumulate: bool) -> str:
    return "+=" if accumulate else "="


_TEXTS: dict[type, Callable[[Any], str]] = {
    ops.Product: _product,
    ops.Outer: lambda o: f"{o.target} {_sign(o.accumulate)} {o.post} · {o.pre}ᵀ",
    ops.RowSum: lambda o: f"{o.target} {_sign(o.accumulate)} Σ_columns {o.source}",
    ops.Add: lambda o: f"{o.target} += {o.source}",
    ops.Square: lambda o: f"{o.target} = {o.source}²",
    ops.Scatter: lambda o: f"{o.target} += √({o.variance}) · {o.normals}",
    ops.Fill: lambda o: f"{o.target} = 0",
    ops.ColumnReduce: lambda o: f"{o.target} = {o.how} of {o.source} over units",
    ops.Feed: lambda o: f"{o.target} from the stimulus's {o.name}",
    ops.Record: _record,
    ops.Guard: _guard,
    ops.Repeat: lambda o: f"{o.target} *= steps that this one stands for",
    ops.Rest: lambda o: f"pass the rest of a phase once {', '.join(o.sources)} are at rest",
    ops.Meet: lambda o: f"{', '.join(o.targets)} summed over {o.parts} runs",
    ops.Finish: lambda o: "stop after the last presentation",
}
