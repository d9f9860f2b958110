"""Lemma 1: the steady state of the linearised loop, solved; knows the ideal network only, and no learning."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.feedforward import run_forward
from neurosim.reference.jacobians import output_sensitivity
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import assemble_plant
from neurosim.reference.tensors import shaped
from neurosim.reference.wiring import assemble_feedback
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class LinearSteadyState:
    """u_ss = (J Q + α̃ I)⁻¹ δ_L,  v_ss − v_ff,ss = Q u_ss   (Lemma 1, error O(λ²))."""

    output: Tensor
    """u_ss, (B, n_L)."""
    displacement: tuple[Tensor, ...]
    """Q_l u_ss of layers 1..L, each (B, n_l); Q_l = R_l ⋯ R_L where feedback is relayed."""


def effective_leak(method: MethodSettings) -> float:
    """α̃ = α/(K_I + α k_p): α for a pure integrator, 1/k_p for K_I = 0 and towards it as α grows.

    A derivative path moves no steady state.

    Raises
    ------
    SpecError : K_I = k_p = 0.
    """
    return method.effective_leak


def lemma_one(
    network: Network, parameters: Parameters, method: MethodSettings, inputs: Any, target: Any
) -> LinearSteadyState:
    """The linearised steady state about the feedforward state, δ_L = target − r_L⁻.

    inputs (B, n_0), target r_L* (B, n_L); no deviations, no rails. NaN for a sample whose J Q + α̃ I is
    singular.

    Raises
    ------
    DataError, SpecError : shapes that do not fit, or a method without a controller of the neurons.
    """
    plant = assemble_plant(network, parameters)
    wiring = assemble_feedback(network, parameters, method)
    rest = run_forward(plant, shaped(inputs, shape=(None, network.layers[0]), name="inputs"))
    wanted = shaped(target, shape=tuple(rest.output.shape), name="target")
    loop = output_sensitivity(plant, wiring.direct, rest)
    loop = loop + effective_leak(method) * torch.eye(loop.shape[-1], dtype=loop.dtype)
    output, info = torch.linalg.solve_ex(loop, (wanted - rest.output)[:, :, None])
    output = torch.where(info[:, None] == 0, output[:, :, 0], torch.nan)
    return LinearSteadyState(output=output, displacement=wiring.drives(output))
