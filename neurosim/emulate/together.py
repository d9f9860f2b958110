"""Numbers of the chips of one run: side by side as its engine is given them, and each chip's own of what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.backend import Recording
from neurosim.backend.emulator import recorded
from neurosim.emulate.chip import VirtualChip
from neurosim.emulate.showing import Showing
from neurosim.equations import Model
from neurosim.equations.model import Group
from neurosim.errors import SpecError

Array = NDArray[np.float64]

_OWN = ("noise_key",)
"""What chips of one run share although each has its own: their noise is as independent as that of columns is, but not
that of the same chip alone."""


def joined(chips: Sequence[VirtualChip], showings: Sequence[Showing], *, places: int) -> dict[str, ArrayLike]:
    """What each chip is given, its parameters among it, in one flat array for each variable: chips between units and
    columns, the last one again in places that are left over.

    Raises
    ------
    SpecError : chips have different values of a number that all of them share.
    """
    given = [showing.values for showing in showings]
    found: dict[str, ArrayLike] = {}
    for group in chips[0].model.groups:
        own = [chip.model.group(group.name).parameters for chip in chips]
        for name in group.parameters:
            reference = f"{group.name}.{name}"
            values = [
                each[reference] if reference in each else parameters[name].value
                for each, parameters in zip(given, own, strict=True)
            ]
            found[reference] = _joined(group, name, values, places)
    for reference in (reference for reference in given[0] if reference not in found):
        name, variable = reference.split(".")
        values = [each[reference] for each in given]
        found[reference] = _joined(chips[0].model.group(name), variable, values, places)
    return found


def _joined(group: Group, variable: str, values: Sequence[ArrayLike], places: int) -> ArrayLike:
    first, shared = values[0], group.shares(variable)
    if shared or all(np.ndim(value) == 0 for value in values):
        numbers = np.array([np.asarray(value, dtype=float).item() for value in values])
        if np.all(numbers == numbers[0]) or (shared and variable in _OWN):
            return first
        if shared:
            raise SpecError(
                "chips of one lot share this number",
                where=f"{group.name}.{variable}",
                got=", ".join(sorted({str(number) for number in numbers.tolist()})[:3]),
                remedy="make a Lot for each of them",
            )
    missing = [values[-1]] * (places - len(values))
    arrays = [_of_chip(group, value) for value in (*values, *missing)]
    if len({array.shape for array in arrays}) > 1:
        arrays = [np.broadcast_to(array, (group.n_units, group.n_columns)) for array in arrays]
    together = np.stack(arrays, axis=1)
    return np.broadcast_to(together, (group.n_units, places, group.n_columns)).ravel()


def _of_chip(group: Group, value: ArrayLike) -> Array:
    """(n_units or 1, n_columns or 1)."""
    array = np.asarray(value, dtype=float)
    if array.ndim == 0:
        return array.reshape(1, 1)
    return array.reshape(group.n_units, -1)


def parted(
    recording: Recording, chips: Sequence[VirtualChip], showings: Sequence[Showing], *, whole: Model
) -> Iterator[Recording]:
    """Each chip's, as if it had run alone.

    Parameters
    ----------
    whole : the Model of all places.
    """
    one = chips[0].model
    shared, final = {}, {}
    for reference, values in recording.final.items():
        name, variable = reference.split(".")
        group = one.group(name)
        if group.shares(variable):
            shared[reference] = values
        else:
            final[reference] = _by_chip(values.reshape(1, -1), whole.chips, group.n_columns, (group.n_units,))
    sizes = recorded(whole)
    files = {
        name: _by_chip(records, whole.chips, one.n_columns, [n // whole.n_columns for n in sizes[name]])
        for name, records in recording.files.items()
    }
    for place, showing in enumerate(showings):
        own = {name: records[place] for name, records in files.items()}
        stops = {}
        if place in recording.stops:
            stop = recording.stops[place]
            unit, column = divmod(stop.index, whole.n_columns)
            stops[0] = attrs.evolve(stop, index=unit * one.n_columns + column - place * one.n_columns)
            own["endings"] = own["endings"][: (stop.step + 1) // showing.protocol.period]
        yield attrs.evolve(
            recording,
            final={**shared, **{reference: values[place, 0] for reference, values in final.items()}},
            files=own,
            stops=stops,
        )


def _by_chip(records: Array, chips: int, columns: int, units: Sequence[int]) -> Array:
    """(chips, records, numbers of one chip) of (records, numbers of all): variables of so many units in a row."""
    found, start = np.empty((chips, len(records), sum(units) * columns)), 0
    for n in units:
        size = n * columns
        of_all = records[:, start * chips : (start + size) * chips].reshape(len(records), n, chips, columns)
        found[:, :, start : start + size] = of_all.transpose(2, 0, 1, 3).reshape(chips, len(records), size)
        start += size
    return found
