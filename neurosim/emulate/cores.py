"""One chip on several cores: each shows some of the columns, and weights change by the sum over all; knows no chip."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.backend import Recording, Stimulus, Stop
from neurosim.backend.cpp import CppEmulator
from neurosim.backend.emulator import Progress, initial_values, recorded
from neurosim.equations import Model
from neurosim.equations.model import Group
from neurosim.equations.part import PLACE, part_of, summed_once
from neurosim.errors import SpecError
from neurosim.spec import Run

Array = NDArray[np.float64]


def cores_of(run: Run, model: Model, backend: str, *, where: str) -> int:
    """On how many cores a run's columns go: as many as share them equally, at most those asked for.

    Raises
    ------
    SpecError : several are asked for, and the engine or the Model cannot have them.
    """
    alone = None
    if backend != "cpp":
        alone = SpecError(
            f"this engine runs on one core, not {run.cores}",
            where=f"{where}: run.backend",
            expected="cpp",
            got=backend,
            remedy="set run.cores = 1",
        )
    elif not summed_once(model):
        alone = SpecError(
            f"weights that change in every step need all samples on one core, not {run.cores}",
            where=f"{where}: method.weight_updates",
            expected="buffered",
            got="continuous",
            remedy='set method.weight_updates = "buffered", or run.cores = 1',
        )
    if alone is not None:
        if run.cores > 1:
            raise alone
        return 1
    most = min(run.cores or len(os.sched_getaffinity(0)), model.n_columns)
    return max(parts for parts in range(1, most + 1) if model.n_columns % parts == 0)


class CoresEmulator:
    """An Emulator of a Model whose columns are shown by programs that run side by side.

    What it gives is that of one program but for the order in which sums over columns are rounded; so is its noise.
    With `Run.fast_forward` each passes a phase when its own columns rest.
    """

    def __init__(self, model: Model, assembled: Callable[[int], Model], parts: int) -> None:
        """`assembled` makes the Model of so many columns."""
        self.model = model
        self._columns = model.n_columns // parts
        self._parts = parts
        self._emulator = CppEmulator(part_of(assembled(self._columns), parts))
        self.build_seconds = self._emulator.build_seconds

    def run(
        self,
        stimulus: Stimulus,
        *,
        values: Mapping[str, ArrayLike],
        outputs: Sequence[str],
        progress: Progress | None = None,
    ) -> Recording:
        """See `Emulator.run`. An interrupt ends the run after the presentation under way."""
        whole = initial_values(self.model, values)
        recordings = self._emulator.run_together(
            [attrs.evolve(stimulus, order=stimulus.order[:, self._of(part)]) for part in range(self._parts)],
            values=[self._values(whole, part) for part in range(self._parts)],
            outputs=outputs,
            progress=progress,
        )
        ended = min(len(recording.files["endings"]) for recording in recordings)
        left = next((recording for recording in recordings if recording.stops), recordings[0])
        return attrs.evolve(
            left,
            final={name: self._final(name, recordings, left) for name in outputs},
            files={
                name: self._records(name, [recording.files[name] for recording in recordings])[
                    : ended if name == "endings" else None
                ]
                for name in left.files
            },
            stops=self._stops(recordings),
        )

    def _of(self, part: int) -> slice:
        return slice(part * self._columns, (part + 1) * self._columns)

    def _parted(self, group: Group, variable: str) -> bool:
        """Whether each part has only some of the variable."""
        return group.n_columns == self.model.n_columns and not group.shares(variable)

    def _values(self, whole: Mapping[str, Array], part: int) -> dict[str, ArrayLike]:
        found: dict[str, ArrayLike] = {}
        for reference, value in whole.items():
            name, variable = reference.split(".")
            group = self.model.group(name)
            if value.ndim and self._parted(group, variable):
                value = value.reshape(group.n_units, group.n_columns)[:, self._of(part)].ravel()
            found[reference] = value
        for group in self._emulator.model.groups:
            if group.index == PLACE:
                everywhere = np.arange(group.n_units * self.model.n_columns)
                of_part = everywhere.reshape(group.n_units, -1)[:, self._of(part)]
                found[f"{group.name}.{PLACE}"] = of_part.ravel()
        return found

    def _final(self, reference: str, recordings: Sequence[Recording], left: Recording) -> Array:
        name, variable = reference.split(".")
        group = self.model.group(name)
        if not self._parted(group, variable):
            return left.final[reference]
        return _side_by_side([each.final[reference].reshape(1, group.n_units, -1) for each in recordings])[0]

    def _records(self, name: str, records: Sequence[Array]) -> Array:
        count, start, found = min(map(len, records)), 0, []
        for size in recorded(self._emulator.model)[name]:
            units = size // self._columns
            found.append(
                _side_by_side(
                    [
                        each[:count, start : start + size].reshape(count, units, self._columns)
                        for each in records
                    ]
                )
            )
            start += size
        return np.concatenate(found, axis=1)

    def _stops(self, recordings: Sequence[Recording]) -> dict[int, Stop]:
        """The first, with its column among all."""
        stops = []
        for part, recording in enumerate(recordings):
            for stop in recording.stops.values():
                unit, column = divmod(stop.index, self._columns)
                place = unit * self.model.n_columns + part * self._columns + column
                stops.append(attrs.evolve(stop, index=place))
        return {0: min(stops, key=lambda stop: stop.step)} if stops else {}


def _side_by_side(arrays: Sequence[Array]) -> Array:
    """(n, units, columns) each, as (n, units · all columns)."""
    count, units, _ = arrays[0].shape
    return np.concatenate(arrays, axis=2).reshape(count, units * sum(each.shape[2] for each in arrays))
