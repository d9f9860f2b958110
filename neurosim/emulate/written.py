"""Weights and the cells that store them: arrays drawn, written, aged; knows no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_models import Chip
from hardware_models.memory import CellArray
from neurosim.emulate.weights import Weights
from neurosim.errors import SpecError
from neurosim.learning import Feedback, feedback_shapes
from neurosim.spec import Network
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
Arrays = Mapping[str, CellArray]
KINDS = {"forward": "synapses", "biases": "biases", "feedback": "feedback"}
"""Names of groups by the fields of Weights."""
STATES = ("written_at", "fate")
"""What a cell has beside the weight that it stores."""


def cell_arrays(chip: Chip, network: Network, feedback: Feedback) -> dict[str, CellArray]:
    """Those of one chip, by group; none without a memory. Their draws depend on the chip's seed and on names alone."""
    memory = chip.synapse.stores
    if memory is None:
        return {}
    sizes = network.layers
    shapes: dict[str, list[tuple[int, ...]]] = {
        "synapses": [(m, n) for n, m in pairwise(sizes)],
        "biases": [(n,) for n in sizes[1:]],
        "feedback": list(feedback_shapes(feedback, sizes)),
    }
    with chip.cited("synapse.memory"):
        conditioned = memory.at(chip.conditions)
        return {
            f"{kind}_{place}": CellArray.draw(
                conditioned,
                shape,
                partial(stream, chip.seed, "memory", f"{kind}_{place}"),
                full_scale=chip.synapse.feedback_full_scale
                if kind == "feedback"
                else chip.synapse.full_scale,
            )
            for kind, group in shapes.items()
            for place, shape in enumerate(group, start=1)
        }


def written(arrays: Arrays, weights: Weights, *, seed: int, writing: int = 0) -> Weights:
    """What is stored once weights were written; see `VirtualChip.written`."""
    if not arrays:
        return weights

    def write(name: str, matrix: Array) -> Array:
        return arrays[name].written(matrix, stream(seed, "memory", name, "writing", writing))

    return attrs.evolve(_each(weights, write), cells={})


def held(arrays: Arrays, weights: Weights) -> Weights:
    """What cells conduct of what they store; see `VirtualChip.held`."""
    if not arrays:
        return weights

    def hold(name: str, matrix: Array) -> Array:
        return arrays[name].held(matrix, *_state(arrays, weights, name))

    return attrs.evolve(_each(weights, hold), cells={})


def changed(arrays: Arrays, weights: Weights, wanted: Weights, *, elapsed: float) -> Weights:
    """What is stored once `wanted` was asked for, `elapsed` seconds on, without what is random."""
    if not arrays:
        return wanted
    aims = dict(_named(wanted))

    def change(name: str, matrix: Array) -> Array:
        ages, fates = _state(arrays, weights, name)
        return arrays[name].changed(matrix, aims[name] - matrix, ages + elapsed, fates)

    return _each(weights, change)


def cell_values(arrays: Arrays, weights: Weights) -> dict[str, ArrayLike]:
    """The state of cells when a run starts, by reference."""
    values: dict[str, ArrayLike] = {}
    for name, array in arrays.items():
        ages, fates = _state(arrays, weights, name)
        values[f"{name}.written_at"] = -ages
        if _fated(array):
            values[f"{name}.fate"] = fates
    return values


def cell_outputs(arrays: Arrays) -> list[str]:
    """What is read of cells when a run is over."""
    names = [f"{name}.written_at" for name in arrays]
    return names + [f"{name}.fate" for name, array in arrays.items() if _fated(array)]


def cells_after(arrays: Arrays, final: Mapping[str, Array], *, now: float) -> dict[str, Array]:
    """`Weights.cells` made of them, a time after the run started, s."""
    found = {}
    for reference in cell_outputs(arrays):
        name, state = reference.split(".")
        values = final[reference].reshape(arrays[name].cells.step.shape)
        found[f"{name}.age" if state == "written_at" else reference] = (
            now - values if state == "written_at" else values
        )
    return found


def check_ages(arrays: Arrays, weights: Weights, *, longer: float) -> None:
    """Refuse a run in which weights would get older than was ever measured; `longer`: what it takes, s."""
    for name, array in arrays.items():
        ages, _ = _state(arrays, weights, name)
        oldest, until = float(ages.max(initial=0.0)) + longer, float(array.keeping.until)
        if oldest > until:
            raise SpecError(
                "weights would get older than was measured",
                where="chip.synapse.memory",
                expected=f"at most {until:g} s since they were written",
                got=f"{oldest:g} s in {name}",
                remedy="write them again, lower chip.time_base, or choose a memory that was measured for longer",
            )


def _fated(array: CellArray) -> bool:
    return array.keeping.fate != "none"


def _state(arrays: Arrays, weights: Weights, name: str) -> tuple[Array, Array]:
    """Ages, s, and fates: as the weights carry them, or those of cells that were just written."""
    array = arrays[name]
    ages = weights.cells.get(f"{name}.age", array.first_age)
    return np.asarray(ages), np.asarray(weights.cells.get(f"{name}.fate", array.fates))


def _named(weights: Weights) -> Iterator[tuple[str, Array]]:
    for field, kind in KINDS.items():
        for place, matrix in enumerate(getattr(weights, field), start=1):
            yield f"{kind}_{place}", np.asarray(matrix, float)


def _each(weights: Weights, act: Callable[[str, Array], Array]) -> Weights:
    """Every array as `act` makes it."""

    def all_of(field: str) -> tuple[Array, ...]:
        kind = KINDS[field]
        return tuple(
            act(f"{kind}_{place}", np.asarray(matrix, float))
            for place, matrix in enumerate(getattr(weights, field), start=1)
        )

    return attrs.evolve(
        weights, forward=all_of("forward"), biases=all_of("biases"), feedback=all_of("feedback")
    )
