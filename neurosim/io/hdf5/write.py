"""A result into an HDF5 file, whole or not at all; reads nothing back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import OutputError
from neurosim.io.atomic import one_line, write_atomically
from neurosim.io.blocks import blocks
from neurosim.io.hdf5.created import new_hdf5
from neurosim.io.hdf5.guarded import Unread
from neurosim.io.hdf5.layout import FORMAT, FORMAT_VERSION, GROUPS, SPIKES, STATUS_FIELDS
from neurosim.result import Check, Checkpoint, Projection, Result, Status
from neurosim.version import __version__


def write_result(result: Result, path: str | Path) -> None:
    """Write a result as HDF5, whole or not at all; a file already there is replaced.

    Raises
    ------
    OutputError : the path cannot be written (a file already there stays as it is), or the result
        holds something that the layout has no place for.
    """
    with write_atomically(path) as part:
        try:
            # v110 keeps checksums of all headers
            with new_hdf5(part, libver=("v110", "v110")) as file:
                _write(result, file, str(path))
        except (ValueError, TypeError, OverflowError, RuntimeError) as error:
            raise OutputError("cannot be written", where=str(path), got=one_line(error)) from None


def _write(result: Result, file: Any, where: str) -> None:
    file.attrs.update(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        neurosim_version=__version__,
        seed=result.seed,
        backend=result.backend,
        spec=result.spec,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _write_status(file, result.status)
    groups = {name: _add_group(file, name) for name in GROUPS}
    for name, projection in result.connectivity.items():
        _write_projection(_add_group(groups["connectivity"], name), projection)
    for name, series in result.learning.items():
        _add_array(groups["learning"], name, series.values, axis=series.axis, unit=series.unit)
    for part, traces in result.traces.items():
        group = _add_group(groups["traces"], part)
        for name, trace in traces.items():
            _add_array(group, name, trace.values, 3, packed=True, unit=trace.unit, dt=float(trace.dt))
    for part, spikes in result.spikes.items():
        group, shape = _add_group(groups["spikes"], part), np.shape(spikes.times)
        for name in SPIKES:
            _add_array(group, name, getattr(spikes, name), 1, shape=shape)
    for position, check in enumerate(result.verification):
        _write_check(_add_group(groups["verification"], check.name), check, position)
    for part, parameters in result.devices.items():
        group = _add_group(groups["devices"], part)
        for name, values in parameters.items():
            _add_array(group, name, values, 1)
    for signal, imperfections in result.budget.items():
        group = _add_group(groups["budget"], signal)
        for name, numbers in imperfections.items():
            _add_group(group, name).attrs.update({key: float(value) for key, value in numbers.items()})
    if result.checkpoint is not None:
        _write_checkpoint(groups["checkpoint"], result.checkpoint)
    _write_provenance(groups["provenance"], result.provenance, where)


def _write_status(group: Any, status: Status) -> None:
    group.attrs["status"] = status.kind
    for field, (name, kind) in STATUS_FIELDS.items():
        group.attrs[name] = kind(getattr(status, field))


def _write_projection(group: Any, projection: Projection) -> None:
    group.attrs.update(
        source=projection.source, target=projection.target, kind=projection.kind, unit=projection.unit
    )
    shape = np.shape(projection.weights)
    _add_array(group, "weights", projection.weights, 2)
    if projection.biases is not None:
        _add_array(group, "biases", projection.biases, shape=shape[:1])
    device = _add_group(group, "device")
    for name, values in projection.device.items():
        _add_array(device, name, values, shape=shape)


def _write_check(group: Any, check: Check, position: int) -> None:
    group.attrs.update(
        value=float(check.value),
        tolerance=float(check.tolerance),
        passed=check.passed,
        detail=check.detail,
        gating=check.gating,
        position=position,
    )


def _write_checkpoint(group: Any, checkpoint: Checkpoint) -> None:
    group.attrs.update(epochs=checkpoint.epochs, nights=checkpoint.nights)
    _write_status(group, checkpoint.status)
    for kind, arrays in checkpoint.arrays.items():
        members = _add_group(group, kind)
        for name, values in arrays.items():
            _add_array(members, name, values)


def _write_provenance(group: Any, provenance: Mapping[str, Any], where: str) -> None:
    for name, value in provenance.items():
        if not isinstance(value, str | bool | int | float | np.bool_ | np.integer | np.floating):
            raise OutputError(
                "cannot be written",
                where=f"{where}: provenance {name!r}",
                expected="a string or a number",
                got=f"a {type(value).__name__}",
            )
        group.attrs[name] = value


def _add_group(parent: Any, name: str) -> Any:
    _check_name(parent, name)
    return parent.create_group(name, track_order=True)  # layers stay in the order of the network


def _add_array(
    group: Any,
    name: str,
    values: Any,
    ndim: int | None = None,
    *,
    shape: tuple[int, ...] | None = None,
    packed: bool = False,
    **attributes: str | float,
) -> None:
    _check_name(group, name)
    array = values if isinstance(values, Unread) else np.asarray(values)
    good = array.dtype.kind in "fiub" and array.ndim >= 1 and (ndim is None or array.ndim == ndim)
    if not good or (shape is not None and array.shape != shape):
        raise OutputError(
            "cannot be written",
            where=f"{group.name}/{name}",
            expected=f"numbers of shape {shape}" if shape else f"numbers with {ndim or 'some'} dimensions",
            got=f"{array.shape} of {array.dtype}",
        )
    packing = {"chunks": True, "compression": "gzip", "shuffle": True} if packed and array.size else {}
    data = group.create_dataset(name, shape=array.shape, dtype=np.float64, **packing)
    for rows in blocks(array.shape[0], array.size // max(array.shape[0], 1)):
        data[rows] = array[rows]
    data.attrs.update(attributes)


def _check_name(group: Any, name: str) -> None:
    if not name or "/" in name or name == "." or name in group:
        raise OutputError(
            "cannot be written",
            where=f"{group.name}: {name!r}",
            expected='names that differ, are not empty and have no "/"',
        )
