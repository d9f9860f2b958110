"""Decoders in closed form, by least squares over samples; knows no learning rule and no target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.activations import phi
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.decoders import check_samples
from neurosim.reference.targetprop.forward import forward_pass


def fit_decoders(
    *,
    forward: Sequence[Any],
    biases: Sequence[Any],
    inputs: Any,
    hidden: str = "tanh",
    output: str = "linear",
    ridge: float = 0.0,
    weighted: bool = False,
    centred: bool = False,
) -> Autoencoders:
    """Ω_l = ⟨w h_{l−1} σ(h_l)ᵀ⟩ (⟨w σ(h_l) σ(h_l)ᵀ⟩ + ridge·I)^-1 over the inputs, for layers 2..L.

    The least w-weighted squared reconstruction error of section 10. Without a ridge and with too few samples
    it is the decoder of least norm.

    inputs : x, (B, n_0). weighted : w = 1/‖σ(h_l)‖ as the local rule has it, else 1.
    centred : h_{l−1} and σ(h_l) less their means. g_l then has an offset, but its slope undoes that of f_l,
        which is all that the output-side iteration from "forward" needs. A decoder has no bias: with
        σ(0) ≠ 0 the plain fit spends a direction on the mean, and nothing contracts along it.

    Raises
    ------
    SpecError : a negative ridge, or weights that do not fit. DataError : inputs of another shape, or none.
    """
    if not (math.isfinite(ridge) and ridge >= 0):
        raise SpecError("is not a ridge", where="ridge", expected="0 or above, finite", got=str(ridge))
    blank = [torch.zeros(torch.as_tensor(weights).shape[::-1]) for weights in forward[1:]]
    empty = Autoencoders(forward=forward, biases=biases, decoders=blank, hidden=hidden, output=output)
    state = forward_pass(empty, inputs)
    check_samples(len(state.output))
    decoders = []
    for below, soma in zip(state.soma[:-1], state.soma[1:], strict=True):
        rate = phi(hidden, soma)
        weight = _weights(rate) if weighted else torch.ones(len(rate), 1, dtype=rate.dtype)
        if centred:
            below, rate = (x - (weight * x).sum(0) / weight.sum() for x in (below, rate))
        decoders.append(_regress(weight.sqrt() * rate, weight.sqrt() * below, ridge=ridge).T)
    return attrs.evolve(empty, decoders=decoders)


def _weights(rate: Tensor) -> Tensor:
    """1/‖σ‖, (B, 1); 0 for a silent sample, of which the rule learns nothing."""
    norm = torch.linalg.vector_norm(rate, dim=1, keepdim=True)
    return torch.where(norm > 0, 1.0 / norm, 0.0)


def _regress(source: Tensor, wanted: Tensor, *, ridge: float) -> Tensor:
    """X of least ⟨‖source X − wanted‖²⟩ + ridge‖X‖², (n_source, n_wanted)."""
    left, values, right = torch.linalg.svd(source, full_matrices=False)
    kept = values > values.amax() * max(source.shape) * torch.finfo(source.dtype).eps  # numerical rank
    values = torch.where(kept, values, 1.0)
    gains = torch.where(kept, values / (values**2 + len(source) * ridge), 0.0)
    return right.T @ (gains[:, None] * (left.T @ wanted))
