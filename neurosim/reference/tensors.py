"""Whatever holds numbers becomes a float64 tensor of a checked shape; knows nothing of networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.errors import DataError


def double(values: Any) -> Tensor:
    """A float64 tensor on the CPU; arrays are copied, so that nobody else can change it."""
    if isinstance(values, Tensor):
        return values.detach().to(device="cpu", dtype=torch.float64)
    return torch.tensor(np.asarray(values, dtype=np.float64))


def shaped(values: Any, *, shape: Sequence[int | None], name: str) -> Tensor:
    """The values as a float64 tensor; None in `shape` lets a length be anything.

    Raises
    ------
    DataError : another shape.
    """
    tensor = double(values)
    fits = tensor.ndim == len(shape) and all(
        wanted is None or length == wanted for length, wanted in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise DataError(
            "has the wrong shape", where=name, expected=f"({wanted})", got=str(tuple(tensor.shape))
        )
    return tensor
