"""How cells come to hold something else than what was meant for them, one way at a time; knows no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np

from hardware_models.memory.array import CellArray
from hardware_models.memory.curve import Array
from hardware_models.memory.moments import Moments

LEVELS = "levels"
"""What can be aimed at: steps, and full scale. The same in all cells."""


@attrs.frozen(kw_only=True)
class Flaw:
    """What cells hold of levels x, full scale 1, `age` seconds after they were written, with this flaw alone."""

    moments: Callable[[CellArray, Array, Array], Moments]
    """Over all cells and writings, from x and age."""
    drawn: Callable[[CellArray, Array, Array, np.random.Generator], Array]
    """Of these cells, and one writing; from x, age and what a writing draws from."""


def _written(array: CellArray, levels: Array, generator: np.random.Generator) -> Array:
    cells = array.cells.alive
    stored = array.memory.store(levels, generator, cells=cells)
    return array.memory.conduction(cells).conducted(stored)


FLAWS: Mapping[str, Flaw] = {
    "writing": Flaw(
        moments=lambda array, x, age: array.memory.after_writing(x),
        drawn=lambda array, x, age, generator: _written(array, x, generator),
    ),
    "ageing": Flaw(
        moments=lambda array, x, age: array.keeping.moments(x, age),
        drawn=lambda array, x, age, generator: array.keeping.kept(x, age, array.fates),
    ),
    "dead": Flaw(
        moments=lambda array, x, age: array.cells.held_by_any(x),
        drawn=lambda array, x, age, generator: array.cells.held(x),
    ),
}
"""Writing misses, and sources of a digital cell do not match; time takes away; devices are dead. Each is independent
of the others but for what they act on: a missed weight drifts as what it is, and a dead device misses nothing."""
