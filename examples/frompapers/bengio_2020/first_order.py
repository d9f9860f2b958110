"""What small target steps do to the output, in sections 3, 4, 8 and 10.4 of the paper; knows no iteration."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from bengio_2020.chains import LOSS, Problem, jacobian_above, make_problem, near_orthogonal, norm, run_above
from neurosim.reference.targetprop import (
    Autoencoders,
    apply_updates,
    displacements,
    dtp1_update,
    dtp_update,
    forward_pass,
    influence_scales,
    relax_until_settled,
    scale_targets,
    scaled_update,
    solve_output_iteration,
)
from neurosim.reference.targets import loss
from neurosim.reference.updates import Updates

STEPSIZES = tuple(float(x) for x in np.logspace(-4, -0.5, 12))
"""β of the orders."""
SMALL = 1e-3
"""β where one is enough."""
CONDITIONS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Condition numbers of A, the change of representation."""
DEPTHS = (1, 2, 3, 4, 5, 6)
TURNED_LAYER = 2

Arrays = dict[str, np.ndarray]


def measure_orders(seed: int) -> Arrays:
    """Relative errors of three identities that hold for β → 0, of hidden layers 1..L − 1.

    jacobian : (β, L − 1), of J_l(τ_l − h_l) = τ_L − h_L. gauss_newton : of J_lᵀJ_l(τ_l − h_l) = −β ∂L/∂h_l.
    scaled : of the DTP1 update from unit targets and scalars, against that from the targets themselves.
    """
    problem = make_problem(seed)
    rows: dict[str, list[list[float]]] = {"jacobian": [], "gauss_newton": [], "scaled": []}
    for stepsize in STEPSIZES:
        exact = problem.exact(stepsize)
        moves = displacements(problem.state, exact)
        hidden = range(1, problem.chain.depth)
        rows["jacobian"].append([_jacobian_error(problem, x, moves) for x in hidden])
        rows["gauss_newton"].append([_gauss_newton_error(problem, x, moves, stepsize) for x in hidden])
        rows["scaled"].append(_scaled_errors(problem, dtp1_update(problem.state, exact), stepsize))
    return {name: np.array(values) for name, values in rows.items()}


def measure_directions(seed: int) -> Arrays:
    """Cosines between what a move of h_l makes of the output and τ_L − h_L, (L − 1,), layers 1..L − 1.

    dtp1 : the move τ_l − h_l. sgd : the move −β ∂L/∂h_l, which gives J_l J_lᵀ (τ_L − h_L).
    hidden : between the two moves of h_l themselves.
    """
    problem = make_problem(seed)
    moves, wanted = displacements(problem.state, problem.exact(SMALL)), problem.displacement(SMALL)
    found: dict[str, list[float]] = {"dtp1": [], "sgd": [], "hidden": []}
    for layer in range(1, problem.chain.depth):
        jacobian = jacobian_above(problem, layer)
        descent = _apply(jacobian.mT, wanted)
        found["dtp1"].append(_cosine(_apply(jacobian, moves[layer - 1]), wanted))
        found["sgd"].append(_cosine(_apply(jacobian, descent), wanted))
        found["hidden"].append(_cosine(moves[layer - 1], descent))
    return {name: np.array(values) for name, values in found.items()}


def measure_invariance(seed: int) -> Arrays:
    """How much Δh_L changes when h_2 is described as A h_2, over ‖Δh_L‖; dtp1 and sgd, each (conditions,).

    A linear chain of one sample, in which layer 2 alone learns: W_2 → A W_2, W_3 → W_3 A^-1, and the decoders
    likewise. Both rules take β = 0.1.
    """
    problem = make_problem(seed, hidden="linear", batch=1)
    draw = torch.Generator().manual_seed(1000 + seed)
    width = problem.chain.sizes[TURNED_LAYER]
    left, right = (torch.linalg.qr(near_orthogonal(draw, width, width))[0] for _ in range(2))
    plain = _output_changes(problem)
    found: dict[str, list[float]] = {name: [] for name in plain}
    for condition in CONDITIONS:
        values = torch.logspace(-0.5, 0.5, width, base=condition, dtype=torch.float64)
        turned = _turned(problem.chain, left @ torch.diag(values) @ right)
        other = attrs.evolve(problem, chain=turned, state=forward_pass(turned, problem.inputs))
        for name, change in _output_changes(other).items():
            found[name].append(float(norm(change - plain[name]) / norm(plain[name])))
    return {name: np.array(values) for name, values in found.items()}


