"""The root of a batch of square systems by Newton's method with backtracking; knows no network."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch
from torch import Tensor

Linearised = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Maps z (B, r) to F(z) (B, r) and ∂F/∂z (B, r, r)."""

_HALVINGS = 12
"""After so many a sample counts as stuck. Chosen."""
_LEAST_DECREASE = 1e-4
"""Armijo's constant of the line search."""


@attrs.frozen(kw_only=True, eq=False)
class Root:
    """Where F(z) is smallest of all points tried."""

    point: Tensor
    """z, (B, r)."""
    residual: Tensor
    """max |F(z)|, (B,)."""
    converged: Tensor
    """Whether the residual is at most the goal, (B,) bool."""
    iterations: int
    """Steps of the slowest sample."""


def find_root(function: Linearised, start: Tensor, *, goal: Tensor, max_iterations: int) -> Root:
    """z with |F(z)| ≤ goal, nearest in Newton's sense to the start. start (B, r), goal (B,).

    A sample whose steps do not help any more, as where ∂F/∂z is singular, is left and marked.
    """
    point = start
    value, slope = function(point)
    stuck = torch.zeros(len(point), dtype=torch.bool)
    iterations = 0
    while iterations < max_iterations:
        active = ~stuck & ~(value.abs().amax(1) <= goal)
        if not active.any():
            break
        solution, singular = torch.linalg.solve_ex(slope, -value[:, :, None])
        direction = solution[:, :, 0]
        usable = active & (singular == 0) & torch.isfinite(direction).all(1)
        size = _step_size(function, point, value, torch.where(usable[:, None], direction, 0.0), usable)
        stuck |= active & (size == 0)
        point = torch.where((size > 0)[:, None], point + size[:, None] * direction, point)
        value, slope = function(point)
        iterations += 1
    point, value = _polish(function, point, value, slope)
    residual = value.abs().amax(1)
    return Root(point=point, residual=residual, converged=residual <= goal, iterations=iterations)


def _polish(function: Linearised, point: Tensor, value: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """One full step more where it lowers |F|: from anywhere below the goal it ends at rounding."""
    solution, _ = torch.linalg.solve_ex(slope, -value[:, :, None])
    trial = point + torch.nan_to_num(solution[:, :, 0])
    after, _ = function(trial)
    better = (after.abs().amax(1) < value.abs().amax(1))[:, None]
    return torch.where(better, trial, point), torch.where(better, after, value)


def _step_size(
    function: Linearised, point: Tensor, value: Tensor, direction: Tensor, usable: Tensor
) -> Tensor:
    """What part of its step each usable sample takes, halved until |F| falls; 0 if it never does, (B,)."""
    before = torch.linalg.vector_norm(value, dim=1)
    size = usable.to(value.dtype)
    for _ in range(_HALVINGS):
        after = torch.linalg.vector_norm(function(point + size[:, None] * direction)[0], dim=1)
        rejected = usable & ~(after <= (1.0 - _LEAST_DECREASE * size) * before)
        if not rejected.any():
            return size
        size = torch.where(rejected, 0.5 * size, size)
    return torch.where(rejected, torch.zeros_like(size), size)
