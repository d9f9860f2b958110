"""Traces as SONATA element reports, one file for each variable and column; knows no connectivity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import OutputError
from neurosim.io.blocks import blocks
from neurosim.io.sonata.layout import sonata_file
from neurosim.result import Result, Trace


def write_reports(folder: Path, result: Result) -> dict[str, dict[str, Any]]:
    """Returns the reports for the simulation's configuration, by name: variable and column.

    Raises
    ------
    OutputError : a variable of which two parts have different columns, times or time steps.
    """
    variables: dict[str, dict[str, Trace]] = {}
    for part, traces in result.traces.items():
        for variable, trace in traces.items():
            variables.setdefault(variable, {})[part] = trace
            _check_times(variable, variables[variable])
    if variables:
        folder.mkdir()
    entries: dict[str, dict[str, Any]] = {}
    for variable, parts in variables.items():
        first = next(iter(parts.values()))
        for column in range(first.values.shape[0]):
            name = f"{variable}_{column}"
            with sonata_file(folder / f"{name}.h5") as file:
                report = file.create_group("report")
                for part, trace in parts.items():
                    _write_report(report.create_group(part), trace, column)
            entries[name] = {
                "cells": "all",
                "variable_name": variable,
                "type": "compartment",
                "unit": first.unit,
                "dt": 1e3 * first.dt,
                "start_time": 0.0,
                "end_time": 1e3 * first.dt * first.values.shape[1],
                "file_name": name,
            }
    return entries


def _check_times(variable: str, parts: Mapping[str, Trace]) -> None:
    found = {part: (trace.values.shape[:2], trace.dt) for part, trace in parts.items()}
    if len(set(found.values())) > 1:
        raise OutputError(
            "is not at the same times in all parts",
            where=f"/traces/*/{variable}",
            expected="one number of columns and of samples, and one time step",
            got=", ".join(f"{part}: {shape} of {dt:g} s" for part, (shape, dt) in found.items()),
        )


def _write_report(group: Any, trace: Trace, column: int) -> None:
    _, times, units = trace.values.shape
    data = group.create_dataset("data", shape=(times, units), dtype=np.float32)  # libsonata takes no other
    data.attrs["units"] = trace.unit
    for rows in blocks(times, units):
        data[rows] = trace.values[column, rows]
    mapping: Any = group.create_group("mapping")
    mapping["node_ids"] = np.arange(units, dtype=np.uint64)
    mapping["node_ids"].attrs["sorted"] = np.uint8(1)
    mapping["index_pointers"] = np.arange(units + 1, dtype=np.uint64)
    mapping["element_ids"] = np.zeros(units, dtype=np.uint32)
    mapping["time"] = np.array([0.0, 1e3 * trace.dt * times, 1e3 * trace.dt])
    mapping["time"].attrs["units"] = "ms"
