"""One array of cells on a chip, in the units of the network whose weights it stores; knows no network."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import ArrayLike

from hardware_models.memory.cells import Cells
from hardware_models.memory.curve import Array
from hardware_models.memory.emulated import NO_FATE, Answer, Conduction, Keeping
from hardware_models.memory.memory import Memory

Streams = Callable[[str], np.random.Generator]


@attrs.frozen(kw_only=True, eq=False)
class CellArray:
    """w = W x of every cell; x of the memory, W the weight of full scale."""

    memory: Memory
    """Under the conditions of its chip."""
    full_scale: float
    """W."""
    cells: Cells
    fates: Array
    """Of every cell when it is written for the first time."""

    @staticmethod
    def draw(memory: Memory, shape: tuple[int, ...], streams: Streams, *, full_scale: float) -> CellArray:
        """The array of one chip."""
        cells = memory.draw(shape, streams("cells"))
        fated = memory.keeping().fate != NO_FATE
        fates = streams("fates").standard_normal(shape) if fated else np.zeros(shape)
        return CellArray(memory=memory, full_scale=full_scale, cells=cells, fates=fates)

    @property
    def keeping(self) -> Keeping:
        """What time leaves."""
        return self.memory.keeping()

    @property
    def conduction(self) -> Conduction:
        """What its cells conduct."""
        return self.memory.conduction(self.cells)

    @property
    def answer(self) -> Answer:
        """How its cells change."""
        return self.memory.answer(self.cells)

    @property
    def first_age(self) -> Array:
        """Of all cells when writing is done: that for which `Memory.program` holds, s."""
        return np.full(self.cells.step.shape, float(self.memory.reference_time))

    def ages(self, age: float) -> Array:
        """Of all cells, `age` seconds after they were written, s; never below `first_age`."""
        return np.maximum(self.first_age, age)

    def written(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """What is stored of weights that are written into it."""
        aim = np.asarray(weights, float) / self.full_scale
        return self.full_scale * self.memory.store(aim, generator, cells=self.cells)

    def held(self, stored: Array, ages: Array, fates: Array) -> Array:
        """What it conducts of what was stored so many seconds ago."""
        kept = self.keeping.kept(stored / self.full_scale, ages, fates)
        return self.full_scale * self.conduction.conducted(kept)

    def changed(self, stored: Array, change: Array, ages: Array, fates: Array) -> Array:
        """What is stored once a change was asked for, without what is random; cells that nothing is asked of, or
        that are dead, stay as they were."""
        wanted = change / self.full_scale
        kept = self.keeping.kept(stored / self.full_scale, ages, fates)
        after = self.full_scale * self.answer.changed(kept, wanted)
        return np.where((wanted != 0) & (self.cells.step > 0), after, stored)

    def devices(self) -> dict[str, Array]:
        """What was drawn, by name, of the weights' shape: steps; x of dead devices (nan: alive); errors of bits."""
        found = {"cell_step": self.cells.step}
        for number, stuck in enumerate(self.cells.stuck):
            if np.any(~np.isnan(stuck)):
                found[f"cell_stuck_{number}"] = stuck
        found |= {f"cell_bit_{number}_error": error for number, error in enumerate(self.cells.bits)}
        if self.keeping.fate != NO_FATE:
            found["cell_fate"] = self.fates
        return found
