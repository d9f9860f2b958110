"""A result out of an HDF5 file from anywhere, checked; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurosim.errors import OutputError
from neurosim.io.hdf5.guarded import Node
from neurosim.io.hdf5.layout import FORMAT, FORMAT_VERSION, GROUPS, LATER, SPIKES, STATUS_FIELDS
from neurosim.io.hdf5.opened import damage_named, opened
from neurosim.result import STATUSES, Check, Checkpoint, Projection, Result, Series, Spikes, Status, Trace

_KINDS = ("feedforward", "feedback")


def read_result(path: str | Path) -> Result:
    """The result in an HDF5 file; arrays come back bit for bit.

    Raises
    ------
    OutputError : missing, damaged, no neurosim file, or of a layout unknown here. Links are never followed.
    """
    with open_result(path, lazy=False) as result:
        return result


@contextmanager
def open_result(path: str | Path, *, lazy: bool = True) -> Iterator[Result]:
    """The same while its file is open: arrays are `Unread`, of which parts are read when they are asked for.

    Raises
    ------
    OutputError : as `read_result`; also where damage is found when a part is read.
    """
    with opened(path, expected="a result file (HDF5)", lazy=lazy) as root:
        with damage_named(str(path)):
            result = _read(root)
        yield result


def _read(root: Node) -> Result:
    _check_format(root)
    return Result(
        spec=root.text("spec"),
        seed=root.whole("seed"),
        backend=root.text("backend"),
        status=_read_status(root),
        **{name: _READERS[name](root.group(name)) for name in GROUPS if name not in LATER or root.has(name)},
    )


def _read_status(node: Node) -> Status:
    kind = node.text("status")
    _check_word(node, "status", kind, STATUSES)
    readers: dict[type, Callable[[str], Any]] = {int: node.whole, float: node.real, str: node.text}
    fields = {field: readers[type_](name) for field, (name, type_) in STATUS_FIELDS.items()}
    return Status(kind=kind, **fields)


def _check_format(root: Node) -> None:
    if "format" not in root.item.attrs or root.text("format") != FORMAT:
        raise OutputError("is no neurosim result", where=root.file, expected=f'attribute format="{FORMAT}"')
    version = root.whole("format_version")
    if version != FORMAT_VERSION:
        raise OutputError(
            "has another format version",
            where=root.file,
            expected=str(FORMAT_VERSION),
            got=str(version),
            remedy="install the neurosim that wrote it" + " or a newer one" * (version > FORMAT_VERSION),
        )


def _check_word(node: Node, name: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise OutputError(
            f'unknown {name} "{word}"',
            where=node.where,
            expected=" or ".join(known),
            remedy="update neurosim",
        )


def _read_connectivity(group: Node) -> dict[str, Projection]:
    return {name: _read_projection(member) for name, member in group.groups()}


def _read_projection(group: Node) -> Projection:
    kind = group.text("kind")
    _check_word(group, "kind", kind, _KINDS)
    weights = group.array("weights", ndim=2)
    return Projection(
        weights=weights,
        source=group.text("source"),
        target=group.text("target"),
        kind=kind,
        unit=group.text("unit"),
        biases=group.array("biases", shape=weights.shape[:1]) if group.has("biases") else None,
        device=group.group("device").arrays(shape=weights.shape),
    )


def _read_learning(group: Node) -> dict[str, Series]:
    return {
        name: Series(values=data.values(), axis=data.text("axis"), unit=data.text("unit"))
        for name, data in group.data_sets()
    }


def _read_traces(group: Node) -> dict[str, dict[str, Trace]]:
    return {
        part: {
            name: Trace(values=data.values(ndim=3), unit=data.text("unit"), dt=data.real("dt"))
            for name, data in member.data_sets()
        }
        for part, member in group.groups()
    }


def _read_spikes(group: Node) -> dict[str, Spikes]:
    found = {}
    for part, member in group.groups():
        times = member.array("times", ndim=1)
        rest = {name: member.array(name, shape=times.shape) for name in SPIKES if name != "times"}
        found[part] = Spikes(times=times, **rest)
    return found


def _read_verification(group: Node) -> tuple[Check, ...]:
    members = sorted(group.groups(), key=lambda member: member[1].whole("position"))
    return tuple(
        Check(
            name=name,
            value=member.real("value"),
            tolerance=member.real("tolerance"),
            detail=member.text("detail"),
            gating=member.truth("gating"),
        )
        for name, member in members
    )


def _read_devices(group: Node) -> dict[str, dict[str, Any]]:
    return {part: member.arrays(ndim=1) for part, member in group.groups()}


def _read_budget(group: Node) -> dict[str, dict[str, dict[str, float]]]:
    return {
        signal: {name: _read_numbers(numbers) for name, numbers in member.groups()}
        for signal, member in group.groups()
    }


def _read_numbers(group: Node) -> dict[str, float]:
    return {name: group.real(name) for name in group.attributes()}


def _read_checkpoint(group: Node) -> Checkpoint | None:
    if not group.attributes():
        return None
    return Checkpoint(
        epochs=group.whole("epochs"),
        nights=group.whole("nights"),
        status=_read_status(group),
        arrays={kind: member.arrays() for kind, member in group.groups()},
    )


_READERS: dict[str, Callable[[Node], Any]] = {
    "connectivity": _read_connectivity,
    "learning": _read_learning,
    "traces": _read_traces,
    "spikes": _read_spikes,
    "verification": _read_verification,
    "devices": _read_devices,
    "budget": _read_budget,
    "checkpoint": _read_checkpoint,
    "provenance": Node.attributes,
}
"""Group of the file = field of Result → its reader."""
