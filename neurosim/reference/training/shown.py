"""A batch and the network at rest on it: all that a rule may look at. Knows no rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from torch import Tensor

from neurosim.reference.feedforward import Activity, run_forward
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Layer, assemble_plant
from neurosim.reference.targets import loss_gradient, target
from neurosim.reference.tensors import shaped
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Shown:
    """B samples, without feedback yet; layers 1..L."""

    network: Network
    parameters: Parameters
    method: MethodSettings
    plant: Sequence[Layer]
    inputs: Tensor
    """r_0, (B, n_0)."""
    desired: Tensor
    """y, (B, n_L)."""
    loss: str
    rest: Activity

    @staticmethod
    def of(
        network: Network,
        parameters: Parameters,
        method: MethodSettings,
        inputs: Any,
        desired: Any,
        *,
        loss: str,
    ) -> Shown:
        """Run the ideal network forward. inputs (B, n_0), desired (B, n_L).

        Raises
        ------
        DataError, SpecError : shapes that do not fit.
        """
        plant = assemble_plant(network, parameters)
        rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
        return Shown(
            network=network,
            parameters=parameters,
            method=method,
            plant=plant,
            inputs=rates,
            desired=shaped(desired, shape=(len(rates), network.layers[-1]), name="desired"),
            loss=loss,
            rest=run_forward(plant, rates),
        )

    @property
    def pre(self) -> tuple[Tensor, ...]:
        """r_0..r_{L−1}, (B, n_{l−1}) each."""
        return (self.inputs, *self.rest.rate[:-1])

    @property
    def slopes(self) -> tuple[Tensor, ...]:
        """φ'(v_l) of the hidden layers l = 1..L−1, (B, n_l) each."""
        hidden = zip(self.plant[:-1], self.rest.soma[:-1], strict=True)
        return tuple(layer.rate_slope(soma) for layer, soma in hidden)

    @property
    def output_error(self) -> Tensor:
        """δ_L = φ'(v_L) ∂L/∂r_L of each sample's own loss, (B, n_L)."""
        slope = self.plant[-1].rate_slope(self.rest.soma[-1])
        return slope * loss_gradient(self.loss, self.rest.output, self.desired)

    @property
    def target(self) -> Tensor:
        """r_L* = r_L⁻ − λ ∂L/∂r_L, (B, n_L)."""
        return target(self.loss, self.rest.output, self.desired, self.method.target_stepsize)
