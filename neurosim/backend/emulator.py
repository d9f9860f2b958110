"""What every engine offers: run a stimulus through a built Model and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.backend.stimulus import Stimulus
from neurosim.equations.model import Model
from neurosim.equations.operations import Guard, Record

Progress = Callable[[int, int], None]
"""Told how many presentations are done, of how many."""


@attrs.frozen(kw_only=True)
class Stop:
    """Where a chip's states first left all bounds; the run broke off there if that happened to all its chips."""

    step: int
    """Counted from the start of the run."""
    source: int
    """Which of the guarded variables."""
    index: int
    """Which element of it: unit · n_columns + column, columns of all chips counted."""


@attrs.frozen(kw_only=True, eq=False)
class Recording:
    """What one run left."""

    final: Mapping[str, NDArray[np.float64]]
    """The variables asked for, at the end, by reference; flat."""
    files: Mapping[str, NDArray[np.float64]]
    """By recording name: (n_records, record size)."""
    stops: Mapping[int, Stop]
    """By the number of a chip, of those that left all bounds."""
    interrupted: bool
    wall_seconds: float
    """Of the stepping alone."""


class Emulator(Protocol):
    """A built Model."""

    model: Model
    build_seconds: float
    """What building took; 0 where it came from the cache."""

    def run(
        self,
        stimulus: Stimulus,
        *,
        values: Mapping[str, ArrayLike],
        outputs: Sequence[str],
        progress: Progress | None = None,
    ) -> Recording:
        """One run from state 0 with `values` ("group.variable" → SI numbers, flat) set before it."""
        ...


def initial_values(model: Model, values: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """The model's parameters, repeated over columns, overridden by `values`; every array flat."""
    merged: dict[str, NDArray[np.float64]] = {}
    for group in model.groups:
        for name, parameter in group.parameters.items():
            value = np.asarray(parameter.value, dtype=float)
            merged[f"{group.name}.{name}"] = value if value.ndim == 0 else np.repeat(value, group.n_columns)
    for reference, given in values.items():
        plain = np.asarray(given, dtype=float)
        merged[reference] = plain.ravel() if plain.ndim else plain
    return merged


def guarded(model: Model) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """References and sizes of what the model's guard watches."""
    for program in model.programs:
        for operation in program.operations:
            if isinstance(operation, Guard):
                return operation.sources, operation.sizes
    return (), ()


def record_sizes(model: Model) -> dict[str, int]:
    """Numbers in one record of each recording."""
    return {name: sum(sizes) for name, sizes in recorded(model).items()}


def recorded(model: Model) -> dict[str, tuple[int, ...]]:
    """Numbers of each variable in one record of each recording."""
    return {
        operation.name: operation.sizes
        for program in model.programs
        for operation in program.operations
        if isinstance(operation, Record)
    }
