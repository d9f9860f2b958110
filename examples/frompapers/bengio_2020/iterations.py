"""How fast the corrections converge (sections 5, 6 and 9 of the paper); knows no weight change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, pairwise

import numpy as np
import torch
from torch import Tensor

from bengio_2020.chains import Problem, make_problem, norm
from neurosim.reference.targetprop import (
    Autoencoders,
    decoder_inputs,
    propagate,
    propagate_corrected,
    relax,
    relax_once,
    relax_until_settled,
    relaxation,
)

STEPSIZE = 0.1
"""β. Chosen: small enough for targets near h, large enough to see nonlinearity."""
SPOILT = (0.0, 0.15, 0.3, 0.6)
"""Noise on the fitted decoders of panels A and B; with the last one α is above 1."""
SPOILT_SWEEP = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4)
"""The same for panel D."""
ACCURACY = 1e-6
"""How near the exact target counts as there, over ‖τ_l − h_l‖. Chosen."""

Arrays = dict[str, np.ndarray]


def measure_contraction(seed: int, *, steps: int) -> Arrays:
    """‖ε_t‖ of both iterations of the layer below the output, and the α and ρ that belong to them.

    input_moves, output_moves : (qualities, steps), the largest of 8 samples.
    input_alpha, output_alpha : (qualities,), the Lipschitz constant of f∘g − id or id − g∘f on the way.
    input_radius, output_radius : (qualities,), the spectral radius of its Jacobian where the way ends.
    """
    found: dict[str, list[object]] = {}
    for spoilt in SPOILT:
        problem = make_problem(seed, spoilt=spoilt)
        for side, path, slope in (
            ("input", _input_path(problem, steps), _reverse_slope(problem.chain)),
            ("output", _output_path(problem, steps), _regular_slope(problem.chain)),
        ):
            moves = [float(norm(after - before).max()) for before, after in pairwise(path)]
            found.setdefault(f"{side}_moves", []).append(moves)
            found.setdefault(f"{side}_alpha", []).append(_lipschitz(slope, path))
            found.setdefault(f"{side}_radius", []).append(_radius(slope(path[-1])))
    return {name: np.array(values) for name, values in found.items()}


def measure_schedules(seed: int, *, steps: int, spoilt: float = 0.15) -> Arrays:
    """Error of each layer's target over steps, all layers at once and one layer after the other.

    Errors are ‖τ_l − exact‖/‖exact − h_l‖, the root mean square of both over the samples.
    together : (steps + 1, L − 1), layers 1..L − 1. together_steps : until all are within `ACCURACY`.
    in_turn : (L − 1, steps + 1), the top layer first, each of K steps, the least K that gets all there; then NaN.
    in_turn_steps : (L − 1) K. Both counts are NaN if so many steps are not enough.
    """
    problem = make_problem(seed, spoilt=spoilt)
    exact = problem.exact(STEPSIZE)
    target = problem.target(STEPSIZE)
    path = islice(relaxation(problem.chain, problem.state, output_target=target), steps + 1)
    together = np.array([_errors(problem, targets, exact) for targets in path])
    there = np.flatnonzero((together <= ACCURACY).all(1))
    turns, count = np.full((problem.chain.depth - 1, steps + 1), np.nan), np.nan
    for each in range(1, steps + 1):
        rows = _in_turn(problem, exact, steps=each)
        if (rows[:, -1] <= ACCURACY).all():
            turns[:, : each + 1], count = rows, len(rows) * each
            break
    return {
        "together": together,
        "together_steps": np.array(there[0] if len(there) else np.nan, dtype=float),
        "in_turn": turns,
        "in_turn_steps": np.array(count, dtype=float),
    }


def measure_corrections(seed: int) -> Arrays:
    """Error of τ_1 after each kind of correction, and the worst layer's α, for decoders of falling quality.

    Each (qualities,): alpha, none, one_shot, one_step, five_steps, converged.
    """
    found: dict[str, list[float]] = {}
    for spoilt in SPOILT_SWEEP:
        problem = make_problem(seed, spoilt=spoilt)
        chain, target, exact = problem.chain, problem.target(STEPSIZE), problem.exact(STEPSIZE)
        targets = {
            "none": propagate(chain, target),
            "one_shot": propagate_corrected(chain, target, steps=0, one_shot=True),
            "one_step": relax(chain, problem.state, output_target=target, steps=1),
            "five_steps": relax(chain, problem.state, output_target=target, steps=5),
            "converged": relax_until_settled(
                chain, problem.state, output_target=target, max_steps=500
            ).targets,
        }
        for name, values in targets.items():
            found.setdefault(name, []).append(float(_errors(problem, values, exact)[0]))
        slopes = [_regular_slope(chain, layer)(exact[layer - 2]) for layer in range(2, chain.depth + 1)]
        found.setdefault("alpha", []).append(max(_largest_gain(slope) for slope in slopes))
    return {name: np.array(values) for name, values in found.items()}


def _input_path(problem: Problem, steps: int) -> list[Tensor]:
    top = problem.chain.depth
    return list(islice(decoder_inputs(problem.chain, top, target=problem.target(STEPSIZE)), steps + 1))


def _output_path(problem: Problem, steps: int) -> list[Tensor]:
    path = relaxation(problem.chain, problem.state, output_target=problem.target(STEPSIZE))
    return [targets[-2] for targets in islice(path, steps + 1)]


def _reverse_slope(chain: Autoencoders) -> Callable[[Tensor], Tensor]:
    """∂(f∘g − id)/∂u of the top layer, (B, n, n)."""
    top = chain.depth

    def slope(u: Tensor) -> Tensor:
        product = chain.encoder_slope(top, chain.decode(top, u)) @ chain.decoder_slope(top, u)
        return product - torch.eye(u.shape[1], dtype=u.dtype)

    return slope


def _regular_slope(chain: Autoencoders, layer: int | None = None) -> Callable[[Tensor], Tensor]:
    """∂(id − g∘f)/∂τ_{l−1}, (B, n, n); of the top layer unless told."""
    chosen = layer or chain.depth

    def slope(below: Tensor) -> Tensor:
        product = chain.decoder_slope(chosen, chain.encode(chosen, below)) @ chain.encoder_slope(
            chosen, below
        )
        return torch.eye(below.shape[1], dtype=below.dtype) - product

    return slope


def _lipschitz(slope: Callable[[Tensor], Tensor], path: Sequence[Tensor]) -> float:
    """The largest gain of the slope at four Gauss points of each piece of the way.

    A move of the iteration is the last one times the mean slope between its ends, so this bounds it.
    """
    nodes = 0.5 + 0.5 * np.polynomial.legendre.leggauss(4)[0]
    return max(
        _largest_gain(slope(before + node * (after - before)))
        for before, after in pairwise(path)
        for node in nodes
    )


def _largest_gain(slopes: Tensor) -> float:
    return float(torch.linalg.matrix_norm(slopes, ord=2).max())


def _radius(slopes: Tensor) -> float:
    return float(torch.linalg.eigvals(slopes).abs().max())


def _errors(problem: Problem, targets: Sequence[Tensor], exact: Sequence[Tensor]) -> np.ndarray:
    hidden = list(zip(targets, exact, problem.state.soma, strict=True))[:-1]
    return np.array([float(torch.sqrt(((t - e) ** 2).sum() / ((e - h) ** 2).sum())) for t, e, h in hidden])


def _in_turn(problem: Problem, exact: Sequence[Tensor], *, steps: int) -> np.ndarray:
    """Layer L − 1 relaxes for so many steps, then layer L − 2 from what it is given, …; (L − 1, steps + 1)."""
    chain, targets = problem.chain, [*problem.state.soma[:-1], problem.target(STEPSIZE)]
    rows = []
    for layer in range(chain.depth - 1, 0, -1):
        targets[layer - 1] = chain.decode(layer + 1, targets[layer])
        row = [_errors(problem, targets, exact)[layer - 1]]
        for _ in range(steps):
            # all layers move in `relax_once`; the others have had their turn, or wait for it
            targets[layer - 1] = relax_once(chain, targets)[layer - 1]
            row.append(_errors(problem, targets, exact)[layer - 1])
        rows.append(row)
    return np.array(rows)
