"""Layers that feed each other without a cycle, past each other too, and their targets; knows no chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.activations import phi
from neurosim.reference.targetprop.branches import combine_branches
from neurosim.reference.targetprop.output_iteration import check_steps
from neurosim.reference.tensors import double, shaped

INPUT = "input"
"""The name of the source that holds x, a rate without σ and without a target."""


@attrs.frozen(kw_only=True, eq=False)
class Edge:
    """Source A feeds node X: W_XA σ(h_A) is a part of h_X, and g_XA(h_X) = Ω_XA σ(h_X) a guess of h_A."""

    source: str
    """A, a node or `INPUT`."""
    node: str
    """X."""
    weights: Tensor = attrs.field(converter=double)
    """W_XA, (n_X, n_A)."""
    decoder: Tensor | None = attrs.field(default=None, converter=attrs.converters.optional(double))
    """Ω_XA, (n_A, n_X); None from the input, which needs no target."""


@attrs.frozen(kw_only=True, eq=False)
class Graph:
    """h_X = Σ_A W_XA σ(h_A) over the sources A of X, with x for σ(h_A) of the input (section 10.3).

    Raises
    ------
    SpecError : an edge against the order of the nodes, sizes that do not fit, an end other than the last.
    """

    nodes: tuple[str, ...] = attrs.field(converter=tuple)
    """Names, every node after the nodes that feed it; the last is the output."""
    edges: tuple[Edge, ...] = attrs.field(converter=tuple)
    """At most one between two nodes."""
    hidden: str = "tanh"
    """σ. Default chosen."""

    def __attrs_post_init__(self) -> None:
        phi(self.hidden, torch.zeros(1))
        _check_order(self)
        _check_sizes(self)

    def into(self, node: str) -> tuple[Edge, ...]:
        """The edges that feed a node."""
        return tuple(edge for edge in self.edges if edge.node == node)

    def out_of(self, source: str) -> tuple[Edge, ...]:
        """The edges that a node or the input feeds."""
        return tuple(edge for edge in self.edges if edge.source == source)


def run_graph(graph: Graph, inputs: Any) -> dict[str, Tensor]:
    """h_X of every node, (B, n_X), and the inputs x (B, n_0) under `INPUT`; DataError if x does not fit."""
    width = graph.out_of(INPUT)[0].weights.shape[1]
    state = {INPUT: shaped(inputs, shape=(None, width), name="inputs")}
    for node in graph.nodes:
        parts = [_rate(graph, edge.source, state[edge.source]) @ edge.weights.T for edge in graph.into(node)]
        state[node] = torch.stack(parts).sum(0)
    return state


def propagate_graph(
    graph: Graph, state: Mapping[str, Tensor], *, output_target: Any, steps: int = 1
) -> dict[str, Tensor]:
    """τ of every node, (B, n), from the output back: `combine_branches` of what each edge out of it asks for.

    state : as `run_graph` gives it. output_target : of the last node, (B, n_L).
    steps : output-side corrections of each edge, as `branch_target` takes.

    Raises
    ------
    SpecError : a negative number of steps. DataError : a target of another shape.
    """
    check_steps(steps)
    last = graph.nodes[-1]
    targets = {last: shaped(output_target, shape=tuple(state[last].shape), name="output_target")}
    for node in reversed(graph.nodes[:-1]):
        asked = [
            branch_target(graph, edge, state, target=targets[edge.node], steps=steps)
            for edge in graph.out_of(node)
        ]
        targets[node] = combine_branches(state[node], asked)
    return targets


def branch_target(
    graph: Graph, edge: Edge, state: Mapping[str, Tensor], *, target: Tensor, steps: int = 1
) -> Tensor:
    """τ_XA ← τ_XA + g_XA(τ_X) − g_XA(f_X(τ_XA)) from h_A, with the other sources of X held; (B, n_A).

    f_X(τ_XA) = h_X + W_XA (σ(τ_XA) − σ(h_A)). target : τ_X, (B, n_X).

    Raises
    ------
    SpecError : an edge from the input, which has no decoder.
    """
    if edge.decoder is None:
        raise SpecError(
            "has no decoder",
            where=_label(edge),
            expected="an edge between nodes",
            got="an edge from the input",
            remedy="ask for the targets of nodes only",
        )
    wanted = phi(graph.hidden, target) @ edge.decoder.T
    before = phi(graph.hidden, state[edge.source])
    found = state[edge.source]
    for _ in range(steps):
        reached = state[edge.node] + (phi(graph.hidden, found) - before) @ edge.weights.T
        found = found + (wanted - phi(graph.hidden, reached) @ edge.decoder.T)
    return found


def _rate(graph: Graph, source: str, value: Tensor) -> Tensor:
    return value if source == INPUT else phi(graph.hidden, value)


def _label(edge: Edge) -> str:
    return f"edge {edge.source} → {edge.node}"


def _check_order(graph: Graph) -> None:
    order = [INPUT, *graph.nodes]
    if not graph.nodes or len(set(order)) < len(order):
        raise SpecError(
            "nodes need names of their own",
            where="nodes",
            expected=f'different names other than "{INPUT}"',
            got=str(graph.nodes),
        )
    ends = [(edge.source, edge.node) for edge in graph.edges]
    for edge, pair in zip(graph.edges, ends, strict=True):
        known = set(pair) <= set(order)
        if not known or order.index(pair[0]) >= order.index(pair[1]) or ends.count(pair) > 1:
            raise SpecError(
                "does not fit the nodes",
                where=_label(edge),
                expected="one edge from an earlier to a later of " + ", ".join(order),
                got=str(ends),
                remedy="name each node after those that feed it",
            )
    for name in order:
        missing = "feeds" if name != order[-1] and not graph.out_of(name) else ""
        missing = "is fed by" if name != INPUT and not graph.into(name) else missing
        if missing:
            raise SpecError(
                f"{missing} no node",
                where=name,
                expected="every node on a way from the input to the last",
                got=str(ends),
                remedy="add an edge or leave the node out",
            )


def _check_sizes(graph: Graph) -> None:
    sizes: dict[str, int] = {}
    for edge in graph.edges:
        for name, size in zip((edge.node, edge.source), edge.weights.shape, strict=True):
            if sizes.setdefault(name, size) != size:
                raise SpecError(
                    "weights do not fit the other edges",
                    where=_label(edge),
                    expected=f"{sizes[name]} units of {name}",
                    got=str(size),
                    remedy="give weights the shape (n_node, n_source)",
                )
        wanted = None if edge.source == INPUT else tuple(reversed(edge.weights.shape))
        got = None if edge.decoder is None else tuple(edge.decoder.shape)
        if got != wanted:
            raise SpecError(
                "decoder does not fit the weights",
                where=_label(edge),
                expected=f"{wanted}, as the weights are {tuple(edge.weights.shape)}",
                got=str(got),
                remedy="give it the shape of the weights transposed, and none to edges from the input",
            )
