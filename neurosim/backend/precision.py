"""Which numbers of a Model are single and which double; knows no engine.

In a Model of single precision, what a loop computes in every step is single. What lasts longer than a presentation
and changes little by little, such as stored weights and the age of cells, stays double, but for what products use.
"""

from __future__ import annotations

import re

import attrs
import numpy as np
from brian2 import Equations, NeuronGroup
from brian2.core.variables import ArrayVariable
from brian2.equations.equations import FLOAT

from neurosim.equations.model import Group, Model
from neurosim.equations.operations import Guard, Record
from neurosim.equations.wander import NOW


def real_type(model: Model) -> type[np.floating]:
    """Of what changes in every step."""
    return np.float32 if model.precision == "float32" else np.float64


def types_of(model: Model, group: Group) -> dict[str, type[np.floating]]:
    """Of the variables of a group that are of another type."""
    if model.precision == "float64":
        return {}
    if not group.lasting:
        return {state: np.float64 for state, start in group.wander.items() if start == NOW}
    equations = Equations(group.equations)
    used = _in_operations(model)
    return {
        name: np.float64
        for name, equation in equations.items()
        if equation.var_type == FLOAT and f"{group.name}.{name}" not in used
    }


_DOUBLE = re.compile(r"\bdouble\b(?= d?t = )")
_LITERAL = re.compile(r"(?<![\w.])((?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?![\w.])")


def one_type(lines: str | list[str], group: NeuronGroup) -> str:
    """C++ of Brian2's for a group, so that its loop computes in numbers of one type.

    Brian2 writes literals and the clock as double and names in between as its default: half of a single loop would
    be double, and half of a lasting one single.
    """
    code = lines if isinstance(lines, str) else "\n".join(lines)
    arrays = {
        variable.dtype
        for variable in group.variables.values()
        if isinstance(variable, ArrayVariable) and variable.owner is not None
        and variable.owner.name == group.name and not variable.scalar
    }  # fmt: skip
    if np.float64 in arrays:
        return re.sub(r"\bfloat\b", "double", code)
    return _LITERAL.sub(r"\1f", _DOUBLE.sub("float", code)) if np.float32 in arrays else code


def _in_operations(model: Model) -> set[str]:
    """References of all dense operations but those that only look."""
    return {
        value
        for program in model.programs
        for operation in program.operations
        if not isinstance(operation, Guard | Record)
        for value in attrs.astuple(operation, recurse=False)
        if isinstance(value, str)
    }
