"""What a learner carries on, to and from the arrays of a checkpoint, each of which has to fit; knows no run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.emulate import VirtualChip, Weights, stored_weights
from neurosim.emulate.plastic import optimizer_outputs
from neurosim.emulate.wandering import wander_outputs
from neurosim.emulate.weights import named_arrays
from neurosim.equations import Model
from neurosim.errors import DataError
from neurosim.result import Checkpoint, Projection
from neurosim.spec import Spec

Array = NDArray[np.float64]
BIASES, CELLS = "biases", "cells"
OPTIMIZER, NIGHT_OPTIMIZER, WANDER = "optimizer", "night_optimizer", "wander"
"""Kinds of arrays in a checkpoint."""


def arrays_of(weights: Weights) -> dict[str, Mapping[str, Array]]:
    """What a result's connectivity does not have of stored weights."""
    biases = {name: array for name, array in named_arrays(weights) if name.startswith(BIASES)}
    return {BIASES: biases, CELLS: weights.cells}


def weights_in(spec: Spec, checkpoint: Checkpoint, connectivity: Mapping[str, Projection]) -> Weights:
    """Stored weights; whether the cells fit a chip is not looked at. DataError for weights that are missing or do not
    fit the network."""
    biases, cells = kind_of(checkpoint, BIASES), kind_of(checkpoint, CELLS)
    try:
        return stored_weights(spec, connectivity, biases=biases, cells=cells)
    except DataError as error:
        raise error if error.where else error.within("/checkpoint") from None


def kind_of(checkpoint: Checkpoint, kind: str) -> Mapping[str, Array]:
    """Arrays of a kind by name; none where the checkpoint has not heard of it."""
    return checkpoint.arrays.get(kind, {})


def optimizer_in(checkpoint: Checkpoint, chip: VirtualChip, *, kind: str = OPTIMIZER) -> Mapping[str, Array]:
    """What optimisers of a chip carry on; DataError where that does not fit."""
    passes = checkpoint.nights if kind == NIGHT_OPTIMIZER else checkpoint.epochs
    return _fitting(checkpoint, kind, [_shapes(chip.model, optimizer_outputs(chip.model))], empty=passes == 0)


def wander_in(checkpoint: Checkpoint, chips: Sequence[VirtualChip]) -> Mapping[str, Array]:
    """What slow noise carries on, as one of these left it; DataError where it fits none."""
    return _fitting(checkpoint, WANDER, [_shapes(chip.model, wander_outputs(chip.model)) for chip in chips])


def check_cells(checkpoint: Checkpoint, chip: VirtualChip) -> None:
    """Whether the states of cells are those of a chip's memory, DataError if not."""
    _fitting(checkpoint, CELLS, [chip.storage.shapes], empty=checkpoint.epochs == 0)


def _shapes(model: Model, references: Sequence[str]) -> dict[str, tuple[int, ...]]:
    parts = [reference.split(".") for reference in references]
    return {f"{group}.{variable}": (model.group(group).size_of(variable),) for group, variable in parts}


def _fitting(
    checkpoint: Checkpoint,
    kind: str,
    possible: Sequence[Mapping[str, tuple[int, ...]]],
    *,
    empty: bool = False,
) -> Mapping[str, Array]:
    """Arrays of a kind, if their names and shapes are among those possible; `empty`: or there are none yet."""
    got = kind_of(checkpoint, kind)
    shapes = {name: array.shape for name, array in got.items()}
    if not (empty and not got) and not any(shapes == dict(wanted) for wanted in possible):
        wanted = possible[0]
        name = min(name for name in {*shapes, *wanted} if shapes.get(name) != wanted.get(name))
        raise DataError(
            "does not fit this run",
            where=f"/checkpoint/{kind}/{name}",
            expected=str(wanted.get(name, "nothing of that name")),
            got=str(shapes.get(name, "nothing of that name")),
            remedy="go on from a file that neurosim wrote",
        )
    return got
