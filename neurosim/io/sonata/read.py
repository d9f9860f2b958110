"""Edges of a SONATA circuit from a stranger as matrices, a block of edges at a time; writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import OutputError
from neurosim.io.atomic import one_line
from neurosim.io.blocks import blocks
from neurosim.io.hdf5.guarded import Node
from neurosim.io.hdf5.opened import check_openable

WEIGHT, BIAS = "syn_weight", "bias"
MOST_CONFIG = 2**20
"""Bytes that a configuration may have, chosen."""
_EXPECTED = "the folder of a SONATA circuit, or its circuit_config.json"


@attrs.frozen(kw_only=True)
class Circuit:
    """The files that a configuration names."""

    config: Path
    nodes: tuple[Path, ...]
    edges: tuple[Path, ...]

    @staticmethod
    def of(path: Path) -> Circuit:
        """By a configuration, or a folder with one; OutputError where it is none."""
        config = path / "circuit_config.json" if path.is_dir() else path
        check_openable(config, expected=_EXPECTED)
        try:
            with config.open("rb") as file:
                text = file.read(MOST_CONFIG + 1)
            if len(text) > MOST_CONFIG:
                raise ValueError(f"more than {MOST_CONFIG} bytes")
            document = json.loads(text)
            networks, manifest = document["networks"], document.get("manifest", {})
            nodes = [str(entry["nodes_file"]) for entry in networks["nodes"]]
            edges = [str(entry["edges_file"]) for entry in networks["edges"]]
            resolved = [_resolved(name, manifest, config.parent) for name in (*nodes, *edges)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise OutputError(
                "is no circuit's configuration",
                where=str(config),
                expected="networks with nodes_file and edges_file",
                got=f"{type(error).__name__}: {one_line(error)}",
            ) from None
        return Circuit(
            config=config, nodes=tuple(resolved[: len(nodes)]), edges=tuple(resolved[len(nodes) :])
        )


def _resolved(name: str, manifest: Mapping[str, Any], folder: Path) -> Path:
    """A path with the manifest's variables filled in, which may contain each other."""
    for _ in range(len(manifest) + 1):
        for variable, value in manifest.items():
            name = name.replace(variable if variable.startswith("$") else f"${variable}", str(value))
    return folder / name


def node_counts(root: Node) -> dict[str, int]:
    """Nodes of every population of a nodes file."""
    return {
        name: _column(population, "node_type_id", "iu").item.shape[0]
        for name, population in root.group("nodes").groups()
    }


def biases_of(root: Node) -> dict[str, Any]:
    """Of populations whose only group of nodes has some, (n,) each, still in the file."""
    found = {}
    for name, population in root.group("nodes").groups():
        if not population.has("0"):
            continue
        group = population.group("0")
        if group.has("dynamics_params") and group.group("dynamics_params").has(BIAS):
            found[name] = group.group("dynamics_params").array(BIAS, ndim=1)
    return found


@attrs.frozen(kw_only=True, eq=False)
class Edges:
    """A population of edges, still in its file."""

    group: Node
    shape: tuple[int, int]
    """(n_post, n_pre) of the populations that it goes between."""

    @staticmethod
    def of(group: Node, counts: Mapping[str, int]) -> Edges:
        """OutputError where it goes between populations that are not there."""
        sizes = []
        for end in ("target_node_id", "source_node_id"):
            population = group.data_set(end).text("node_population")
            if population not in counts:
                raise group.refuse(
                    f"goes from or to {population}",
                    expected=", ".join(counts),
                    got="no such population of nodes",
                )
            sizes.append(counts[population])
        return Edges(group=group, shape=(sizes[0], sizes[1]))

    def __getitem__(self, key: Any) -> NDArray[np.float64]:
        """Σ of the weights of all edges from one node to another; 0 where there is none."""
        matrix = np.zeros(self.shape)
        for targets, sources, weights in self._parts():
            np.add.at(matrix, (targets, sources), weights)
        found: NDArray[np.float64] = matrix[key]
        return found

    def _parts(self) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]]:
        group = self.group
        ids = {end: _column(group, f"{end}_node_id", "iu") for end in ("target", "source")}
        groups, places = _column(group, "edge_group_id", "iu"), _column(group, "edge_group_index", "iu")
        count = ids["target"].item.shape[0]
        for column in (ids["source"], groups, places):
            if column.item.shape != (count,):
                raise column.refuse(
                    "has another length", expected=f"{count} edges", got=str(column.item.shape)
                )
        weights: dict[int, Any] = {}
        for rows in blocks(count, 1):
            targets, sources = (
                _below(ids[end], rows, n) for end, n in zip(("target", "source"), self.shape, strict=True)
            )
            which, where = _read(groups, rows), _read(places, rows)
            values = np.empty(len(which))
            for number in np.unique(which):
                if int(number) not in weights:
                    weights[int(number)] = group.group(str(number)).array(WEIGHT, ndim=1)
                of_group, chosen = weights[int(number)], which == number
                values[chosen] = self._at(of_group, where[chosen], places)
            yield targets, sources, values

    def _at(self, weights: Any, where: NDArray[Any], places: Node) -> NDArray[np.float64]:
        """Weights of a group at some places, read as the range that they span."""
        first, last = int(where.min()), int(where.max())
        if first < 0 or last >= weights.shape[0]:
            raise places.refuse("points beyond its group", expected=f"< {weights.shape[0]}", got=str(last))
        found: NDArray[np.float64] = weights[first : last + 1][where.astype(np.int64) - first]
        return found


def _column(group: Node, name: str, kinds: str) -> Node:
    column = group.data_set(name)
    if column.item.ndim != 1 or column.item.dtype.kind not in kinds:
        got = f"{column.item.dtype} {column.item.shape}"
        raise column.refuse("is no column of whole numbers", expected="one for each", got=got)
    column.check_storage()
    return column


def _read(column: Node, rows: slice) -> NDArray[Any]:
    try:
        return np.asarray(column.item[rows])
    except Exception as error:  # h5py answers damage with whatever exception comes first
        raise column.refuse("cannot be read", got=one_line(error)) from None


def _below(column: Node, rows: slice, n: int) -> NDArray[Any]:
    found = _read(column, rows)
    if found.size and (int(found.min()) < 0 or int(found.max()) >= n):
        raise column.refuse("names a node that is not there", expected=f"< {n}", got=str(found.max()))
    return found.astype(np.int64)
