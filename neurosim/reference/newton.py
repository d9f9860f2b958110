"""The root of a batch of systems by Newton's method with backtracking; knows neither networks nor circuits."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch
from torch import Tensor

_HALVINGS = 12
"""After so many a sample counts as stuck. Chosen."""
_LEAST_DECREASE = 1e-4
"""Armijo's constant of the line search."""


@attrs.frozen(kw_only=True, eq=False)
class System:
    """F(z) = 0 of B samples with r unknowns each."""

    value: Callable[[Tensor], Tensor]
    """F, (B, r), of z (B, r)."""
    slope: Callable[[Tensor], Tensor]
    """∂F/∂z, (B, r, r), or (1, r, r) where it is the same for all samples."""
    error: Callable[[Tensor], Tensor]
    """How far from solved each sample is, relative to what rounding could tell, (B,)."""


@attrs.frozen(kw_only=True, eq=False)
class Root:
    """The last point of each sample."""

    point: Tensor
    """z, (B, r)."""
    residual: Tensor
    """max |F(z)|, (B,)."""
    converged: Tensor
    """Whether its error is at most the tolerance, (B,) bool."""
    iterations: int
    """Steps of the slowest sample."""


def find_root(
    system: System, start: Tensor, *, tolerance: float, max_iterations: int, polish: bool = False
) -> Root:
    """z with an error of at most the tolerance, nearest in Newton's sense to the start (B, r).

    A sample whose steps do not help any more, as where ∂F/∂z is singular, is left where it is and marked.
    polish : one full step more where it lowers |F|; from anywhere below the tolerance it ends at rounding.
    """
    point = start
    stuck = torch.zeros(len(point), dtype=torch.bool)
    solved = system.error(point) <= tolerance
    iterations = 0
    while iterations < max_iterations and not (stuck | solved).all():
        value = system.value(point)
        direction, usable = _direction(system.slope(point), value)
        size = _step_size(system, point, value, direction, usable & ~stuck & ~solved)
        stuck |= ~solved & (size == 0)
        point = point + size[:, None] * direction
        solved = system.error(point) <= tolerance
        iterations += 1
    if polish:
        point = _polish(system, point)
        solved = system.error(point) <= tolerance
    residual = system.value(point).abs().amax(1)
    return Root(point=point, residual=residual, converged=solved, iterations=iterations)


def _polish(system: System, point: Tensor) -> Tensor:
    value = system.value(point)
    direction, _ = _direction(system.slope(point), value)
    after = system.value(point + direction)
    better = after.abs().amax(1) < value.abs().amax(1)
    return torch.where(better[:, None], point + direction, point)


def _direction(slope: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """d with slope d = −value, (B, r), and for which samples there is one, (B,); 0 where there is none."""
    if len(slope) == 1:
        columns, singular = torch.linalg.solve_ex(slope[0], -value.T)
        direction = columns.T
    else:
        columns, singular = torch.linalg.solve_ex(slope, -value[:, :, None])
        direction = columns[:, :, 0]
    usable = (singular == 0) & torch.isfinite(direction).all(1)
    return torch.where(usable[:, None], direction, 0.0), usable


def _step_size(system: System, point: Tensor, value: Tensor, direction: Tensor, active: Tensor) -> Tensor:
    """What part of its step each active sample takes, halved until |F| falls; 0 if it never does, (B,)."""
    before = torch.linalg.vector_norm(value, dim=1)
    size = active.to(value.dtype)
    for _ in range(_HALVINGS):
        after = torch.linalg.vector_norm(system.value(point + size[:, None] * direction), dim=1)
        rejected = active & ~(after <= (1.0 - _LEAST_DECREASE * size) * before)
        if not rejected.any():
            return size
        size = torch.where(rejected, 0.5 * size, size)
    return torch.where(rejected, 0.0, size)
