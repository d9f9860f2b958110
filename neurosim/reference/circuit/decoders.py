"""How decoders learn to be auto-encoders of neighbouring layers; knows no target and no dynamics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.reference.activations import phi
from neurosim.reference.circuit.assembly import AssembledCircuit


def decoder_change(assembled: AssembledCircuit, soma: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """ΔΩ_l = ⟨(v_{l−1} − Ω_l σ(v_l)) σ(v_l)ᵀ/‖σ(v_l)‖⟩, l = 2..L, without a learning rate.

    Source: Bengio 2020, section 8, Algorithm.
    The chip reads Ω through its gains, and so does its error. A layer that says nothing teaches nothing.
    soma : v_1..v_L, (B, n_l).
    """
    changes = []
    for decoder, below, above in zip(assembled.feedback, soma[:-1], soma[1:], strict=True):
        seen = phi(assembled.hidden, above)
        norm = torch.linalg.vector_norm(seen, dim=1, keepdim=True)
        direction = torch.where(norm > 0, seen / torch.where(norm > 0, norm, 1.0), 0.0)
        changes.append((below - seen @ decoder.T).T @ direction / len(below))
    return tuple(changes)
