"""What all SONATA files have: their mark, sizes of parts, types; writes no weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from neurosim.errors import OutputError
from neurosim.io.hdf5.created import new_hdf5
from neurosim.result import Result

MAGIC, VERSION = 0x0A7A, (0, 1)
"""Root attributes of every file."""
NODES, EDGES = "nodes.h5", "edges.h5"
NODE_TYPES, EDGE_TYPES = "node_types.csv", "edge_types.csv"
FIRST_NODE_TYPE, FIRST_EDGE_TYPE = 100, 200
"""Types are numbered from here on, one for each population."""
_WORD = re.compile(r"\w+", re.ASCII)


@contextmanager
def sonata_file(path: Path) -> Iterator[Any]:
    """A new HDF5 file with the mark of the format, not compressed, as libsonata wants it."""
    with new_hdf5(path) as file:
        file.attrs["magic"] = np.uint32(MAGIC)
        file.attrs["version"] = np.array(VERSION, dtype=np.uint32)
        yield file


@attrs.frozen(kw_only=True)
class Population:
    """Nodes of one part of the network."""

    name: str
    size: int
    node_type: int

    @property
    def virtual(self) -> bool:
        """Whether it only gives what it is given."""
        return self.name == "input"


def populations_of(result: Result) -> list[Population]:
    """Of all parts that something projects from or to, then those that only have traces or devices.

    Raises
    ------
    OutputError : a part whose name is no word, or of which two places of the result have different sizes.
    """
    sizes: dict[str, int] = {}
    for where, part, size in _parts(result):
        if not _WORD.fullmatch(part):
            raise OutputError(
                "cannot be a population",
                where=where,
                expected="a name of letters, digits and _",
                got=repr(part),
            )
        if sizes.setdefault(part, size) != size:
            raise OutputError(
                "does not fit the rest of the result",
                where=where,
                expected=f"{sizes[part]} units of {part}",
                got=str(size),
            )
    return [
        Population(name=part, size=size, node_type=FIRST_NODE_TYPE + place)
        for place, (part, size) in enumerate(sizes.items())
    ]


def _parts(result: Result) -> Iterator[tuple[str, str, int]]:
    """Where a part is named, the part, and its units as that has it."""
    for name, projection in result.connectivity.items():
        n_post, n_pre = projection.weights.shape
        yield f"/connectivity/{name}", projection.source, n_pre
        yield f"/connectivity/{name}", projection.target, n_post
    for part, traces in result.traces.items():
        for variable, trace in traces.items():
            yield f"/traces/{part}/{variable}", part, trace.values.shape[2]
    for part, parameters in result.devices.items():
        for name, values in parameters.items():
            yield f"/devices/{part}/{name}", part, values.shape[0]


def write_types(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of types: columns apart by a single space, NULL for what there is none of."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, *([str(row.get(column, "NULL")) for column in columns] for row in rows)]
    path.write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
