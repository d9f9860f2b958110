"""A feedforward chain of layers out of a NIR graph from a stranger, parts of it still in the file; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import OutputError
from neurosim.io.hdf5.guarded import Node
from neurosim.io.hdf5.opened import opened

Array = NDArray[np.float64]
MATRICES = ("Affine", "Linear")
NEURON, FACTOR = "LI", "Scale"
"""Types of nodes that a chain may have between its ends."""
_REMEDY = "use a feedforward graph of LI, Linear and Affine, or one that neurosim wrote"


@attrs.define(kw_only=True, eq=False)
class Layer:
    """v = gain · (W r) + constant at rest, and how fast it gets there."""

    name: str
    """Of the node with its weights."""
    weights: Any
    """(n_post, n_pre), still in the file."""
    constant: Array
    """(n_post,)."""
    gain: Array
    """(n_post,): R of leaky integrators, and factors."""
    tau: Array | None = None
    """Time constants of its leaky integrators, s; None where it has none."""
    activation: str = "linear"
    """What a node says has to be applied to what it gives."""
    ends: tuple[str, str] | None = None
    """Source and target as the graph names them, where neurosim wrote it."""

    @property
    def folded(self) -> Array:
        """W with the gain in it; W itself, bit for bit, where that is 1."""
        weights: Array = self.weights[()]
        return weights if np.all(self.gain == 1) else self.gain[:, None] * weights


@attrs.frozen(kw_only=True, eq=False)
class Graph:
    """Nodes whose numbers are still in the file."""

    nodes: Mapping[str, Node]
    types: Mapping[str, str]
    after: Mapping[str, tuple[str, ...]]
    """What each node's output goes to."""
    spec: str = ""
    """Of the result that neurosim made it of."""

    def metadata(self, name: str) -> dict[str, str]:
        """Texts that a node carries."""
        return _metadata(self.nodes[name])

    def layer(self, name: str) -> Layer:
        """That of a node with weights."""
        node = self.nodes[name]
        weights = node.array("weight", ndim=2)
        n = weights.shape[0]
        bias = node.array("bias", shape=(n,))[()] if self.types[name] == "Affine" else np.zeros(n)
        said = self.metadata(name)
        ends = (said["source"], said["target"]) if {"source", "target"} <= set(said) else None
        return Layer(name=name, weights=weights, constant=bias, gain=np.ones(n), ends=ends)


@contextmanager
def open_graph(path: str | Path) -> Iterator[Graph]:
    """The graph in a file while it is open.

    Raises
    ------
    OutputError : missing, or no NIR file; what h5py makes of damage is the caller's, see `damage_named`.
    """
    with opened(path, expected="a NIR file", lazy=True, remedy=_REMEDY) as root:
        yield _graph(root)


def written_layers(graph: Graph) -> dict[str, Layer]:
    """All projections of a graph that neurosim wrote, by the names of a result; none in other graphs."""
    layers = [graph.layer(name) for name, kind in graph.types.items() if kind in MATRICES]
    return {f"{layer.ends[0]}_to_{layer.ends[1]}": layer for layer in layers if layer.ends}


def chain_of(graph: Graph) -> list[Layer]:
    """Layers from the input to the output of a graph without loops and branches.

    Raises
    ------
    OutputError : it has some, or nodes that are no part of a rate network.
    """
    name, layers = _input(graph), list[Layer]()
    seen = {name}
    while True:
        (name,) = _only(graph, name)
        if name in seen:
            raise graph.nodes[name].refuse("closes a loop", expected="a chain from Input to Output")
        seen.add(name)
        kind, node = graph.types[name], graph.nodes[name]
        if kind == "Output":
            break
        if kind in MATRICES:
            layer = graph.layer(name)
            if layers and layer.weights.shape[1] != layers[-1].gain.size:
                raise node.refuse(
                    "does not fit the layer before it",
                    expected=f"{layers[-1].gain.size} columns",
                    got=str(layer.weights.shape),
                )
            layers.append(layer)
        elif kind in (NEURON, FACTOR) and layers:
            _into(layers[-1], node, kind, graph.metadata(name))
        else:
            raise node.refuse(
                f"a node of type {kind} is no part of a rate network" + " in this place" * (kind == FACTOR),
                expected="Affine or Linear, each with LI and Scale behind it",
            )
    _check_whole(graph, seen, layers)
    if not layers:
        raise graph.nodes[name].refuse(
            "comes without any weights", expected="Affine or Linear in front of it"
        )
    return layers


