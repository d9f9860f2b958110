"""A network and its controller with the deviations of one chip folded in, as tensors.

Knows the equations of a single layer and of the controller, not how they are wired, solved, stepped or learned with.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    v_ff → W r_{l−1} + b,  difference = φ(slope·v) − φ(slope·v_ff) + comparator_offset.
    """

    activation: str
    weights: Tensor
    """W with its gains, (n, n_{l−1})."""
    biases: Tensor
    """b, (n,)."""
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
    """e = r* − r + error_offset,  u = clip(K_I u_int + k_p e + (k_d/τ_d)(e − e_f), ±limit),
    τ_u du_int/dt = e − α u_int, |u_int| ≤ limit,  τ_d de_f/dt = e − e_f   (Meulemans et al. 2021, eq. 4, App. A.8).
    """

    integral_gain: float
    """K_I; 0: the integrator has no effect."""
    proportional_gain: Tensor
    """k_p of each output with its factor, (n_L,)."""
    derivative_ratio: float
    """k_d/τ_d; 0: no derivative path."""
    tau_filter: float
    """τ_d/τ_u."""
    leak: Tensor
    """α of each output with its factor, (n_L,)."""
    error_offset: Tensor
    """(n_L,)."""
    limit: float

    @property
    def effective_leak(self) -> Tensor:
        """α̃ = α/(K_I + α k_p), or 1/k_p for K_I = 0, (n_L,): at rest, away from all rails, e = α̃ u."""
        if self.integral_gain == 0:
            return 1.0 / self.proportional_gain
        return self.leak / (self.integral_gain + self.leak * self.proportional_gain)

    @property
    def knee(self) -> Tensor:
        """(K_I + α k_p)·limit, (n_L,): at rest the integrator is at its rail where |u| is larger.

        Only for K_I < 1 does that happen before the output is at a rail of its own.
        """
        if self.integral_gain == 0:
            return torch.full_like(self.leak, torch.inf)
        return (self.integral_gain + self.leak * self.proportional_gain) * self.limit

    @property
    def reach(self) -> Tensor:
        """The largest |u| at rest, (n_L,): the limit, or what the integrator alone can give where k_p = 0."""
        limit = torch.full_like(self.leak, self.limit)
        return torch.where(self.proportional_gain > 0, limit, torch.minimum(limit, self.knee))

    def demand(self, output: Tensor) -> Tensor:
        """The e that keeps u (B, n_L) where it is: α̃ u, beyond the knee α·limit + (|u| − knee)/k_p with u's sign."""
        beyond = (output.abs() - self.knee).clamp(min=0.0)
        gain = torch.where(self.proportional_gain > 0, self.proportional_gain, 1.0)
        return self.effective_leak * (output - output.sign() * beyond) + output.sign() * beyond / gain

    def demand_slope(self, output: Tensor) -> Tensor:
        """Its derivative, (B, n_L)."""
        gain = torch.where(self.proportional_gain > 0, self.proportional_gain, 1.0)
        return torch.where(output.abs() > self.knee, 1.0 / gain, self.effective_leak)

    def error(self, target: Tensor, rate: Tensor) -> Tensor:
        """e, (B, n_L)."""
        return target - rate + self.error_offset

    def output(self, integrator: Tensor, error: Tensor, filtered: Tensor | None = None) -> Tensor:
        """u, (B, n_L); filtered is e_f, None where there is no derivative path."""
        drive = self.integral_gain * integrator + self.proportional_gain * error
        if filtered is not None:
            drive = drive + self.derivative_ratio * (error - filtered)
        return self.clip(drive)

    def clip(self, values: Tensor) -> Tensor:
        """Within the rails."""
        return torch.clamp(values, -self.limit, self.limit)


def assemble_plant(
    network: Network, parameters: Parameters, *, deviations: Deviations | None = None
) -> tuple[Layer, ...]:
    """Layers 1..L with the deviations (None: ideal) folded in; SpecError if weights or biases do not fit.

    What feeds back to them is assembled apart (`neurosim.reference.wiring`).
    """
    parameters.check_network(network)
    return assemble_layers(network, parameters.forward, parameters.biases, deviations=deviations)


def assemble_layers(
    network: Network,
    forward: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    deviations: Deviations | None = None,
) -> tuple[Layer, ...]:
    """The same from W_l (n_l, n_{l−1}) and b_l (n_l,) of layers 1..L, taken to fit."""
    chip = deviations if deviations is not None else Deviations.ideal(network)
    return tuple(
        Layer(
            activation=activation,
            weights=double(chip.forward_gain[l]) * forward[l],
            biases=biases[l],
            **_tensors(chip.layers[l]),
        )
        for l, activation in enumerate(network.activations)
    )


def assemble_controller(
    network: Network, method: MethodSettings, *, deviations: Deviations | None = None
) -> Controller:
    """The PID controller of the method with the deviations (None: ideal) folded in."""
    chip = (deviations if deviations is not None else Deviations.ideal(network)).controller
    return Controller(
        integral_gain=method.integral_gain,
        proportional_gain=method.proportional_gain * double(chip.proportional),
        derivative_ratio=method.derivative_gain / method.derivative_filter_ratio,
        tau_filter=method.derivative_filter_ratio,
        leak=method.leak * double(chip.leak),
        error_offset=double(chip.error_offset),
        limit=float(chip.limit),
    )


def _tensors(description: Any) -> dict[str, Tensor]:
    return {field.name: double(getattr(description, field.name)) for field in attrs.fields(type(description))}
