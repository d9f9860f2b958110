"""Whatever holds numbers becomes a tensor of the working precision and device; knows nothing of networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import DataError, SpecError

_DTYPE: ContextVar[torch.dtype] = ContextVar("working precision", default=torch.float64)


@contextmanager
def working_precision(dtype: torch.dtype) -> Iterator[None]:
    """Within it `double` gives this precision: float32 for training at a large scale, where it is enough.

    Raises
    ------
    SpecError : a type that cannot carry a network.
    """
    if dtype not in (torch.float64, torch.float32):
        raise SpecError(
            "no such precision", where="dtype", expected="torch.float64 or torch.float32", got=str(dtype)
        )
    token = _DTYPE.set(dtype)
    try:
        yield
    finally:
        _DTYPE.reset(token)


def double(values: Any) -> Tensor:
    """A float64 tensor on torch's default device; arrays are copied, so that nobody else can change it.

    With `torch.device("cuda")` around it everything so runs on the GPU. See `working_precision`, too.
    """
    device, dtype = torch.empty(0).device, _DTYPE.get()
    if isinstance(values, Tensor):
        return values.detach().to(device=device, dtype=dtype)
    return torch.tensor(np.asarray(values, dtype=np.float64), dtype=dtype, device=device)


def as_array(tensor: Tensor) -> NDArray[np.float64]:
    """The numbers of a tensor of any device as float64, copied."""
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float64)


def followed(values: Any) -> Tensor:
    """The values as `double` has them, but a tensor that is differentiated stays in its graph."""
    return values if isinstance(values, Tensor) and values.requires_grad else double(values)


def shaped(values: Any, *, shape: Sequence[int | None], name: str) -> Tensor:
    """The values as `double` has them; None in `shape` lets a length be anything.

    Raises
    ------
    DataError : another shape.
    """
    return _fitting(double(values), shape, name)


def shaped_and_followed(values: Any, *, shape: Sequence[int | None], name: str) -> Tensor:
    """The same as `followed` has them."""
    return _fitting(followed(values), shape, name)


def _fitting(tensor: Tensor, shape: Sequence[int | None], name: str) -> Tensor:
    fits = tensor.ndim == len(shape) and all(
        wanted is None or length == wanted for length, wanted in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise DataError(
            "has the wrong shape", where=name, expected=f"({wanted})", got=str(tuple(tensor.shape))
        )
    return tensor
