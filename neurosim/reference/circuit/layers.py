"""One explicit Euler step of a network's layers that no feedback reaches; knows no phases and no circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from neurosim.reference.plant import Layer
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class LayersState:
    """What is carried from step to step; B samples, layers 1..L."""

    soma: tuple[Tensor, ...]
    """v_l, (B, n_l)."""
    basal: tuple[Tensor, ...]
    """v_ff,l, (B, n_l); of no effect where the compartment follows its drive at once."""

    @staticmethod
    def silent(network: Network, columns: int) -> LayersState:
        """All at 0."""
        zeros = tuple(torch.zeros(columns, n, dtype=torch.float64) for n in network.layers[1:])
        return LayersState(soma=zeros, basal=zeros)


@attrs.frozen(kw_only=True, eq=False)
class LayersMoment:
    """What holds at the time of a state, and what pushes it on."""

    rate: tuple[Tensor, ...]
    """r_l, (B, n_l)."""
    drive: tuple[Tensor, ...]
    """W_l r_{l−1} + b_l, (B, n_l)."""
    basal: tuple[Tensor, ...]
    """v_ff,l as the soma sees it, (B, n_l)."""


def observe_layers(
    plant: Sequence[Layer], network: Network, *, state: LayersState, inputs: Tensor
) -> LayersMoment:
    """Rates, drives and compartments at a state. inputs : r_0, (B, n_0)."""
    rate = tuple(layer.rate(v) for layer, v in zip(plant, state.soma, strict=True))
    drive = tuple(layer.basal_drive(r) for layer, r in zip(plant, (inputs, *rate[:-1]), strict=True))
    if network.tau_basal_ratio > 0:
        return LayersMoment(rate=rate, drive=drive, basal=state.basal)
    basal = tuple(layer.basal.rest(given) for layer, given in zip(plant, drive, strict=True))
    return LayersMoment(rate=rate, drive=drive, basal=basal)


def advance_layers(
    plant: Sequence[Layer],
    network: Network,
    *,
    state: LayersState,
    moment: LayersMoment,
    step: float,
    noise: Sequence[Tensor] | None = None,
) -> LayersState:
    """τ_v dv/dt = −leak·S(v) + basal_gain·S(v_ff) + offset + noise,  τ_b dv_ff/dt = W r_{l−1} + b − leak·S(v_ff + o).

    step : h over τ_u. noise : standard normals (B, n_l) of each layer; None: none.
    """
    soma, basal = [], []
    for l, layer in enumerate(plant):
        push = layer.push(state.soma[l], moment.basal[l])
        v = state.soma[l] + step / network.tau_soma_ratio * push
        if noise is not None:
            v = v + math.sqrt(step) * layer.soma_noise * noise[l]
        soma.append(layer.keep(v))
        if network.tau_basal_ratio > 0:
            push = layer.basal.push(moment.drive[l], moment.basal[l])
            basal.append(layer.basal.keep(moment.basal[l] + step / network.tau_basal_ratio * push))
        else:
            basal.append(moment.basal[l])
    return LayersState(soma=tuple(soma), basal=tuple(basal))
