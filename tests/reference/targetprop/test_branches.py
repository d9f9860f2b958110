"""Targets of layers that feed several others: the weights, the graph, and what the combined target does."""

from collections.abc import Sequence

import attrs
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop import (
    INPUT,
    Edge,
    Graph,
    branch_target,
    branch_weights,
    combine_branches,
    propagate_graph,
    run_graph,
    solve_output_iteration,
)

from .cases import close, make_chain, make_target, norm, slope


def test_weights_go_with_the_inverse_square_of_what_a_branch_asks_for() -> None:
    soma = torch.zeros(2, 3, dtype=torch.float64)
    ends = [torch.tensor([[size, 0.0, 0.0], [0.0, 2.0 * size, 0.0]]) for size in (1.0, 2.0, 4.0)]
    weights = branch_weights(soma, ends)
    wanted = torch.tensor([16.0, 4.0, 1.0], dtype=torch.float64)[:, None].expand(3, 2) / 21.0
    close(weights, wanted, 1e-15)
    close(combine_branches(soma, ends)[0], torch.tensor([28.0 / 21.0, 0, 0], dtype=torch.float64), 1e-15)


def test_weights_of_tiny_and_of_no_demands() -> None:
    """Squares of 1e-200 underflow, but ratios do not; a branch that asks for nothing gets all the weight."""
    soma = torch.zeros(1, 1, dtype=torch.float64)
    tiny = [torch.full((1, 1), x, dtype=torch.float64) for x in (1e-200, 2e-200)]
    close(branch_weights(soma, tiny)[:, 0], torch.tensor([0.8, 0.2], dtype=torch.float64), 1e-15)
    none = [soma, soma + 1.0, soma]
    close(branch_weights(soma, none)[:, 0], torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64), 0)


def test_branches_that_do_not_fit_are_refused() -> None:
    soma = torch.zeros(2, 3)
    with pytest.raises(DataError, match="one at least"):
        branch_weights(soma, [])
    with pytest.raises(DataError, match="branches"):
        combine_branches(soma, [torch.zeros(2, 4)])


def _matrix(m: int, n: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(m, n, generator=draw, dtype=torch.float64))[0]


def _skipping() -> tuple[Graph, Tensor]:
    """input → A → B → C and A → C, with the decoders of nearly linear layers."""
    pairs = [("A", "B"), ("A", "C"), ("B", "C")]
    matrices = [(1.0 + 0.5 * k) * _matrix(12, 12, k) for k in range(3)]
    edges = [Edge(source=INPUT, node="A", weights=0.3 * _matrix(12, 12, 9))]
    edges += [
        Edge(source=a, node=x, weights=w, decoder=torch.linalg.inv(w))
        for (a, x), w in zip(pairs, matrices, strict=True)
    ]
    draw = torch.Generator().manual_seed(20)
    inputs = 0.5 * torch.randn(2, 12, generator=draw, dtype=torch.float64)
    return Graph(nodes=("A", "B", "C"), edges=edges), inputs


def test_the_forward_pass_adds_up_the_sources() -> None:
    graph, inputs = _skipping()
    state = run_graph(graph, inputs)
    weights = {(e.source, e.node): e.weights for e in graph.edges}
    a = inputs @ weights[INPUT, "A"].T
    b = torch.tanh(a) @ weights["A", "B"].T
    c = torch.tanh(a) @ weights["A", "C"].T + torch.tanh(b) @ weights["B", "C"].T
    for name, wanted in zip("ABC", (a, b, c), strict=True):
        close(state[name], wanted, 1e-15)


def test_in_a_chain_it_is_the_output_iteration_from_the_forward_state() -> None:
    """To 1e-12: 200 steps leave nothing but rounding of the solved targets."""
    chain, inputs = make_chain()
    chain = attrs.evolve(chain, biases=[0 * b for b in chain.biases])
    state, _, target = make_target(chain, inputs, stepsize=0.1)
    names = ("1", "2", "3", "4")
    edges = [Edge(source=INPUT, node="1", weights=chain.forward[0])]
    edges += [
        Edge(source=a, node=b, weights=w, decoder=d)
        for a, b, w, d in zip(names[:-1], names[1:], chain.forward[1:], chain.decoders, strict=True)
    ]
    graph = Graph(nodes=names, edges=edges)
    got = propagate_graph(graph, run_graph(graph, inputs), output_target=target, steps=200)
    solved = solve_output_iteration(chain, state, output_target=target, start="forward")
    for name, wanted in zip(names, solved.targets, strict=True):
        close(got[name], wanted, 1e-12)


def test_each_branch_alone_reaches_the_output_target_while_the_other_is_held() -> None:
    """Through B with A → C held, and through C with B held; relative error of slope 1 in β or rounding."""
    graph, inputs = _skipping()
    state = run_graph(graph, inputs)
    w = {(e.source, e.node): e.weights for e in graph.edges}
    edges = {(e.source, e.node): e for e in graph.edges}
    for stepsize in (0.1, 0.01):
        target = state["C"] + stepsize * norm(state["C"])[:, None] * _matrix(12, 2, 30).T
        targets = propagate_graph(graph, state, output_target=target, steps=300)
        by_b, by_c = (
            branch_target(graph, edges["A", x], state, target=targets[x], steps=300) for x in ("B", "C")
        )
        b = torch.tanh(by_b) @ w["A", "B"].T
        through_b = torch.tanh(state["A"]) @ w["A", "C"].T + torch.tanh(b) @ w["B", "C"].T
        through_c = torch.tanh(by_c) @ w["A", "C"].T + torch.tanh(state["B"]) @ w["B", "C"].T
        # Settled on each edge, so exact and not only to first order: rounding times the condition of tanh.
        close(through_b, target, 1e-11)
        close(through_c, target, 1e-11)
        sizes = [norm(x - state["A"]) for x in (by_b, by_c)]
        share = sizes[1] ** 2 / (sizes[0] ** 2 + sizes[1] ** 2)
        close(targets["A"], share[:, None] * by_b + (1 - share)[:, None] * by_c, 1e-13)


