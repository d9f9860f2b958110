"""The weight changes that bring each layer to its target; knows not how the targets were found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.forward import ForwardPass
from neurosim.reference.tensors import shaped
from neurosim.reference.updates import Updates


def dtp1_update(state: ForwardPass, targets: Sequence[Any], *, biases: bool = False) -> Updates:
    """ΔW_l = ⟨(τ_l − h_l) n_{l−1}ᵀ⟩ with n_{l−1} = σ(h_{l−1})/‖σ(h_{l−1})‖² (sections 3 and 4).

    Applied to one layer it takes h_l of a single sample to τ_l exactly. The printed Algorithm divides by ‖σ‖,
    which would miss τ_l by that factor; the derivation has the square. n_0 = x/‖x‖².

    targets : τ_1..τ_L, each (B, n_l).
    biases : weights on a constant 1 that counts in the norm, so that h_l still gets to τ_l; else Δb = 0.

    Raises
    ------
    DataError : targets that do not fit the state.
    """
    return displacement_update(state, displacements(state, targets), biases=biases)


def dtp_update(state: ForwardPass, targets: Sequence[Any], *, biases: bool = False) -> Updates:
    """s_l times the DTP1 update of each sample, s_l = ‖τ_L − h_L‖²/‖τ_l − h_l‖² (section 8).

    Layers with more influence on the loss, which need the smaller τ_l − h_l, change more.
    Arguments and errors as for `dtp1_update`.
    """
    scales = influence_scales(state, targets)
    moves = [s[:, None] * move for s, move in zip(scales, displacements(state, targets), strict=True)]
    return displacement_update(state, moves, biases=biases)


def influence_scales(state: ForwardPass, targets: Sequence[Any]) -> tuple[Tensor, ...]:
    """s_l = ‖τ_L − h_L‖²/‖τ_l − h_l‖² of layers 1..L, (B,) each; 0 where τ_l = h_l, which has no direction.

    It grows without bound as ‖τ_l − h_l‖ gets small beside ‖τ_L − h_L‖. Source: section 8.
    """
    sizes = [torch.linalg.vector_norm(move, dim=1) for move in displacements(state, targets)]
    return tuple(torch.where(size > 0, (sizes[-1] / size) ** 2, 0.0) for size in sizes)


def displacements(state: ForwardPass, targets: Sequence[Any]) -> tuple[Tensor, ...]:
    """τ_l − h_l of layers 1..L, (B, n_l) each; DataError for targets that do not fit the state."""
    if len(targets) != len(state.soma):
        raise DataError(
            "one target for each layer",
            where="targets",
            expected=f"{len(state.soma)}, as the state has layers",
            got=str(len(targets)),
            remedy="give τ_1 to τ_L, the output's target last",
        )
    return tuple(
        shaped(target, shape=tuple(soma.shape), name=f"targets: τ_{layer}") - soma
        for layer, (target, soma) in enumerate(zip(targets, state.soma, strict=True), start=1)
    )


def displacement_update(state: ForwardPass, moves: Sequence[Tensor], *, biases: bool = False) -> Updates:
    """ΔW_l = ⟨Δ_l n_{l−1}ᵀ⟩ for given displacements Δ_l of layers 1..L, (B, n_l) each.

    A sample whose presynaptic layer is silent changes nothing. biases : as for `dtp1_update`.
    """
    weights, offsets = [], []
    for move, rate in zip(moves, state.presynaptic, strict=True):
        power = (rate**2).sum(1, keepdim=True) + float(biases)
        per_power = torch.where(power > 0, move / power, 0.0)
        weights.append(per_power.T @ rate / len(rate))
        offsets.append(float(biases) * per_power.mean(0))
    return Updates(forward=tuple(weights), biases=tuple(offsets))


def parameter_update(jacobian: Any, displacement: Any) -> Tensor:
    """Δθ_l = Aᵀ(AAᵀ)^-1 (τ_l − h_l), the least Δθ with A Δθ = τ_l − h_l; (n_θ,) (section 3).

    jacobian : A = ∂h_l/∂θ_l of one sample, (n_l, n_θ). displacement : τ_l − h_l, (n_l,).

    Raises
    ------
    DataError : shapes that do not fit, or parameters that cannot move every unit by itself.
    """
    matrix = shaped(jacobian, shape=(None, None), name="jacobian")
    move = shaped(displacement, shape=(matrix.shape[0],), name="displacement")
    rank = int(torch.linalg.matrix_rank(matrix))
    if rank < matrix.shape[0]:
        raise DataError(
            "the parameters cannot move every unit by itself",
            where="jacobian",
            expected=f"rank {matrix.shape[0]}",
            got=f"rank {rank}",
            remedy="leave out silent units, or give the layer an input that is not zero",
        )
    return matrix.T @ torch.linalg.solve(matrix @ matrix.T, move)


def apply_updates(
    autoencoders: Autoencoders, updates: Updates, *, layers: Collection[int] | None = None
) -> Autoencoders:
    """W_l + ΔW_l and b_l + Δb_l in the given layers (1..L), or in all; the decoders stay.

    Raises
    ------
    SpecError : a layer that there is not.
    """
    chosen = set(range(1, autoencoders.depth + 1)) if layers is None else set(layers)
    if not chosen <= set(range(1, autoencoders.depth + 1)):
        raise SpecError(
            "no such layer", where="layers", expected=f"1 to {autoencoders.depth}", got=str(sorted(chosen))
        )
    factors = [float(layer in chosen) for layer in range(1, autoencoders.depth + 1)]
    pairs = zip(autoencoders.forward, updates.forward, factors, strict=True)
    offsets = zip(autoencoders.biases, updates.biases, factors, strict=True)
    return attrs.evolve(
        autoencoders,
        forward=[weights + factor * step for weights, step, factor in pairs],
        biases=[bias + factor * step for bias, step, factor in offsets],
    )
