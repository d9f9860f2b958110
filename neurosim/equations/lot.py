"""Several chips side by side in one Model: the Model of one, with a column and a matrix for each."""

from __future__ import annotations

from typing import Any

import attrs

from neurosim.equations import operations as ops
from neurosim.equations.model import SCHEDULE, Group, Model, Program

_MATRICES = (ops.Product, ops.Outer, ops.RowSum)
"""They work chip by chip on the columns of one."""
_SIZED = (ops.Add, ops.Square, ops.Scatter, ops.Fill, ops.Repeat)
_COLUMNS = (ops.ColumnReduce, ops.Feed)


def side_by_side(model: Model, chips: int) -> Model:
    """The Model of so many chips, each as the given one: state index = (unit · chips + chip) · n_columns + column.

    What all units of a group share, all chips share. Parameters keep the values of the one.
    """
    if chips == 1:
        return model
    return attrs.evolve(
        model,
        groups=tuple(_group(group, chips) for group in model.groups),
        programs=tuple(_program(program, chips) for program in model.programs),
        n_columns=chips * model.n_columns,
        chips=chips,
    )


def _group(group: Group, chips: int) -> Group:
    return group if group.name == SCHEDULE else attrs.evolve(group, n_columns=chips * group.n_columns)


def _program(program: Program, chips: int) -> Program:
    return attrs.evolve(program, operations=tuple(_operation(each, chips) for each in program.operations))


def _operation(operation: ops.Operation, chips: int) -> ops.Operation:
    changes: dict[str, Any] = {}
    if isinstance(operation, _MATRICES):
        changes = {"chips": chips}
    elif isinstance(operation, _SIZED):
        changes = {"size": chips * operation.size}
    elif isinstance(operation, _COLUMNS):
        changes = {"n_columns": chips * operation.n_columns}
    elif isinstance(operation, ops.Record | ops.Guard | ops.Rest):
        changes = {"sizes": tuple(chips * size for size in operation.sizes)}
        if isinstance(operation, ops.Guard):
            changes |= {"chips": chips, "n_columns": chips * operation.n_columns}
    kind: Any = operation
    evolved: ops.Operation = attrs.evolve(kind, **changes)
    return evolved
