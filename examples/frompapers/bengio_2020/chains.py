"""Layers to invert, decoders of any quality for them, and a target to invert; knows no iteration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from neurosim.reference.targetprop import (
    Autoencoders,
    ForwardPass,
    fit_decoders,
    forward_pass,
    output_displacement,
    solve_output_iteration,
)

LOSS = "squared_error"
GAINS = (0.7, 1.4)
"""Least and largest singular value of W: inverses exist, and J_lᵀJ_l is not I. Chosen."""
INPUT_SIZE, SAMPLES = 0.3, 400
"""Inputs are uniform within ±0.3, where tanh bends a little; so many fit the decoders. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class Problem:
    """A chain at rest on some inputs, and the output that is wanted; B samples, L layers."""

    chain: Autoencoders
    inputs: Tensor
    """x, (B, n_0)."""
    state: ForwardPass
    """h_l, (B, n_l)."""
    desired: Tensor
    """y, (B, n_L), at distance 1 from h_L."""

    def displacement(self, stepsize: float) -> Tensor:
        """τ_L − h_L = −β ∂L/∂h_L, (B, n_L), of L = ½‖h_L − y‖²."""
        return output_displacement(self.chain, self.state, desired=self.desired, loss=LOSS, stepsize=stepsize)

    def target(self, stepsize: float) -> Tensor:
        """τ_L, (B, n_L)."""
        return self.state.soma[-1] + self.displacement(stepsize)

    def exact(self, stepsize: float) -> tuple[Tensor, ...]:
        """τ_1..τ_L with f_l(τ_{l−1}) = τ_l to rounding, by Newton's method; (B, n_l) each."""
        return solve_output_iteration(
            self.chain, self.state, output_target=self.target(stepsize), start="forward"
        ).targets


def make_problem(
    seed: int,
    *,
    sizes: Sequence[int] = (20,) * 5,
    hidden: str = "tanh",
    spoilt: float = 0.0,
    batch: int = 8,
) -> Problem:
    """Random layers n_0, …, n_L with fitted decoders Ω_l, to which spoilt·N(0, 1/n) is added."""
    draw = torch.Generator().manual_seed(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    forward = [near_orthogonal(draw, *shape) for shape in shapes]
    biases = [0.05 * normal(draw, n) for n in sizes[1:]]
    samples = INPUT_SIZE * (2.0 * torch.rand(SAMPLES, sizes[0], generator=draw, dtype=torch.float64) - 1.0)
    fitted = fit_decoders(forward=forward, biases=biases, inputs=samples, hidden=hidden)
    decoders = [d + spoilt / math.sqrt(d.shape[1]) * normal(draw, *d.shape) for d in fitted.decoders]
    chain = attrs.evolve(fitted, decoders=decoders)
    state = forward_pass(chain, samples[:batch])
    away = normal(draw, *state.output.shape)
    return Problem(
        chain=chain,
        inputs=samples[:batch],
        state=state,
        desired=state.output + away / norm(away)[:, None],
    )


def near_orthogonal(draw: torch.Generator, m: int, n: int) -> Tensor:
    """(m, n) with random directions and singular values spread over `GAINS`."""
    left, _, right = torch.linalg.svd(normal(draw, m, n), full_matrices=False)
    values = GAINS[0] + (GAINS[1] - GAINS[0]) * torch.rand(min(m, n), generator=draw, dtype=torch.float64)
    return left @ torch.diag(values) @ right


def normal(draw: torch.Generator, *shape: int) -> Tensor:
    """Independent standard normals."""
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def norm(vectors: Tensor) -> Tensor:
    """Euclidean length along the last axis."""
    return torch.linalg.vector_norm(vectors, dim=-1)


def jacobian_above(problem: Problem, layer: int) -> Tensor:
    """J_l = ∂h_L/∂h_l, (B, n_L, n_l): the product of the encoders' slopes above layer l."""
    soma = problem.state.soma
    product = torch.eye(soma[layer - 1].shape[1], dtype=torch.float64).expand(len(soma[0]), -1, -1)
    for above in range(layer + 1, problem.chain.depth + 1):
        product = problem.chain.encoder_slope(above, soma[above - 2]) @ product
    return product


def run_above(chain: Autoencoders, layer: int, soma: Tensor) -> Tensor:
    """h_L, (B, n_L), when h_l is `soma`, (B, n_l)."""
    for above in range(layer + 1, chain.depth + 1):
        soma = chain.encode(above, soma)
    return soma
