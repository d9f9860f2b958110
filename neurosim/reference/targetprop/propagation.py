"""Targets sent down once through the decoders, without any correction; knows no encoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.tensors import shaped


def propagate(autoencoders: Autoencoders, output_target: Any) -> tuple[Tensor, ...]:
    """τ_{l−1} = g_l(τ_l) from layer L down (section 3); gives τ_1..τ_L, each (B, n_l).

    The reconstruction error of every decoder adds to the target, and it does not vanish with β.
    output_target : τ_L, (B, n_L); DataError for another shape.
    """
    targets = [shaped(output_target, shape=(None, autoencoders.sizes[-1]), name="output_target")]
    for layer in range(autoencoders.depth, 1, -1):
        targets.append(autoencoders.decode(layer, targets[-1]))
    return tuple(reversed(targets))
