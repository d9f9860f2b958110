"""A network and its controller with the deviations of one chip folded in, as tensors.

Knows the equations of a single layer and of the controller, not how they are solved, stepped or learned with.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import double
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Layer:
    """τ_v dv/dt = −leak·v + basal_gain·v_ff + apical_gain·v_fb + offset,  r = φ(slope·v),  n units.

    v_ff → W r_{l−1} + b,  v_fb → Q u,  difference = φ(slope·v) − φ(slope·v_ff) + comparator_offset.
    """

    activation: str
    weights: Tensor
    """W with its gains, (n, n_{l−1})."""
    biases: Tensor
    """b, (n,)."""
    feedback: Tensor
    """Q with its gains, (n, n_L)."""
    leak: Tensor
    basal_gain: Tensor
    apical_gain: Tensor
    offset: Tensor
    slope: Tensor
    comparator_offset: Tensor
    soma_noise: Tensor
    apical_noise: Tensor

    def rate(self, soma: Tensor) -> Tensor:
        """r = φ(slope·v), (B, n)."""
        return phi(self.activation, self.slope * soma)

    def rate_slope(self, soma: Tensor) -> Tensor:
        """dr/dv, (B, n)."""
        return self.slope * phi_prime(self.activation, self.slope * soma)

    def basal_drive(self, previous_rate: Tensor) -> Tensor:
        """W r_{l−1} + b for r_{l−1} (B, n_{l−1}); (B, n)."""
        return previous_rate @ self.weights.T + self.biases

    def apical_drive(self, output: Tensor) -> Tensor:
        """Q u for u (B, n_L); (B, n)."""
        return output @ self.feedback.T

    def rest(self, basal: Tensor, apical: Tensor | None = None) -> Tensor:
        """The soma at rest under constant compartments; no apical: no feedback. (B, n)."""
        drive = self.basal_gain * basal + self.offset
        if apical is not None:
            drive = drive + self.apical_gain * apical
        return drive / self.leak

    def difference(self, soma: Tensor, basal: Tensor) -> Tensor:
        """φ(slope·v) − φ(slope·v_ff) + comparator_offset, (B, n): post before any zeroing."""
        return self.rate(soma) - self.rate(basal) + self.comparator_offset


@attrs.frozen(kw_only=True, eq=False)
class Controller:
    """e = r* − r + error_offset,  u = clip(u_int + k_p e, ±limit),
    τ_u du_int/dt = e − α u_int, |u_int| ≤ limit.
    """

    proportional_gain: Tensor
    """k_p of each output with its factor, (n_L,)."""
    leak: Tensor
    """α of each output with its factor, (n_L,)."""
    error_offset: Tensor
    """(n_L,)."""
    limit: float

    @property
    def effective_leak(self) -> Tensor:
        """α̃ = α/(1 + α k_p), (n_L,): at rest between the rails e = α̃ u."""
        return self.leak / (1.0 + self.leak * self.proportional_gain)

    def error(self, target: Tensor, rate: Tensor) -> Tensor:
        """e, (B, n_L)."""
        return target - rate + self.error_offset

    def output(self, integrator: Tensor, error: Tensor) -> Tensor:
        """u, (B, n_L)."""
        return self.clip(integrator + self.proportional_gain * error)

    def clip(self, values: Tensor) -> Tensor:
        """Within the rails."""
        return torch.clamp(values, -self.limit, self.limit)


def assemble_plant(
    network: Network, parameters: Parameters, *, deviations: Deviations | None = None
) -> tuple[Layer, ...]:
    """Layers 1..L with the deviations (None: ideal) folded in; SpecError if the parameters do not fit."""
    parameters.check_network(network)
    chip = deviations if deviations is not None else Deviations.ideal(network)
    return tuple(
        Layer(
            activation=activation,
            weights=double(chip.forward_gain[l]) * parameters.forward[l],
            biases=parameters.biases[l],
            feedback=double(chip.feedback_gain[l]) * parameters.feedback[l],
            **_tensors(chip.layers[l]),
        )
        for l, activation in enumerate(network.activations)
    )


def assemble_controller(
    network: Network, method: MethodSettings, *, deviations: Deviations | None = None
) -> Controller:
    """The PI controller of the method with the deviations (None: ideal) folded in."""
    chip = (deviations if deviations is not None else Deviations.ideal(network)).controller
    return Controller(
        proportional_gain=method.proportional_gain * double(chip.proportional),
        leak=method.leak * double(chip.leak),
        error_offset=double(chip.error_offset),
        limit=float(chip.limit),
    )


def _tensors(description: Any) -> dict[str, Tensor]:
    return {field.name: double(getattr(description, field.name)) for field in attrs.fields(type(description))}
