"""A Model of some of the columns of another, which shares its weights with the rest of them; knows no engine."""

from __future__ import annotations

import re

import attrs

from neurosim.equations.model import GatedCode, Group, Model, Program
from neurosim.equations.operations import Meet, Outer, RowSum

PLACE = "place"
"""The variable that holds an element's index among all columns; noise is drawn with it."""
_SUMMED = ".accumulated"
_INDEX = re.compile(r"\bi\b")


def summed_once(model: Model) -> bool:
    """Whether columns act on one another at the end of a presentation alone: only then can they part."""
    return all(
        operation.target.endswith(_SUMMED)
        for program in model.programs
        for operation in program.operations
        if isinstance(operation, Outer | RowSum)
    )


def part_of(model: Model, parts: int) -> Model:
    """The Model, assembled for its share of the columns, as one of so many that learn the same weights.

    What its columns have summed up for the weights is added to that of the others before weights change, and its
    noise is that of its columns among all of them, by the variable PLACE.
    """
    columns = model.n_columns
    groups = {group.name: _placed(group, columns) for group in model.groups}
    sizes: dict[str, int] = {}
    for program in model.programs:
        for operation in program.operations:
            if isinstance(operation, Outer):
                sizes[operation.target] = operation.n_post * operation.n_pre
            if isinstance(operation, RowSum):
                sizes[operation.target] = operation.n_units
    meet = Meet(targets=tuple(sizes), sizes=tuple(sizes.values()), parts=parts)
    return attrs.evolve(
        model,
        groups=tuple(groups.values()),
        code=tuple(_coded(code, groups[code.group]) for code in model.code),
        programs=(*model.programs, Program(name="meeting", operations=(meet,), slot="end", order=-1)),
    )


def _placed(group: Group, columns: int) -> Group:
    if group.n_columns != columns or "noise_key" not in group.parameters:
        return group
    updater = group.updater
    if updater is not None:
        updater = attrs.evolve(updater, before=_put(updater.before), after=_put(updater.after))
    return attrs.evolve(
        group,
        equations=f"{group.equations}\n{PLACE} : integer (constant)",
        index=PLACE,
        updater=updater,
    )


def _coded(code: GatedCode, group: Group) -> GatedCode:
    return attrs.evolve(code, code=_put(code.code)) if group.index == PLACE else code


def _put(text: str) -> str:
    return _INDEX.sub(PLACE, text)
