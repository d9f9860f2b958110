"""What all SONATA files have: their mark, sizes of parts, types; writes no weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np

from neurosim.errors import OutputError
from neurosim.result import Result

MAGIC, VERSION = 0x0A7A, (0, 1)
"""Root attributes of every file."""
NODES, EDGES = "nodes.h5", "edges.h5"
NODE_TYPES, EDGE_TYPES = "node_types.csv", "edge_types.csv"
FIRST_NODE_TYPE, FIRST_EDGE_TYPE = 100, 200
"""Types are numbered from here on, one for each population."""
MOST_NUMBERS = 2**20
"""Weights that are in memory at once, chosen: 8 MiB."""


@contextmanager
def sonata_file(path: Path) -> Iterator[Any]:
    """A new HDF5 file with the mark of the format, not compressed, as libsonata wants it."""
    with h5py.File(path, "x", locking=False) as file:
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
    """Of all parts that something projects from or to, in the order in which projections name them.

    Raises
    ------
    OutputError : projections that do not agree on the size of a part.
    """
    sizes: dict[str, int] = {}
    for name, projection in result.connectivity.items():
        n_post, n_pre = projection.weights.shape
        for part, size in ((projection.source, n_pre), (projection.target, n_post)):
            if sizes.setdefault(part, size) != size:
                raise OutputError(
                    "does not fit the other projections",
                    where=f"/connectivity/{name}",
                    expected=f"{sizes[part]} units of {part}",
                    got=str(size),
                )
    return [
        Population(name=part, size=size, node_type=FIRST_NODE_TYPE + place)
        for place, (part, size) in enumerate(sizes.items())
    ]


def write_types(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of types: columns apart by a single space, NULL for what there is none of."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, *([str(row.get(column, "NULL")) for column in columns] for row in rows)]
    path.write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
