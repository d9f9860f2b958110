"""The forward pass and what the loss asks of the output layer; knows no decoder."""

from __future__ import annotations

import math
from typing import Any

import attrs
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targets import loss_gradient
from neurosim.reference.tensors import shaped


@attrs.frozen(kw_only=True, eq=False)
class ForwardPass:
    """The state that the encoders alone lead to; entry 0 of each tuple belongs to layer 1."""

    soma: tuple[Tensor, ...]
    """h_l, (B, n_l)."""
    presynaptic: tuple[Tensor, ...]
    """What the weights W_l act on, (B, n_{l−1}): x for layer 1, σ(h_{l−1}) above."""
    output: Tensor
    """r_L = φ_L(h_L), (B, n_L)."""


def forward_pass(autoencoders: Autoencoders, inputs: Any) -> ForwardPass:
    """h_l = f_l(h_{l−1}) from layer 1 up (section 2). inputs : x, (B, n_0); DataError for another shape."""
    below = shaped(inputs, shape=(None, autoencoders.sizes[0]), name="inputs")
    soma, presynaptic = [], []
    for layer in range(1, autoencoders.depth + 1):
        presynaptic.append(below if layer == 1 else phi(autoencoders.hidden, below))
        below = autoencoders.encode(layer, below)
        soma.append(below)
    return ForwardPass(
        soma=tuple(soma), presynaptic=tuple(presynaptic), output=phi(autoencoders.output, below)
    )


def output_displacement(
    autoencoders: Autoencoders, state: ForwardPass, *, desired: Any, loss: str, stepsize: float
) -> Tensor:
    """τ_L − h_L = −β ∂L/∂h_L = −β φ_L'(h_L) ∂L/∂r_L of each sample's own loss, (B, n_L) (section 3).

    Taken for itself it keeps all its digits however small β = `stepsize` is.
    desired : what r_L should be, (B, n_L). loss : a name of `neurosim.reference.targets`.

    Raises
    ------
    SpecError : an unknown loss, or β negative or not finite.
    DataError : desired of another shape.
    """
    if not (math.isfinite(stepsize) and stepsize >= 0):
        raise SpecError(
            "is no step against the gradient",
            where="stepsize",
            expected="a finite number, 0 (no target) or above",
            got=str(stepsize),
            remedy="take a small positive number such as 0.01",
        )
    wanted = shaped(desired, shape=tuple(state.output.shape), name="desired")
    slope = phi_prime(autoencoders.output, state.soma[-1])
    return -stepsize * slope * loss_gradient(loss, state.output, wanted)


def output_target(
    autoencoders: Autoencoders, state: ForwardPass, *, desired: Any, loss: str, stepsize: float
) -> Tensor:
    """τ_L = h_L − β ∂L/∂h_L, (B, n_L); arguments and errors as for `output_displacement`."""
    moved = output_displacement(autoencoders, state, desired=desired, loss=loss, stepsize=stepsize)
    return state.soma[-1] + moved
