"""A NIR file out of a result, whole or not at all; a block of weights in memory at a time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np

from neurosim.errors import OutputError
from neurosim.io.atomic import one_line, write_atomically
from neurosim.io.blocks import blocks
from neurosim.io.hdf5.created import new_hdf5
from neurosim.io.nir.controller import draw_controller
from neurosim.io.nir.drawing import Drawing, Subject
from neurosim.io.nir.layers import draw_layers
from neurosim.io.nir.losses import losses_of
from neurosim.io.progress import Progress, silent
from neurosim.result import Result
from neurosim.version import __version__

_DERIVED = ("input_type", "output_type", "metadata")
"""Fields of nodes that NIR's files do not have as they are."""


def write_nir(result: Result, out: str | Path, *, progress: Progress | None = None) -> tuple[str, ...]:
    """Layers, and where a controller acts on them its loop, as a graph that NIR has checked.

    Weights are those of `Projection.weights`, bit for bit; time constants in seconds; mismatch of leaks, gains and
    offsets is in the nodes' parameters.

    Raises
    ------
    OutputError : a result without the weights of its spec, or a place that cannot be written.
    SpecError : the result's spec is none.

    Returns
    -------
    What the result has and NIR cannot say, in words.
    """
    subject = Subject.of(result)
    drawing = Drawing()
    rate = draw_layers(drawing, subject)
    if subject.feedback:
        draw_controller(drawing, subject, rate)
    shape = np.array([subject.spec.network.layers[-1]])
    drawing.add("output", nir.Output(output_type={"output": shape}), rate)
    losses = losses_of(subject)
    graph = nir.NIRGraph(nodes=drawing.nodes, edges=drawing.edges, metadata=_origin(result, losses))
    try:
        with write_atomically(out) as part:
            _write(graph, part, progress or silent)
    except (RuntimeError, ValueError) as error:  # what h5py makes of a full disk
        raise OutputError("cannot be written", where=str(out), got=one_line(error)) from None
    return losses


def _origin(result: Result, losses: tuple[str, ...]) -> dict[str, str]:
    """What the graph is of, for whoever has it without the result."""
    return {
        "neurosim_version": __version__,
        "spec": result.spec,
        "seed": str(result.seed),
        "losses": "\n".join(losses),
        **{name: str(value) for name, value in result.provenance.items() if name.endswith("_unit_volt")},
    }


def _write(graph: Any, path: Path, tell: Progress) -> None:
    with new_hdf5(path) as file:
        _write_text(file, "version", nir.version)
        root = file.create_group("node")
        _write_text(root, "type", "NIRGraph")
        _write_metadata(root, graph.metadata)
        root.create_dataset("edges", data=graph.edges, dtype=h5py.string_dtype())
        nodes = root.create_group("nodes")
        for done, (name, node) in enumerate(graph.nodes.items()):
            tell("writing nodes", done, len(graph.nodes))
            _write_node(nodes.create_group(name), node)
        tell("writing nodes", len(graph.nodes), len(graph.nodes))


def _write_node(group: Any, node: Any) -> None:
    _write_text(group, "type", type(node).__name__)
    _write_metadata(group, node.metadata)
    if isinstance(node, nir.Input | nir.Output):
        kind = node.input_type["input"] if isinstance(node, nir.Input) else node.output_type["output"]
        group.create_dataset("shape", data=np.asarray(kind))
        return
    for field in dataclasses.fields(node):
        if field.name not in _DERIVED:
            _write_array(group, field.name, getattr(node, field.name))


def _write_array(group: Any, name: str, values: Any) -> None:
    """Also of numbers that are still in a file."""
    data = group.create_dataset(name, shape=values.shape, dtype=np.float64)
    for rows in blocks(values.shape[0], int(np.prod(values.shape[1:]))):
        data[rows] = values[rows]


def _write_metadata(group: Any, metadata: dict[str, str]) -> None:
    if metadata:
        member = group.create_group("metadata")
        for name, value in metadata.items():
            _write_text(member, name, value)


def _write_text(group: Any, name: str, text: str) -> None:
    group.create_dataset(name, data=text, dtype=h5py.string_dtype())