def _check_whole(graph: Graph, seen: set[str], layers: list[Layer]) -> None:
    """Refuse what stands beside a chain, or leads back into it, and ends of other sizes than its layers have."""
    for name, node in graph.nodes.items():
        if name not in seen:
            raise node.refuse("stands beside the chain", expected="nothing but a chain from Input to Output")
        if graph.types[name] == "Output" and graph.after.get(name):
            raise node.refuse("leads on", expected="nothing behind Output", got=", ".join(graph.after[name]))
        ends = {"Input": layers[0].weights.shape[1], "Output": layers[-1].gain.size} if layers else {}
        if graph.types[name] in ends and node.has("shape"):
            shape, size = node.data_set("shape"), ends[graph.types[name]]
            shape.check_storage()
            got = np.asarray(shape.item[()]).ravel().tolist()
            if got != [size]:
                raise node.refuse("does not fit the weights beside it", expected=f"[{size}]", got=str(got))


def _into(layer: Layer, node: Node, kind: str, metadata: Mapping[str, str]) -> None:
    """What comes behind a layer's weights."""
    shape = layer.gain.shape
    if layer.activation != "linear":
        raise node.refuse("stands behind a nonlinearity", expected="Affine, Linear or Output")
    if kind == FACTOR:
        scale = node.array("scale", shape=shape)[()]
        layer.gain, layer.constant = layer.gain * scale, layer.constant * scale
        layer.activation = metadata.get("activation", "linear")
        return
    if layer.tau is not None:
        raise node.refuse("is the second LI of its layer", expected="one LI for each Affine or Linear")
    tau, r, leak = (node.array(name, shape=shape)[()] for name in ("tau", "r", "v_leak"))
    if not (np.isfinite(tau) & (tau > 0)).all():
        raise node.refuse("has time constants that are none", expected="tau > 0", got=f"{tau.min():g}")
    layer.gain, layer.constant, layer.tau = layer.gain * r, layer.constant * r + leak, tau


def _graph(root: Node) -> Graph:
    graph = root.group("node")
    if not graph.has("nodes") or not graph.has("edges"):
        raise graph.refuse("is no graph", expected="nodes and edges")
    nodes = dict(graph.group("nodes").groups())
    types = {name: _required_text(node, "type") for name, node in nodes.items()}
    after: dict[str, tuple[str, ...]] = {}
    for source, target in _edges(graph.data_set("edges")):
        for name in (source, target):
            if name not in nodes:
                raise graph.refuse("has an edge to nowhere", expected="names of nodes", got=name)
        after[source] = (*after.get(source, ()), target)
    said = _metadata(graph)
    return Graph(
        nodes=nodes, types=types, after=after, spec=said.get("spec", "") if "neurosim_version" in said else ""
    )


def _edges(node: Node) -> list[tuple[str, str]]:
    data = node.item
    if data.ndim != 2 or data.shape[1] != 2 or h5py.check_string_dtype(data.dtype) is None:
        raise node.refuse("is no list of edges", expected="pairs of names", got=f"{data.dtype} {data.shape}")
    node.check_storage()
    return [(_decoded(a, node), _decoded(b, node)) for a, b in data[()]]


def _metadata(node: Node) -> dict[str, str]:
    if not node.has("metadata"):
        return {}
    texts = node.group("metadata")
    return {key: found for key, data in texts.data_sets() if (found := _text(data)) is not None}


def _text(node: Node) -> str | None:
    """A single text; None where the data set is something else."""
    data = node.item
    if data.shape != () or h5py.check_string_dtype(data.dtype) is None:
        return None
    return _decoded(data[()], node)


def _required_text(node: Node, name: str) -> str:
    found = _text(node.data_set(name))
    if found is None:
        raise node.refuse(f'"{name}" is no text', expected="a single text")
    return found


def _decoded(value: Any, node: Node) -> str:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise node.refuse("is no text", expected="UTF-8") from None


def _input(graph: Graph) -> str:
    found = [name for name, kind in graph.types.items() if kind == "Input"]
    if len(found) != 1:
        raise OutputError(
            "is no feedforward network",
            where=next(iter(graph.nodes.values())).file if graph.nodes else "NIR",
            expected="one Input",
            got=f"{len(found)} of them",
            remedy=_REMEDY,
        )
    return found[0]


def _only(graph: Graph, name: str) -> tuple[str, ...]:
    after = graph.after.get(name, ())
    if len(after) != 1:
        got = ", ".join(after) or "none"
        raise graph.nodes[name].refuse("has other than one node behind it", expected="one", got=got)
    return after
