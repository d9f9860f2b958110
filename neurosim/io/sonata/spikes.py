"""Spikes as SONATA has them, one file for each column; knows no connectivity."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from neurosim.errors import OutputError
from neurosim.io.sonata.layout import Population, sonata_file
from neurosim.result import Result, Spikes

SORTING = {"none": 0, "by_id": 1, "by_time": 2}
"""As libsonata's enumeration has it."""


def spikes_file(column: int) -> str:
    """Name of a column's file."""
    return f"spikes_{column}.h5"


def write_spikes(folder: Path, result: Result, populations: list[Population]) -> int:
    """Times in ms, sorted; returns how many columns have a file.

    Raises
    ------
    OutputError : a spike of a unit that its population does not have.
    """
    sizes = {population.name: population.size for population in populations}
    for part, spikes in result.spikes.items():
        units, n = spikes.units[:], sizes.get(part, 0)
        if units.size and not (units.min() >= 0 and units.max() < n):
            raise OutputError(
                "does not fit the rest of the result",
                where=f"/spikes/{part}/units",
                expected=f"units of {part}, {n} of them",
                got=f"{units.min():g} to {units.max():g}",
            )
    columns = [int(spikes.columns[:].max()) + 1 for spikes in result.spikes.values() if spikes.columns.size]
    for column in range(max(columns, default=0)):
        with sonata_file(folder / spikes_file(column)) as file:
            group = file.create_group("spikes")
            for part, spikes in result.spikes.items():
                _write_population(group.create_group(part), spikes, column)
    return max(columns, default=0)


def _write_population(group: h5py.Group, spikes: Spikes, column: int) -> None:
    chosen = spikes.columns[:] == column
    times, units = 1e3 * spikes.times[:][chosen], spikes.units[:][chosen]
    order = np.lexsort((units, times))
    group.attrs.create("sorting", SORTING["by_time"], dtype=h5py.enum_dtype(SORTING, basetype="u1"))
    group.create_dataset("timestamps", data=times[order]).attrs["units"] = "ms"
    group.create_dataset("node_ids", data=units[order].astype(np.uint64))
