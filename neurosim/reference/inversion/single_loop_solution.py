"""Where the nonlinear single loop rests, by Newton's method in u; knows no time."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.inversion.single_loop import LoopState, SingleLoop, at_rest
from neurosim.reference.tensors import shaped

_HALVINGS = 30
"""After so many a sample counts as stuck. Chosen."""
_LEAST_DECREASE = 1e-4
"""Armijo's constant of the line search."""
_LARGEST_SURPRISE = 0.3
"""By how much, over the residual, a followed step may miss what the linearised loop foretells. Chosen."""
_LENGTHEN, _SHORTEN = 0.4, 4.0
"""Factors on the shift after a good and a bad step. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class LoopSolution:
    """The root of the equations of the loop."""

    state: LoopState
    residual: Tensor
    """Largest entry of −αu + W_L φ(δ_{L−1}) − δ_L, (B,)."""
    converged: Tensor
    """Whether the residual fell below the tolerance, (B,) bool."""
    iterations: int
    """Steps of both ways, by the slowest sample."""


def solve_steady_state(
    loop: SingleLoop, delta: Any, *, tolerance: float = 1e-12, max_iterations: int = 100
) -> LoopSolution:
    """0 = −αu + W_L φ(δ_{L−1}(u)) − δ_L for u, with δ_1 = Bu, δ_l = W_l φ(δ_{l−1}); starts at u = 0.

    delta : δ_L, (B, n_L); the tolerance is relative to its largest entry. Backtracking Newton with the
    analytic Jacobian, and where that gets stuck the way of a slow controller, from u = 0 again;
    max_iterations holds for each. A sample that does not converge is marked, not raised: far from small δ_L
    there can be several roots, and for α = 0 none, since a bounded φ does not reach every δ_L. A root need
    not be stable; see `chain_matrix`.

    Raises
    ------
    DataError : delta of the wrong shape.
    """
    error = shaped(delta, shape=(None, loop.sizes[-1]), name="delta")
    goal = tolerance * error.abs().amax(1)
    control, newton_steps = _solve_by_newton(loop, error, goal, max_iterations)
    control, later_steps = _follow_integrator(loop, control, error, goal, max_iterations)
    missed = _residual(loop, control, error).abs().amax(1)
    return LoopSolution(
        state=at_rest(loop, control),
        residual=missed,
        converged=missed <= goal,
        iterations=newton_steps + later_steps,
    )


def _solve_by_newton(
    loop: SingleLoop, error: Tensor, goal: Tensor, max_iterations: int
) -> tuple[Tensor, int]:
    """From u = 0; samples that find no smaller residual along their direction are left unsolved."""
    control = torch.zeros_like(error)
    stuck = torch.zeros(len(error), dtype=torch.bool)
    residual = _residual(loop, control, error)
    for iteration in range(max_iterations):
        active = ~stuck & ~(residual.abs().amax(1) <= goal)
        if not active.any():
            return control, iteration
        direction = _direction(_jacobian(loop, control), residual)
        size = _step_size(loop, control, residual, direction, active, error)
        stuck |= active & (size == 0)
        control = control + size[:, None] * direction
        residual = _residual(loop, control, error)
    return control, max_iterations


def _follow_integrator(
    loop: SingleLoop, control: Tensor, error: Tensor, goal: Tensor, max_iterations: int
) -> tuple[Tensor, int]:
    """Unsolved samples start again from u = 0 along du/dt = F(u), in implicit steps of length 1/shift.

    The steps grow while the linearised loop foretells them well, and so end as Newton's.
    """
    unsolved = ~(_residual(loop, control, error).abs().amax(1) <= goal)
    if not unsolved.any():
        return control, 0
    control = torch.where(unsolved[:, None], 0.0, control)
    residual = _residual(loop, control, error)
    shift = _jacobian(loop, control).abs().amax((1, 2))
    identity = torch.eye(control.shape[1], dtype=control.dtype)
    for iteration in range(max_iterations):
        active = ~(residual.abs().amax(1) <= goal)
        if not active.any():
            return control, iteration
        system = shift[:, None, None] * identity - _jacobian(loop, control)
        step, _ = torch.linalg.solve_ex(system, residual[:, :, None])
        trial = control + active[:, None] * step[:, :, 0]
        after = _residual(loop, trial, error)
        # Linearised, the residual after the step is shift times the step.
        surprise = torch.linalg.vector_norm(after - shift[:, None] * step[:, :, 0], dim=1)
        good = active & (surprise <= _LARGEST_SURPRISE * torch.linalg.vector_norm(residual, dim=1))
        control = torch.where(good[:, None], trial, control)
        residual = torch.where(good[:, None], after, residual)
        shift = torch.where(good, _LENGTHEN * shift, _SHORTEN * shift)
    return control, max_iterations


def _residual(loop: SingleLoop, control: Tensor, error: Tensor) -> Tensor:
    """(B, n_L)."""
    last = at_rest(loop, control).deltas[-1]
    return phi(loop.activation, last) @ loop.forward[-1].T - loop.leak * control - error


def _jacobian(loop: SingleLoop, control: Tensor) -> Tensor:
    """−αI + W_L D_{L−1} W_{L−1} ⋯ D_1 B with D_l = diag φ'(δ_l), (B, n_L, n_L)."""
    carried = loop.feedback
    for matrix, delta in zip(loop.forward, at_rest(loop, control).deltas, strict=True):
        carried = matrix @ (phi_prime(loop.activation, delta)[:, :, None] * carried)
    return carried - loop.leak * torch.eye(control.shape[1], dtype=control.dtype)


def _direction(jacobian: Tensor, residual: Tensor) -> Tensor:
    """−J⁻¹F; where J is singular the way the integrator itself would go."""
    solution, singular = torch.linalg.solve_ex(jacobian, -residual[:, :, None])
    direction = solution[:, :, 0]
    usable = (singular == 0) & torch.isfinite(direction).all(1)
    return torch.where(usable[:, None], direction, residual)


def _step_size(
    loop: SingleLoop, control: Tensor, residual: Tensor, direction: Tensor, active: Tensor, error: Tensor
) -> Tensor:
    """What part of its step each active sample takes, halved until it helps; 0 if it never does, (B,)."""
    before = torch.linalg.vector_norm(residual, dim=1)
    size = active.to(control.dtype)
    for _ in range(_HALVINGS):
        after = torch.linalg.vector_norm(_residual(loop, control + size[:, None] * direction, error), dim=1)
        rejected = active & ~(after <= (1.0 - _LEAST_DECREASE * size) * before)
        if not rejected.any():
            return size
        size = torch.where(rejected, 0.5 * size, size)
    return torch.where(rejected, torch.zeros_like(size), size)
