"""Random pairs of layers and chains for the tests of dynamic inversion."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.reference.inversion import Pair

Complex = np.ndarray[Any, np.dtype[np.complex128]]

SHAPES = ((4, 7), (6, 6), (7, 4))
"""(n_l, n_{l−1}) of a contracting, a square and an expanding layer."""


def normal(draw: np.random.Generator, *shape: int, size: float = 1.0) -> Tensor:
    return torch.tensor(size * draw.standard_normal(shape))


def make_pair(draw: np.random.Generator, shape: tuple[int, int], **settings: Any) -> Pair:
    """B = −Wᵀ with as much of noise: most are stable, and eigenvalues are complex."""
    w = normal(draw, *shape, size=shape[1] ** -0.5)
    b = -w.T + normal(draw, *shape[::-1], size=shape[1] ** -0.5)
    return Pair(forward=w, feedback=b, **settings)


def gain_pair(gain: float, **settings: Any) -> Pair:
    """One unit in each layer, WB = −gain."""
    root = abs(gain) ** 0.5
    return Pair(forward=[[root]], feedback=[[-np.sign(gain) * root]], **settings)


def farthest_match(first: Complex, second: Complex) -> float:
    """The largest distance when each number of one set is paired with the nearest one left in the other."""
    left = list(second)
    assert len(first) == len(left)
    return max(abs(x - left.pop(int(np.argmin(np.abs(np.array(left) - x))))) for x in first)


def degrees(first: Tensor, second: Tensor) -> Tensor:
    """The angle of each sample's vectors, (B,)."""
    x, y = (v / torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (first, second))
    apart, together = (torch.linalg.vector_norm(v, dim=1) for v in (x - y, x + y))
    return torch.rad2deg(2.0 * torch.atan2(apart, together))