@pytest.mark.parametrize("gains", [(1.0, 1.0), (2.0, 0.5), (1.0, -0.4), (1.0, 1.0, 3.0)])
def test_once_the_layer_moves_all_its_branches_move_and_their_effects_add_up(gains: Sequence[float]) -> None:
    """(Σa)²/Σa² times the target step for linear scalar branches, not once; to rounding."""
    middle = [f"B{k}" for k in range(len(gains))]
    edges = [Edge(source=INPUT, node="A", weights=[[1.0]])]
    edges += [
        Edge(source="A", node=b, weights=[[a]], decoder=[[1 / a]]) for a, b in zip(gains, middle, strict=True)
    ]
    edges += [Edge(source=b, node="C", weights=[[1.0]], decoder=[[1.0]]) for b in middle]
    graph = Graph(nodes=("A", *middle, "C"), edges=edges, hidden="linear")
    state = run_graph(graph, [[0.7]])
    target = state["C"] + 0.1
    moved = propagate_graph(graph, state, output_target=target)["A"]
    change = run_graph(graph, moved)["C"] - state["C"]  # A copies its input
    factor = sum(gains) ** 2 / sum(a**2 for a in gains)
    close(change, torch.tensor([[0.1 * factor]], dtype=torch.float64), 1e-14)


def test_one_step_is_the_difference_of_the_decoder() -> None:
    """h_A + g(τ_X) − g(h_X), to rounding; more steps come closer to the settled one by slope."""
    graph, inputs = _skipping()
    state = run_graph(graph, inputs)
    edge = graph.out_of("B")[0]
    target = state["C"] + 0.05
    got = branch_target(graph, edge, state, target=target)
    assert edge.decoder is not None
    change = (torch.tanh(target) - torch.tanh(state["C"])) @ edge.decoder.T
    close(got, state["B"] + change, 1e-15)
    settled = branch_target(graph, edge, state, target=target, steps=400)
    errors = [
        float((branch_target(graph, edge, state, target=target, steps=n) - settled).norm())
        for n in (1, 5, 10, 20)
    ]
    assert errors == sorted(errors, reverse=True)
    assert slope([1, 5, 10, 20], errors) < -1
    resting = propagate_graph(graph, state, output_target=state["C"], steps=3)
    assert all(torch.equal(resting[name], state[name]) for name in graph.nodes)


ONE = [[1.0]]


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ("AA", [(INPUT, "A", None)], "names of their own"),
        ("AB", [(INPUT, "A", None), ("B", "A", ONE), ("A", "B", ONE)], "edge B → A"),
        ("AB", [(INPUT, "A", None), ("A", "Z", ONE)], "edge A → Z"),
        ("AB", [(INPUT, "A", None), ("A", "B", ONE), ("A", "B", ONE)], "edge A → B"),
        ("ABC", [(INPUT, "A", None), ("A", "B", ONE), ("A", "C", ONE)], r"B: feeds no node"),
        ("ABC", [(INPUT, "A", None), ("A", "C", ONE), ("B", "C", ONE)], r"B: is fed by no node"),
        ("A", [], r"input: feeds no node"),
        ("AB", [(INPUT, "A", None), ("A", "B", None)], r"expected: \(1, 1\)[\s\S]*got: None"),
        ("AB", [(INPUT, "A", ONE), ("A", "B", ONE)], r"edge input → A[\s\S]*expected: None"),
        ("AB", [(INPUT, "A", None), ("A", "B", [[1.0, 2.0]])], r"got: \(1, 2\)"),
    ],
)
def test_bad_graphs_are_refused_and_named(nodes: str, edges: list, message: str) -> None:
    described = [Edge(source=a, node=b, weights=ONE, decoder=d) for a, b, d in edges]
    with pytest.raises(SpecError, match=message):
        Graph(nodes=tuple(nodes), edges=described)


def test_sizes_that_do_not_fit_and_targets_of_the_input_are_refused() -> None:
    first = Edge(source=INPUT, node="A", weights=[[1.0], [2.0]])
    second = Edge(source="A", node="B", weights=[[1.0, 2.0, 3.0]], decoder=[[1.0], [2.0], [3.0]])
    with pytest.raises(SpecError, match=r"edge A → B[\s\S]*2 units of A[\s\S]*got: 3"):
        Graph(nodes=("A", "B"), edges=[first, second])
    graph, inputs = _skipping()
    state = run_graph(graph, inputs)
    with pytest.raises(SpecError, match="edge input → A"):
        branch_target(graph, graph.edges[0], state, target=state["A"])
    with pytest.raises(DataError, match="inputs"):
        run_graph(graph, torch.ones(1, 3))
    with pytest.raises(DataError, match="output_target"):
        propagate_graph(graph, state, output_target=torch.ones(1, 3))
