"""What the memory of a lot of chips makes of weights that are meant for it: moments of the lot, and chip by chip."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from hardware_models.memory import Moments, Outcomes, drawn_error, errors_of, errors_together, outcomes_of
from hardware_models.spreads import Spread
from neurosim.emulate import Storage, Weights
from neurosim.emulate.weights import each_array, named_arrays
from neurosim.emulate.written import cell_arrays
from neurosim.equations import Design
from neurosim.experiment.budget.rows import ALL
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
PREFIX = "memory_"
"""Of the names of a memory's imperfections."""


@attrs.frozen(kw_only=True, eq=False)
class Memories:
    """Weights that are meant, and the cells of every chip of a lot that they are written into.

    Moments of an imperfection alone are exact, and errors of different cells independent. Together a miss drifts with
    what was written, and what has drifted is lost with a dead device; that a dead device misses nothing is left out.
    First order of a network in them ends as that in other deviations does, where a row's second order nears its
    spread.

    Dead devices are not small deviations: each of them, however few, takes all of a weight away. Of them each is
    followed by itself, whatever it does, which is first order in their fraction f: pairs of them add 3 to 5 % to
    spreads at f = .02 (15-10-10-5, 2000 chips), and nothing that 1000 chips tell at .005. With a kurtosis of 1/f and
    more, some tens of chips say little about their spread.
    """

    design: Design
    meant: Weights
    age: float
    """Since writing, s; below the age for which the memory's programming was measured: that."""
    errors: Mapping[str, Mapping[str, Moments]]
    """Of the imperfections that do anything to these weights, by kind and array; none without a memory."""
    together: Mapping[str, Mapping[str, Moments]]
    """The same where they act on one another."""

    @staticmethod
    def of(design: Design, meant: Weights, *, age: float) -> Memories:
        """Those of a design's chip. SpecError where weights would get older than was measured."""
        Storage.of(design).check(meant, longer=max(age - _youngest(design), 0.0))

        def by_kind(errors: Callable[..., dict[str, Moments]]) -> dict[str, dict[str, Moments]]:
            found: dict[str, dict[str, Moments]] = {}
            for name, matrix in named_arrays(meant):
                if name in design.arrays:
                    for flaw, moments in errors(design.arrays[name], matrix, age=age).items():
                        found.setdefault(PREFIX + flaw, {})[name] = moments
            return found

        alone, together = by_kind(errors_of), by_kind(errors_together)
        active = [kind for kind, errors in alone.items() if _overall(errors) != Spread()]
        return Memories(
            design=design,
            meant=meant,
            age=age,
            errors={kind: alone[kind] for kind in active},
            together={kind: together[kind] for kind in active},
        )

    @property
    def spreads(self) -> dict[str, Spread]:
        """Of each kind: root mean squares of mean error and σ over all weights, in units of weights."""
        return {kind: _overall(errors) for kind, errors in self.errors.items()}

    @property
    def alike(self) -> list[str]:
        """Kinds in which chips do not differ."""
        return [kind for kind, spread in self.spreads.items() if spread.sigma == 0]

    def mean(self, kind: str) -> Weights:
        """What cells hold in the mean, with one kind of imperfection or `ALL`; as meant with any other."""
        chosen = self._chosen(kind)
        return each_array(self.meant, lambda name, w: w + sum(errors[name].mean for errors in chosen))

    def sigma(self, kind: str, *, together: bool = False) -> Weights:
        """By how much that differs from chip to chip with one kind, alone or where all are."""
        chosen = [self.together[kind] if together else self.errors[kind]] if kind in self.errors else []
        return each_array(
            self.meant, lambda name, w: sum((errors[name].sigma for errors in chosen), np.zeros_like(w))
        )

    def outcomes(self, kind: str, *, together: bool = False) -> list[tuple[Weights, Weights]]:
        """All that one kind may add to what cells hold in the mean, and with which chances, where that is next to
        nothing or a lot; nothing where σ says enough."""
        flaw, arrays = kind.removeprefix(PREFIX), self.design.arrays
        found: dict[str, Outcomes] = {}
        for name, matrix in named_arrays(self.meant):
            if kind in self.errors and name in arrays:
                outcomes = outcomes_of(arrays[name], matrix, flaw, age=self.age, together=together)
                found |= {name: outcomes} if outcomes is not None else {}
        count = max((len(outcomes.values) for outcomes in found.values()), default=0)
        return [self._outcome(found, place, count) for place in range(count)]

    def _outcome(self, found: Mapping[str, Outcomes], place: int, count: int) -> tuple[Weights, Weights]:
        """One of them; nothing is added where nothing happens."""

        def value(name: str, matrix: Array) -> Array:
            if name not in found:
                return np.zeros_like(matrix)
            values, chances = found[name].values, found[name].chances
            return np.asarray(values[place] - np.sum(chances * values, axis=0))

        def chance(name: str, matrix: Array) -> Array:
            p = found[name].chances[place] if name in found else np.float64(1 / count)
            return np.broadcast_to(p, matrix.shape)

        return each_array(self.meant, value), each_array(self.meant, chance)

    def chip(self, kind: str, seed: int) -> Weights:
        """What the cells of chip `seed` hold, with one kind of imperfection, or written and aged with `ALL`."""
        if kind not in (*self.errors, ALL):
            return self.meant
        lot = attrs.evolve(self.design.chip, seed=seed)
        arrays = cell_arrays(lot, self.design.network, self.design.parts.feedback)
        if kind == ALL:
            return self._written(Storage(arrays=arrays, seed=seed))

        def held(name: str, matrix: Array) -> Array:
            generator = stream(seed, "memory", name, "writing", 0)
            flaw = kind.removeprefix(PREFIX)
            return matrix + drawn_error(arrays[name], matrix, flaw, age=self.age, generator=generator)

        return each_array(self.meant, held)

    def _written(self, storage: Storage) -> Weights:
        """By the chip itself."""
        ages = {f"{name}.age": array.ages(self.age) for name, array in storage.arrays.items()}
        return storage.held(attrs.evolve(storage.written(self.meant), cells=ages))

    def _chosen(self, kind: str) -> list[Mapping[str, Moments]]:
        if kind == ALL:
            return list(self.together.values())
        return [self.errors[kind]] if kind in self.errors else []


def _youngest(design: Design) -> float:
    """Age of weights that were just written, s."""
    return max((float(array.first_age.max()) for array in design.arrays.values()), default=0.0)


def _overall(errors: Mapping[str, Moments]) -> Spread:
    def size(field: str) -> float:
        values = np.concatenate([np.ravel(getattr(moments, field)) for moments in errors.values()])
        return float(np.sqrt(np.mean(values**2)))

    return Spread(shift=size("mean"), sigma=size("sigma"))
