"""Losses, their gradients at the output, and the target the controller is given; knows no network."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from neurosim.errors import DataError, SpecError, nearest


def loss(name: str, output: Tensor, desired: Tensor) -> Tensor:
    """L(r_L, y) of each sample, (B,), for r_L and y (B, n_L); SpecError or DataError if they do not fit."""
    return _find(name, output, desired)[0](output, desired)


def loss_gradient(name: str, output: Tensor, desired: Tensor) -> Tensor:
    """∂L/∂r_L of each sample's own loss, (B, n_L): not divided by the batch."""
    return _find(name, output, desired)[1](output, desired)


def target(name: str, output: Tensor, desired: Tensor, stepsize: float) -> Tensor:
    """r_L* = r_L⁻ − λ ∂L/∂r_L (eq. 3), (B, n_L), with λ = `stepsize` per sample."""
    return output - stepsize * loss_gradient(name, output, desired)


def _softmax_cross_entropy(output: Tensor, desired: Tensor) -> Tensor:
    below = output - output.amax(1, keepdim=True)
    return (desired * (below.exp().sum(1, keepdim=True).log() - below)).sum(1)


def _softmax_cross_entropy_gradient(output: Tensor, desired: Tensor) -> Tensor:
    # Σy is 1 for labels; written out it is the gradient for any y.
    powers = (output - output.amax(1, keepdim=True)).exp()
    return powers / powers.sum(1, keepdim=True) * desired.sum(1, keepdim=True) - desired


def _squared_error(output: Tensor, desired: Tensor) -> Tensor:
    return 0.5 * ((output - desired) ** 2).sum(1)


def _squared_error_gradient(output: Tensor, desired: Tensor) -> Tensor:
    return output - desired


Pair = Callable[[Tensor, Tensor], Tensor]
_TABLE: dict[str, tuple[Pair, Pair]] = {
    "softmax_cross_entropy": (_softmax_cross_entropy, _softmax_cross_entropy_gradient),
    "squared_error": (_squared_error, _squared_error_gradient),
}


def _find(name: str, output: Tensor, desired: Tensor) -> tuple[Pair, Pair]:
    if name not in _TABLE:
        raise SpecError(
            f'unknown loss "{name}"', expected="one of " + ", ".join(_TABLE), remedy=nearest(name, _TABLE)
        )
    if output.ndim != 2 or output.shape != desired.shape:
        raise DataError(
            "output and desired output differ in shape",
            where="loss",
            expected=f"both (B, n_L), as the output {tuple(output.shape)}",
            got=str(tuple(desired.shape)),
        )
    return _TABLE[name]
