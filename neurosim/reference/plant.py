"""A network and its controller with the deviations of one chip folded in, as tensors.

Knows the equations of a single layer and of the controller, not how they are wired, solved, stepped or learned with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.dendrite import Dendrite
from neurosim.reference.parameters import Parameters
from neurosim.reference.saturation import saturate, saturation_slope, unsaturate
from neurosim.reference.tensors import double
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

_NEWTON_STEPS = 30
"""From below the root of a concave curve they converge from one side; after ten nothing changes. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class Layer:
    """τ_v dv/dt = −leak·S(v) + basal_gain·S(v_ff) + apical_gain·S(v_fb) + offset,  |v| ≤ limit,  n units.

    r = φ(slope·v),  S(x) = R tanh(x/R) with R = saturation,  v_ff behind W r_{l−1} + b and v_fb as `Dendrite`,
    difference = φ(slope·v) − φ(slope·v_ff) + comparator_offset.
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
    basal: Dendrite
    apical: Dendrite
    saturation: float
    limit: float
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

    def push(self, soma: Tensor, basal: Tensor, apical: Tensor | None = None) -> Tensor:
        """τ_v dv/dt without noise; no apical: no feedback, so that v_fb is what its offset makes of it. (B, n)."""
        feedback = -self.apical.offset if apical is None else apical
        return (
            self.basal_gain * saturate(basal, self.saturation)
            - self.leak * saturate(soma, self.saturation)
            + self.offset
            + self.apical_gain * saturate(feedback, self.saturation)
        )

    def keep(self, soma: Tensor) -> Tensor:
        """Within the rails."""
        return torch.clamp(soma, -self.limit, self.limit) if math.isfinite(self.limit) else soma

    def rest(self, basal: Tensor, apical: Tensor | None = None) -> Tensor:
        """The soma at rest under constant compartments; no apical: no feedback. (B, n)."""
        return self.keep(
            unsaturate(self.push(torch.zeros_like(basal), basal, apical) / self.leak, self.saturation)
        )

    def linearised(
        self, soma: Tensor, basal: Tensor, apical: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """leak, basal_gain and apical_gain as small changes about a state meet them, (B, n) each."""
        feedback = (-self.apical.offset).expand_as(basal) if apical is None else apical
        return (
            self.leak * saturation_slope(soma, self.saturation),
            self.basal_gain * saturation_slope(basal, self.saturation),
            self.apical_gain * saturation_slope(feedback, self.saturation),
        )

    def follows(self, soma: Tensor, basal: Tensor, apical: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """∂v/∂v_ff and ∂v/∂v_fb of the soma at rest, (B, n) each; 0 where it is at a rail."""
        leak, basal_gain, apical_gain = self.linearised(soma, basal, apical)
        free = soma.abs() < self.limit
        still = torch.zeros_like(leak)
        return torch.where(free, basal_gain / leak, still), torch.where(free, apical_gain / leak, still)

    def difference(self, soma: Tensor, basal: Tensor) -> Tensor:
        """φ(slope·v) − φ(slope·v_ff) + comparator_offset, (B, n): post before any zeroing."""
        return self.rate(soma) - self.rate(basal) + self.comparator_offset


@attrs.frozen(kw_only=True, eq=False)
class Controller:
    """e = r* − r + error_offset,  u_in = clip(K_I u_int + k_p e + (k_d/τ_d)(e − e_f), ±limit),
    τ_u du_int/dt = integral·S(e) − α u_int, |u_int| ≤ limit,  τ_d de_f/dt = e − e_f,
    u = u_in or, through an output stage, τ_o du/dt = S_o(u_in − u + output_offset)
    (Meulemans et al. 2021, eq. 4, App. A.8).
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
    """α of each output with its factor, and what a finite gain leaks, (n_L,)."""
    integral: Tensor
    """(n_L,)."""
    error_offset: Tensor
    """(n_L,)."""
    droop: Tensor
    """(n_L,)."""
    saturation: float
    """R of S."""
    output_tau: float
    """τ_o/τ_u; 0: no output stage."""
    output_saturation: float
    """R of S_o."""
    output_offset: Tensor
    """(n_L,); 0 without an output stage."""
    limit: float

    @property
    def effective_leak(self) -> Tensor:
        """α̃ = α/(γ K_I + α k_p) with γ = integral, or 1/k_p for K_I = 0, (n_L,): at rest, away from all rails
        and for small e, e = α̃ u."""
        if self.integral_gain == 0:
            return 1.0 / self.proportional_gain
        return self.leak / (self.integral * self.integral_gain + self.leak * self.proportional_gain)

    @property
    def knee(self) -> Tensor:
        """|u| at rest above which the integrator is at its rail, (n_L,); infinite where it never gets there.

        Only for K_I < 1 does that happen before the output is at a rail of its own.
        """
        if self.integral_gain == 0 or not math.isfinite(self.limit):
            return torch.full_like(self.leak, torch.inf)
        wanted = self.leak * self.limit / self.integral  # S(e) that holds the integrator at its rail
        error = unsaturate(wanted, self.saturation)
        knee = self.integral_gain * self.limit + self.proportional_gain * error
        return torch.where(wanted < self.saturation, knee, torch.inf)

    @property
    def reach(self) -> Tensor:
        """The largest |u| at rest, (n_L,): the limit, or what the integrator alone can give where k_p = 0."""
        limit = torch.full_like(self.leak, self.limit)
        if self.integral_gain == 0:
            return limit
        most = self.limit * torch.ones_like(self.leak)
        leaking = torch.where(self.leak > 0, self.integral * self.saturation / self.leak, torch.inf)
        alone = self.integral_gain * torch.minimum(most, leaking)
        return torch.where(self.proportional_gain > 0, limit, torch.minimum(limit, alone))

    def demand(self, output: Tensor) -> Tensor:
        """The e that keeps u (B, n_L) where it is: α̃ u where S is linear, beyond the knee what k_p asks for."""
        beyond = (output.abs() - self.knee).clamp(min=0.0)
        gain = torch.where(self.proportional_gain > 0, self.proportional_gain, 1.0)
        inner = output - output.sign() * beyond
        return self._inner_demand(inner) + output.sign() * beyond / gain

    def _inner_demand(self, output: Tensor) -> Tensor:
        """e of u = K_I γ S(e)/α + k_p e, the integrator off its rails: Newton's steps on a rising, concave curve."""
        error = self.effective_leak * output
        if self.integral_gain == 0 or not math.isfinite(self.saturation) or not (self.leak > 0).any():
            return error
        gain = self.integral_gain * self.integral / torch.where(self.leak > 0, self.leak, 1.0)
        for _ in range(_NEWTON_STEPS):
            missing = output - gain * saturate(error, self.saturation) - self.proportional_gain * error
            slope = gain * saturation_slope(error, self.saturation) + self.proportional_gain
            error = error + missing / slope.clamp(min=1e-300)
        return torch.where(self.leak > 0, error, 0.0)

    def demand_slope(self, output: Tensor) -> Tensor:
        """Its derivative, (B, n_L)."""
        gain = torch.where(self.proportional_gain > 0, self.proportional_gain, 1.0)
        inner = self.effective_leak
        if self.integral_gain > 0 and math.isfinite(self.saturation):
            curve = saturation_slope(self._inner_demand(output), self.saturation) * self.integral
            inner = self.leak / (curve * self.integral_gain + self.leak * self.proportional_gain)
        return torch.where(output.abs() > self.knee, 1.0 / gain, inner)

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

    def integrator_push(self, error: Tensor, integrator: Tensor) -> Tensor:
        """τ_u du_int/dt, (B, n_L)."""
        return self.integral * saturate(error, self.saturation) - self.leak * integrator

    def output_push(self, demand: Tensor, output: Tensor) -> Tensor:
        """τ_u du/dt of the output stage, (B, n_L)."""
        return saturate(demand - output + self.output_offset, self.output_saturation) / self.output_tau


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
            basal=Dendrite.of(chip.layers[l].basal),
            apical=Dendrite.of(chip.layers[l].apical),
            saturation=float(chip.layers[l].saturation),
            limit=float(chip.layers[l].limit),
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
        leak=method.leak * double(chip.leak) + double(chip.gain_leak),
        integral=double(chip.integral),
        error_offset=double(chip.error_offset),
        droop=double(chip.droop),
        saturation=float(chip.saturation),
        output_tau=float(chip.output_tau),
        output_saturation=float(chip.output_saturation),
        output_offset=double(chip.output_offset)
        if chip.output_tau > 0
        else torch.zeros_like(double(chip.leak)),
        limit=float(chip.limit),
    )


def _tensors(description: Any) -> dict[str, Tensor]:
    return {
        field.name: double(getattr(description, field.name))
        for field in attrs.fields(type(description))
        if field.name not in ("saturation", "limit", "basal", "apical")
    }
