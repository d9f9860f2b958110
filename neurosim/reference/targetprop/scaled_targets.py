"""Targets sent down as a direction of unit size and a scalar beside it; knows no nonlinear target."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.forward import ForwardPass
from neurosim.reference.targetprop.output_iteration import check_steps
from neurosim.reference.targetprop.weight_updates import displacement_update
from neurosim.reference.tensors import shaped
from neurosim.reference.updates import Updates


@attrs.frozen(kw_only=True, eq=False)
class ScaledTargets:
    """c_l Δ_l = τ_l − h_l with ‖Δ_l‖ = 1 in every layer 1..L, for β → 0 (section 10.4).

    Nothing that travels down gets small or large with β or with depth but the scalars.
    """

    directions: tuple[Tensor, ...]
    """Δ_l, (B, n_l), of norm 1; zero where there is nothing to say."""
    scalars: tuple[Tensor, ...]
    """c_l = ‖τ_l − h_l‖, (B,): the local learning rates of DTP1."""


def scale_targets(
    autoencoders: Autoencoders, state: ForwardPass, *, output_displacement: Any, steps: int = 0
) -> ScaledTargets:
    """Δ_{l−1} ∝ G_l Δ_l with G_l = ∂g_l/∂h_l at h_l, and c_{l−1} = c_l ‖G_l Δ_l‖, from layer L down.

    G_l is the decoder linearised: cG_lΔ is g_l(h_l + cΔ) − g_l(h_l) to first order. `steps` output-side
    corrections Δ ← Δ + G_l Δ_l − G_l F_l Δ with F_l = ∂f_l/∂h_{l−1} follow; many give the exact inverse.
    output_displacement : τ_L − h_L, (B, n_L), rather than τ_L, whose difference to h_L has lost digits.

    Raises
    ------
    SpecError : a negative number of steps. DataError : a displacement of another shape.
    """
    check_steps(steps)
    move = shaped(output_displacement, shape=tuple(state.soma[-1].shape), name="output_displacement")
    direction, scalar = _split(move)
    directions, scalars = [direction], [scalar]
    for layer in range(autoencoders.depth, 1, -1):
        passed_on = _carry_down(autoencoders, state, layer, direction, steps=steps)
        direction, gain = _split(passed_on)
        scalar = scalar * gain
        directions.append(direction)
        scalars.append(scalar)
    return ScaledTargets(directions=tuple(reversed(directions)), scalars=tuple(reversed(scalars)))


def scaled_update(
    state: ForwardPass, scaled: ScaledTargets, *, by_influence: bool = False, biases: bool = False
) -> Updates:
    """ΔW_l = ⟨rate_l Δ_l n_{l−1}ᵀ⟩ with the local learning rate c_l, or s_l c_l = c_L²/c_l `by_influence`.

    The DTP1 and the DTP update. Where c_l is zero there is no direction, and nothing changes.
    """
    rates = list(scaled.scalars)
    if by_influence:
        top = scaled.scalars[-1]
        rates = [torch.where(scalar > 0, top / scalar * top, 0.0) for scalar in rates]
    moves = [rate[:, None] * unit for rate, unit in zip(rates, scaled.directions, strict=True)]
    return displacement_update(state, moves, biases=biases)


def _carry_down(
    autoencoders: Autoencoders, state: ForwardPass, layer: int, direction: Tensor, *, steps: int
) -> Tensor:
    """The linearised target of the layer below, (B, n_{l−1})."""
    decoder = autoencoders.decoder_slope(layer, state.soma[layer - 1])
    encoder = autoencoders.encoder_slope(layer, state.soma[layer - 2])
    first = (decoder @ direction[:, :, None])[:, :, 0]
    found = first
    for _ in range(steps):
        found = found + (first - (decoder @ (encoder @ found[:, :, None]))[:, :, 0])
    return found


def _split(move: Tensor) -> tuple[Tensor, Tensor]:
    """Direction of norm 1 and norm; a move of zero has direction zero."""
    size = torch.linalg.vector_norm(move, dim=1)
    return torch.where(size[:, None] > 0, move / size[:, None], 0.0), size
