"""Weights as SONATA edges with both indices, a block of rows at a time; knows no nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.io.blocks import blocks
from neurosim.result import Projection

Kept = NDArray[np.bool_]


def write_edges(
    group: Any, projection: Projection, *, edge_type: int, delay: float, threshold: float
) -> None:
    """One population, sorted by target, then source.

    Parameters
    ----------
    group : the population's, empty.
    delay : of all edges, ms.
    threshold : edges are weights whose magnitude is not below this; 0: all weights, those that are 0 too.
    """
    n_post, n_pre = projection.weights.shape
    of_target = np.zeros(n_post, dtype=np.int64)
    of_source = np.zeros(n_pre, dtype=np.int64)
    for rows in blocks(n_post, n_pre):
        kept = _kept(projection.weights[rows], threshold)
        of_target[rows] = kept.sum(axis=1)
        of_source += kept.sum(axis=0)
    starts = np.concatenate([[0], np.cumsum(of_target)])
    _write_columns(group, projection, starts, edge_type=edge_type, delay=delay, threshold=threshold)
    indices = group.create_group("indices")
    _write_by_target(indices.create_group("target_to_source"), of_target, starts)
    by_source = indices.create_group("source_to_target")
    _write_by_source(by_source, projection, of_source, starts, threshold=threshold)


def _kept(weights: NDArray[np.float64], threshold: float) -> Kept:
    found: Kept = ~(np.abs(weights) < threshold)  # NaN is no small weight
    return found


def _write_columns(
    group: Any,
    projection: Projection,
    starts: NDArray[np.int64],
    *,
    edge_type: int,
    delay: float,
    threshold: float,
) -> None:
    (n_post, n_pre), count = projection.weights.shape, int(starts[-1])
    attributes = group.create_group("0")
    members = {"syn_weight": projection.weights, **projection.device}

    def column(parent: Any, name: str, dtype: type) -> Any:
        return parent.create_dataset(name, shape=(count,), dtype=dtype)

    ends = {name: column(group, name, np.uint64) for name in ("source_node_id", "target_node_id")}
    for end, part in (("source_node_id", projection.source), ("target_node_id", projection.target)):
        ends[end].attrs["node_population"] = part
    types = column(group, "edge_type_id", np.uint32)
    groups, places = column(group, "edge_group_id", np.uint32), column(group, "edge_group_index", np.uint64)
    delays = column(attributes, "delay", np.float64)
    delays.attrs["unit"] = "ms"
    values = {name: column(attributes, name, np.float64) for name in members}
    values["syn_weight"].attrs["unit"] = projection.unit
    for rows in blocks(n_post, n_pre):
        kept = _kept(projection.weights[rows], threshold)
        targets, sources = np.nonzero(kept)
        here = slice(int(starts[rows.start]), int(starts[rows.stop]))
        ends["source_node_id"][here] = sources
        ends["target_node_id"][here] = targets + rows.start
        types[here] = edge_type
        groups[here] = 0
        places[here] = np.arange(here.start, here.stop)
        delays[here] = delay
        for name, matrix in members.items():
            values[name][here] = matrix[rows][kept]


def _write_by_target(group: Any, of_target: NDArray[np.int64], starts: NDArray[np.int64]) -> None:
    """Edges of one target lie one after the other."""
    any_edges = of_target > 0
    ends = np.cumsum(any_edges)
    _write_index(group, np.stack([ends - any_edges, ends], axis=1))
    edges = np.stack([starts[:-1], starts[1:]], axis=1)[any_edges]
    group.create_dataset("range_to_edge_id", data=edges.astype(np.uint64))


def _write_by_source(
    group: Any,
    projection: Projection,
    of_source: NDArray[np.int64],
    starts: NDArray[np.int64],
    *,
    threshold: float,
) -> None:
    """Edges of one source lie apart, so that each is a range of its own."""
    n_post, n_pre = projection.weights.shape
    ends = np.cumsum(of_source)
    _write_index(group, np.stack([ends - of_source, ends], axis=1))
    ranges = group.create_dataset("range_to_edge_id", shape=(int(starts[-1]), 2), dtype=np.uint64)
    before = starts[:-1].copy()  # the next edge of every target
    done = 0
    for columns in blocks(n_pre, n_post):
        kept = _kept(projection.weights[:, columns], threshold)
        numbers = before[:, None] + np.cumsum(kept, axis=1) - 1
        edges = numbers.T[kept.T]
        ranges[done : done + len(edges)] = np.stack([edges, edges + 1], axis=1)
        before += kept.sum(axis=1)
        done += len(edges)


def _write_index(group: Any, ranges: NDArray[np.int64]) -> None:
    group.create_dataset("node_id_to_ranges", data=ranges.astype(np.uint64))
    group["node_id_to_range"] = group["node_id_to_ranges"]  # as bmtk calls it
