"""What a transconductor makes of a voltage, S(x) = R tanh(x/R), its slope and its inverse; knows nothing else."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def saturate(values: Tensor, limit: float) -> Tensor:
    """R tanh(x/R); x where R is infinite."""
    return limit * torch.tanh(values / limit) if math.isfinite(limit) else values


def saturation_slope(values: Tensor, limit: float) -> Tensor:
    """Its derivative."""
    return 1 - torch.tanh(values / limit) ** 2 if math.isfinite(limit) else torch.ones_like(values)


def unsaturate(values: Tensor, limit: float) -> Tensor:
    """The x of R tanh(x/R); infinite beyond R."""
    return limit * torch.atanh((values / limit).clamp(-1, 1)) if math.isfinite(limit) else values