def measure_parallel(seed: int) -> Arrays:
    """How often its target step h_L moves along it when all layers learn at once, over depths; each (depths,).

    dtp1, dtp : measured. scales : Σ_l ‖τ_L − h_L‖²/‖τ_l − h_l‖², which the paper has for dtp; for dtp1 it is L.
    """
    found: dict[str, list[float]] = {"dtp1": [], "dtp": [], "scales": []}
    for depth in DEPTHS:
        problem = make_problem(seed, sizes=(20,) * (depth + 1), batch=1)
        exact, wanted = problem.exact(SMALL), problem.displacement(SMALL)[0]
        for name, update in (
            ("dtp1", dtp1_update(problem.state, exact)),
            ("dtp", dtp_update(problem.state, exact)),
        ):
            moved = forward_pass(apply_updates(problem.chain, update), problem.inputs).soma[-1]
            move = (moved - problem.state.soma[-1])[0]
            found[name].append(float(move @ wanted / (wanted @ wanted)))
        found["scales"].append(float(sum(influence_scales(problem.state, exact))))
    return {name: np.array(values) for name, values in found.items()}


def slope(errors: np.ndarray) -> float:
    """Of log error against log β, where β ≤ 0.03: the order of the error."""
    few = np.array(STEPSIZES) <= 0.03
    return float(np.polyfit(np.log(np.array(STEPSIZES)[few]), np.log(errors[few]), 1)[0])


def _jacobian_error(problem: Problem, layer: int, moves: Sequence[Tensor]) -> float:
    reached = _apply(jacobian_above(problem, layer), moves[layer - 1])
    return float((norm(reached - moves[-1]) / norm(moves[-1])).max())


def _gauss_newton_error(problem: Problem, layer: int, moves: Sequence[Tensor], stepsize: float) -> float:
    """The gradient by automatic differentiation, which knows nothing of J."""
    soma = problem.state.soma[layer - 1].clone().requires_grad_(True)
    total = loss(LOSS, run_above(problem.chain, layer, soma), problem.desired).sum()
    descent = -stepsize * torch.autograd.grad(total, soma)[0]
    jacobian = jacobian_above(problem, layer)
    got = _apply(jacobian.mT, _apply(jacobian, moves[layer - 1]))
    return float((norm(got - descent) / norm(descent)).max())


def _scaled_errors(problem: Problem, plain: Updates, stepsize: float) -> list[float]:
    """200 linearised corrections take the decoders' own error, which the exact targets lack, to rounding."""
    scaled = scale_targets(
        problem.chain, problem.state, output_displacement=problem.displacement(stepsize), steps=200
    )
    again = scaled_update(problem.state, scaled)
    pairs = list(zip(again.forward, plain.forward, strict=True))[:-1]
    return [float((x - y).norm() / y.norm()) for x, y in pairs]


def _output_changes(problem: Problem) -> dict[str, Tensor]:
    """Δh_L when layer 2 alone learns by each rule, (B, n_L)."""
    target = problem.target(0.1)
    settled = relax_until_settled(problem.chain, problem.state, output_target=target, start="forward")
    targets = settled.targets
    if not bool(settled.converged.all()):  # a skewed A makes the way long, not its end another one
        targets = solve_output_iteration(problem.chain, problem.state, output_target=target).targets
    updates = {"dtp1": dtp1_update(problem.state, targets), "sgd": _descent(problem)}
    return {
        name: forward_pass(apply_updates(problem.chain, update, layers=[TURNED_LAYER]), problem.inputs).soma[
            -1
        ]
        - problem.state.soma[-1]
        for name, update in updates.items()
    }


def _descent(problem: Problem) -> Updates:
    """−β ∂L/∂W_l of every layer, (n_l, n_{l−1})."""
    steps = []
    for layer in range(1, problem.chain.depth + 1):
        back = _apply(jacobian_above(problem, layer).mT, problem.displacement(0.1))
        steps.append(back.T @ problem.state.presynaptic[layer - 1])
    return Updates(
        forward=tuple(steps), biases=tuple(torch.zeros_like(bias) for bias in problem.chain.biases)
    )


def _turned(chain: Autoencoders, turn: Tensor) -> Autoencoders:
    """The same function with A h_2 for h_2; entry 1 of W and entry 0 of Ω belong to layer 2."""
    forward, biases, decoders = list(chain.forward), list(chain.biases), list(chain.decoders)
    back = torch.linalg.inv(turn)
    forward[1], biases[1], forward[2] = turn @ forward[1], turn @ biases[1], forward[2] @ back
    decoders[0], decoders[1] = decoders[0] @ back, turn @ decoders[1]
    return attrs.evolve(chain, forward=forward, biases=biases, decoders=decoders)


def _apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (matrices @ vectors[:, :, None])[:, :, 0]


def _cosine(first: Tensor, second: Tensor) -> float:
    return float(((first * second).sum(1) / (norm(first) * norm(second))).mean())
