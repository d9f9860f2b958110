"""Weights and the cells that store them: arrays drawn, written, aged; knows no engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_models import Chip
from hardware_models.memory import CellArray
from hardware_models.memory.emulated import NO_FATE
from neurosim.emulate.weights import Weights, each_array, named_arrays
from neurosim.equations import Design
from neurosim.errors import SpecError
from neurosim.learning import Feedback, feedback_shapes
from neurosim.spec import Network
from neurosim.spec.streams import stream

Array = NDArray[np.float64]


def cell_arrays(chip: Chip, network: Network, feedback: Feedback) -> dict[str, CellArray]:
    """Those of one chip, by group; none without a memory. Their draws depend on the chip's seed and on names alone."""
    memory = chip.synapse.stores
    if memory is None:
        return {}
    sizes, crossbar = network.layers, chip.synapse
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
                full_scale=crossbar.feedback_full_scale if kind == "feedback" else crossbar.full_scale,
            )
            for kind, group in shapes.items()
            for place, shape in enumerate(group, start=1)
        }


@attrs.frozen(kw_only=True, eq=False)
class Storage:
    """All cells of one chip; without any, weights pass through as they are."""

    arrays: Mapping[str, CellArray]
    """By group."""
    seed: int
    """Of the chip."""

    @staticmethod
    def of(design: Design) -> Storage:
        """That of a design's chip."""
        return Storage(arrays=design.arrays, seed=design.chip.seed)

    def written(self, weights: Weights, *, writing: int = 0) -> Weights:
        """What is stored once weights were written: devices miss what they aim at, are dead, have steps; what lies
        beyond full scale is clipped.

        Parameters
        ----------
        writing : which time: each misses by numbers of its own.
        """
        if not self.arrays:
            return weights

        def write(name: str, matrix: Array) -> Array:
            return self.arrays[name].written(matrix, stream(self.seed, "memory", name, "writing", writing))

        return attrs.evolve(each_array(weights, write), cells={})

    def held(self, weights: Weights) -> Weights:
        """What the network computes with of stored weights as old as they are, but for `Deviations`."""
        if not self.arrays:
            return weights

        def hold(name: str, matrix: Array) -> Array:
            return self.arrays[name].held(matrix, *self._state(weights, name))

        return attrs.evolve(each_array(weights, hold), cells={})

    def changed(self, weights: Weights, wanted: Weights, *, elapsed: float) -> Weights:
        """What is stored once a presentation that ends `elapsed` seconds on has asked stored weights to become
        others, by the laws of the memory without what is random."""
        if not self.arrays:
            return wanted
        aims = dict(named_arrays(wanted))

        def change(name: str, matrix: Array) -> Array:
            ages, fates = self._state(weights, name)
            return self.arrays[name].changed(matrix, aims[name] - matrix, ages + elapsed, fates)

        return each_array(weights, change)

    def values(self, weights: Weights, *, pace: float) -> dict[str, ArrayLike]:
        """The state of cells when a run starts, by reference; pace: how fast they age in it."""
        values: dict[str, ArrayLike] = {}
        for name, array in self.arrays.items():
            ages, fates = self._state(weights, name)
            values |= {f"{name}.written_at": -ages, f"{name}.pace": pace}
            if _fated(array):
                values[f"{name}.fate"] = fates
        return values

    @property
    def outputs(self) -> list[str]:
        """What is read of cells when a run is over."""
        names = [f"{name}.written_at" for name in self.arrays]
        return names + [f"{name}.fate" for name, array in self.arrays.items() if _fated(array)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of what `Weights.cells` has by name, once a run is over."""
        names = [reference.replace(".written_at", ".age") for reference in self.outputs]
        return {name: self.arrays[name.partition(".")[0]].cells.step.shape for name in names}

    def after(self, final: Mapping[str, Array], *, now: float) -> dict[str, Array]:
        """`Weights.cells` made of them, a time after the run started, s."""
        found = {}
        for (name, shape), reference in zip(self.shapes.items(), self.outputs, strict=True):
            values = final[reference].reshape(shape)
            found[name] = values if name == reference else now - values
        return found

    def check(self, weights: Weights, *, longer: float) -> None:
        """Refuse a run in which weights would get older than was ever measured; `longer`: what it takes, s."""
        for name, array in self.arrays.items():
            ages, _ = self._state(weights, name)
            oldest, until = float(ages.max(initial=0.0)) + longer, float(array.keeping.until)
            if oldest > until:
                raise SpecError(
                    "weights would get older than was measured",
                    where="chip.synapse.memory",
                    expected=f"at most {until:g} s since they were written",
                    got=f"{oldest:g} s in {name}",
                    remedy="write them again, lower chip.time_base, or choose a memory that was measured for longer",
                )

    def devices(self, weights: Weights) -> dict[str, dict[str, Array]]:
        """What was drawn for the cells of each group, and how old what they store is, s."""
        return {
            name: {**array.devices(), "cell_age": self._state(weights, name)[0]}
            for name, array in self.arrays.items()
        }

    def _state(self, weights: Weights, name: str) -> tuple[Array, Array]:
        """Ages, s, and fates: as the weights carry them, or those of cells that were just written."""
        array = self.arrays[name]
        ages = weights.cells.get(f"{name}.age", array.first_age)
        return np.asarray(ages), np.asarray(weights.cells.get(f"{name}.fate", array.fates))


def _fated(array: CellArray) -> bool:
    return array.keeping.fate != NO_FATE
