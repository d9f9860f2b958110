"""How cells come to hold something else than what was meant for them, one way at a time; knows no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
from numpy.typing import ArrayLike

from hardware_models.memory.array import CellArray
from hardware_models.memory.curve import Array
from hardware_models.memory.moments import Moments, Outcomes

LEVELS = "levels"
"""What can be aimed at: steps, and full scale. The same in all cells."""


@attrs.frozen(kw_only=True)
class Flaw:
    """What cells hold of levels x, full scale 1, `age` seconds after they were written, with this flaw alone."""

    moments: Callable[[CellArray, Array, Array], Moments]
    """Over all cells and writings, from x and age."""
    drawn: Callable[[CellArray, Array, Array, np.random.Generator], Array]
    """Of these cells, and one writing; from x, age and what a writing draws from."""
    outcomes: Callable[[CellArray, Array], Outcomes] | None = None
    """From x, over all cells, where what they hold is either right or far off; None: where it is never far off."""


def errors_of(array: CellArray, weights: ArrayLike, *, age: float) -> dict[str, Moments]:
    """How far cells are off weights, `age` seconds after they were written, by each flaw alone; all in the units of
    the network.

    `LEVELS` is off the weights, all others are off the levels: so that errors of all flaws add up.
    """
    levels, off = _aimed(array, weights)
    found = {LEVELS: Moments.certain(array.full_scale * off)}
    for name, flaw in FLAWS.items():
        held = flaw.moments(array, levels, array.ages(age))
        found[name] = Moments(
            mean=array.full_scale * (held.mean - levels), sigma=array.full_scale * held.sigma
        )
    return found


def drawn_error(
    array: CellArray, weights: ArrayLike, flaw: str, *, age: float, generator: np.random.Generator
) -> Array:
    """The error of `errors_of` in these cells, written once with what the generator gives."""
    levels, off = _aimed(array, weights)
    if flaw == LEVELS:
        return array.full_scale * off
    held = FLAWS[flaw].drawn(array, levels, array.ages(age), generator)
    return array.full_scale * (held - levels)


def errors_together(array: CellArray, weights: ArrayLike, *, age: float) -> dict[str, Moments]:
    """The same where flaws act on one another: a miss drifts with what was written, to first order about the weights,
    and dead devices take away what is left of them. They add up to what `Storage` of a chip makes of its weights."""
    levels, off = _aimed(array, weights)
    ages = array.ages(age)
    found = {name: flaw.moments(array, levels, ages) for name, flaw in FLAWS.items()}
    written, aged = found["writing"], found["ageing"].mean
    left = _left(array, levels, ages, written.sigma)
    dead = FLAWS["dead"].moments(array, aged, ages)
    errors = {
        "writing": Moments(mean=left * (written.mean - levels), sigma=left * written.sigma),
        "ageing": Moments(mean=aged - levels, sigma=found["ageing"].sigma),
        "dead": Moments(mean=dead.mean - aged, sigma=dead.sigma),
    }
    scaled = {
        name: Moments(mean=array.full_scale * e.mean, sigma=array.full_scale * e.sigma)
        for name, e in errors.items()
    }
    return {LEVELS: Moments.certain(array.full_scale * off), **scaled}


def _left(array: CellArray, levels: Array, ages: Array, sigma: Array) -> Array:
    """How much time leaves of a miss of σ, on average of both ways."""
    width = np.where(sigma > 0, sigma, 1.0)
    above, below = (array.keeping.moments(levels + side * width, ages).mean for side in (1, -1))
    return np.where(sigma > 0, (above - below) / (2 * width), 1.0)


def outcomes_of(
    array: CellArray, weights: ArrayLike, flaw: str, *, age: float, together: bool = False
) -> Outcomes | None:
    """Errors that cells may have by one flaw, alone or together with the others; None where moments say enough."""
    outcomes = FLAWS[flaw].outcomes if flaw in FLAWS else None
    if outcomes is None:
        return None
    held, _ = _aimed(array, weights)
    if together:
        held = array.keeping.moments(held, array.ages(age)).mean
    found = outcomes(array, held)
    return Outcomes(values=array.full_scale * (found.values - held), chances=found.chances)


def _aimed(array: CellArray, weights: ArrayLike) -> tuple[Array, Array]:
    """Levels x, and how far off the weights they are."""
    meant = np.asarray(weights, float) / array.full_scale
    levels = array.memory.levels(meant)
    return levels, levels - meant


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
        outcomes=lambda array, x: array.cells.outcomes(x),
    ),
}
"""Writing misses, and sources of a digital cell do not match; time takes away; devices are dead. Each is independent
of the others but for what they act on: a missed weight drifts as what it is, and a dead device misses nothing."""
