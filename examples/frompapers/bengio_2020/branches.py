"""A layer that feeds two others, and what its combined target does to the output (section 10.3)."""

from __future__ import annotations

import numpy as np
import torch

from bengio_2020.chains import near_orthogonal, norm, normal
from neurosim.reference.activations import phi
from neurosim.reference.targetprop import (
    INPUT,
    Edge,
    Graph,
    branch_target,
    branch_weights,
    combine_branches,
    propagate_graph,
    run_graph,
)

GAINS = tuple(float(x) for x in np.logspace(-0.7, 0.7, 9))
"""Of the branch through C over that through B."""
UNITS, BATCH, STEPSIZE = 20, 8, 1e-3
STEPS = 400
"""Corrections of each edge; decoders that are transposes contract by 1 − s² of the singular values s of W."""

Arrays = dict[str, np.ndarray]


def measure_branches(seed: int) -> Arrays:
    """A feeds B and C, which feed D. Over the gain of C, each (gains,):

    weight : the part of B's target in A's, γ. same_move, other_move : how many times its target step the
    output moves along it once h_A = τ_A, where C computes the same as B but for its gain, or something else.
    alone_move : when C is held and h_A moves to what B asks for.
    """
    found: dict[str, list[float]] = {}
    for gain in GAINS:
        for name, same in (("same", True), ("other", False)):
            graph, inputs = make_graph(seed, gain=gain, same=same)
            weight, both, alone = _push(graph, inputs, seed)
            found.setdefault(f"{name}_move", []).append(both)
            if same:
                found.setdefault("weight", []).append(weight)
                found.setdefault("alone_move", []).append(alone)
    return {name: np.array(values) for name, values in found.items()}


def make_graph(seed: int, *, gain: float, same: bool) -> tuple[Graph, torch.Tensor]:
    """input → A → (B, C) → D with the edge from C to D `gain` times as strong, and inputs (B, n)."""
    draw = torch.Generator().manual_seed(seed)
    into, to_b, from_b = (near_orthogonal(draw, UNITS, UNITS) for _ in range(3))
    to_c, from_c = (to_b, from_b) if same else (near_orthogonal(draw, UNITS, UNITS) for _ in range(2))
    edges = [
        Edge(source=INPUT, node="A", weights=into),
        Edge(source="A", node="B", weights=to_b, decoder=_undone(to_b)),
        Edge(source="A", node="C", weights=to_c, decoder=_undone(to_c)),
        Edge(source="B", node="D", weights=from_b, decoder=_undone(from_b)),
        Edge(source="C", node="D", weights=gain * from_c, decoder=_undone(gain * from_c)),
    ]
    inputs = 0.3 * (2 * torch.rand(BATCH, UNITS, generator=draw, dtype=torch.float64) - 1)
    return Graph(nodes=("A", "B", "C", "D"), edges=tuple(edges)), inputs


def _undone(weights: torch.Tensor) -> torch.Tensor:
    """W^-1: undoes the edge but for the two bends of tanh on the way, so the corrections converge."""
    return torch.linalg.inv(weights)


def _push(graph: Graph, inputs: torch.Tensor, seed: int) -> tuple[float, float, float]:
    """γ of B, and the move of the output with A at its target: with both branches, with C held."""
    state = run_graph(graph, inputs)
    move = normal(torch.Generator().manual_seed(500 + seed), BATCH, UNITS)
    move = STEPSIZE * move / norm(move)[:, None]
    targets = propagate_graph(graph, state, output_target=state["D"] + move, steps=STEPS)
    edges = graph.out_of("A")
    asked = [branch_target(graph, e, state, target=targets[e.node], steps=STEPS) for e in edges]
    weights = branch_weights(state["A"], asked)
    both = _output(graph, state, {"A": combine_branches(state["A"], asked)}, held=())
    alone = _output(graph, state, {"A": asked[0]}, held=("C",))
    times = [float((((y - state["D"]) * move).sum(1) / (move**2).sum(1)).mean()) for y in (both, alone)]
    return float(weights[0].mean()), times[0], times[1]


def _output(
    graph: Graph, state: dict[str, torch.Tensor], given: dict[str, torch.Tensor], *, held: tuple[str, ...]
) -> torch.Tensor:
    """h_D with some layers given and some held as they were; the rest follows."""
    now = {**given, **{name: state[name] for name in held}}
    for node in ("B", "C", "D"):
        if node not in now:
            parts = [phi(graph.hidden, now[e.source]) @ e.weights.T for e in graph.into(node)]
            now[node] = torch.stack(parts).sum(0)
    return now["D"]
