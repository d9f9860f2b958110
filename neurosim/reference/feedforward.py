"""The network at rest without feedback, r⁻; knows no controller and no time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from torch import Tensor

from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Layer, assemble_plant
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Activity:
    """A state of layers 1..L; each entry (B, n_l), entry 0 of each tuple belongs to layer 1."""

    soma: tuple[Tensor, ...]
    """v_l."""
    rate: tuple[Tensor, ...]
    """r_l = φ(slope·v_l)."""
    basal: tuple[Tensor, ...]
    """v_ff,l = W_l r_{l−1} + b_l."""

    @property
    def output(self) -> Tensor:
        """r_L, (B, n_L)."""
        return self.rate[-1]


def feedforward(
    network: Network, parameters: Parameters, inputs: Any, *, deviations: Deviations | None = None
) -> Activity:
    """The layers at rest without feedback, one after the other: v_l = W_l r_{l−1} + b_l (eq. 2) on the ideal chip,
    else as `LayerDeviations` says.

    deviations : of a chip; None: ideal.

    inputs : r_0, (B, n_0).

    Raises
    ------
    DataError, SpecError : inputs or parameters of the wrong shape.
    """
    plant = assemble_plant(network, parameters, deviations=deviations)
    return run_forward(plant, shaped(inputs, shape=(None, network.layers[0]), name="inputs"))


def run_forward(
    plant: Sequence[Layer], inputs: Tensor, *, apical: Sequence[Tensor] | None = None
) -> Activity:
    """The layers at rest one after the other, under a constant feedback v_fb,l (B, n_l) each; None: none."""
    soma, rate, basal = [], [], []
    previous = inputs
    for position, layer in enumerate(plant):
        basal.append(layer.basal.rest(layer.basal_drive(previous)))
        soma.append(layer.rest(basal[-1], apical[position] if apical is not None else None))
        rate.append(layer.rate(soma[-1]))
        previous = rate[-1]
    return Activity(soma=tuple(soma), rate=tuple(rate), basal=tuple(basal))
