"""Draws of mismatch: independent from device to device, or alike among neighbours of a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hardware_models.process import Process

Array = NDArray[np.float64]


def neighbours_alike(process: Process) -> float:
    """Correlation of two neighbours, exp(−pitch/ℓ); 0 where ℓ is 0."""
    length = float(process.correlation_length)
    return float(np.exp(-float(process.pitch) / length)) if length > 0 else 0.0


def draw_normals(shape: tuple[int, ...], generator: np.random.Generator, *, alike: float = 0.0) -> Array:
    """Standard normals with corr = alike^|Δ| along every axis of a block, each a first-order recursion.

    x_0 = z_0,  x_i = a x_{i−1} + √(1 − a²) z_i: the variance is 1 everywhere.
    """
    drawn = generator.standard_normal(shape)
    if alike == 0:
        return drawn
    for axis in range(len(shape)):
        moved = np.moveaxis(drawn, axis, 0)  # a view
        fresh = np.sqrt(1 - alike**2)
        for i in range(1, len(moved)):
            moved[i] = alike * moved[i - 1] + fresh * moved[i]
    return drawn
