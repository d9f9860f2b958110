"""The nonlinearities φ and their derivatives, accurate to rounding for any argument; knows no network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neurosim.errors import SpecError, nearest


def phi(name: str, x: Tensor) -> Tensor:
    """φ(x), elementwise, any shape; SpecError for an unknown name."""
    return _find(name)[0](x)


def phi_prime(name: str, x: Tensor) -> Tensor:
    """φ'(x), elementwise, any shape; SpecError for an unknown name."""
    return _find(name)[1](x)


def _find(name: str) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    if name not in _TABLE:
        raise SpecError(
            f'unknown activation "{name}"',
            expected="one of " + ", ".join(_TABLE),
            remedy=nearest(name, _TABLE),
        )
    return _TABLE[name]


def _softplus(x: Tensor) -> Tensor:
    # torch's own softplus turns into the identity above 20, an error of 2e-9.
    return torch.logaddexp(x, torch.zeros_like(x))


def _sigmoid_prime(x: Tensor) -> Tensor:
    return torch.sigmoid(x) * torch.sigmoid(-x)  # s(1 − s) loses all digits for large x


def _tanh_prime(x: Tensor) -> Tensor:
    return 4.0 * _sigmoid_prime(2.0 * x)


_TABLE: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "tanh": (torch.tanh, _tanh_prime),
    "sigmoid": (torch.sigmoid, _sigmoid_prime),
    "softplus": (_softplus, torch.sigmoid),
    "linear": (torch.clone, torch.ones_like),
}
