"""What each method does to the weights at a settled state, and optima to compare with; knows no time.

Updates are means over the batch, without the learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.closed_forms import lemma_one
from neurosim.reference.feedforward import run_forward
from neurosim.reference.fixed_point import SteadyState
from neurosim.reference.jacobians import layer_jacobians
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import assemble_plant
from neurosim.reference.targets import loss_gradient
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Updates:
    """ΔW_l = ⟨post_l r_{l−1}ᵀ⟩, Δb_l = ⟨post_l⟩ for layers 1..L."""

    forward: tuple[Tensor, ...]
    """ΔW_l, (n_l, n_{l−1})."""
    biases: tuple[Tensor, ...]
    """Δb_l, (n_l,)."""

    @staticmethod
    def from_terms(post: Sequence[Tensor], *, pre: Sequence[Tensor]) -> Updates:
        """Batch mean of post_l pre_lᵀ, for post_l (B, n_l) and pre_l (B, n_{l−1})."""
        return Updates(
            forward=tuple(x.T @ r / x.shape[0] for x, r in zip(post, pre, strict=True)),
            biases=tuple(x.mean(0) for x in post),
        )

    def scaled(self, factor: float) -> Updates:
        """Every entry times the factor, such as a learning rate."""
        return Updates(
            forward=tuple(factor * x for x in self.forward), biases=tuple(factor * x for x in self.biases)
        )


def steady_state_update(
    network: Network,
    parameters: Parameters,
    inputs: Any,
    steady: SteadyState,
    deviations: Deviations | None = None,
) -> Updates:
    """post = φ(slope·v_ss) − φ(slope·v_ff,ss) + comparator_offset, pre = r_{l−1,ss}.

    What DFC-SS settles on, and DFC as its learn phase grows.
    With `deviations.auto_zero` the post-synaptic term is measured against its value at rest without feedback.
    inputs : r_0, (B, n_0), those of `steady`.
    """
    plant = assemble_plant(network, parameters, deviations=deviations)
    rates = shaped(inputs, shape=(steady.output.shape[0], network.layers[0]), name="inputs")
    post = [layer.difference(v, b) for layer, v, b in zip(plant, steady.soma, steady.basal, strict=True)]
    if deviations is not None and deviations.auto_zero:
        rest = run_forward(plant, rates)
        held = [layer.difference(v, b) for layer, v, b in zip(plant, rest.soma, rest.basal, strict=True)]
        post = [now - before for now, before in zip(post, held, strict=True)]
    return Updates.from_terms(post, pre=(rates, *steady.rate[:-1]))


def dfc_ssa_update(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    target: Any,
    *,
    linear_post: bool = False,
) -> Updates:
    """DFC-SSA: feedback Q_l u_ss from Lemma 1, post = φ(v_l) − φ(v_ff,l), pre = r_{l−1}.

    The layers are run forward under the constant feedback, v_ff,l = W_l φ(v_{l−1}) + b_l and
    v_l = v_ff,l + Q_l u_ss, as v_ff,ss of Lemma 1 reads; only u is linearised. `linear_post` gives
    post = v_l − v_ff,l (eq. 9).
    inputs (B, n_0), target r_L* (B, n_L).
    """
    linear = lemma_one(network, parameters, method, inputs, target)
    plant = assemble_plant(network, parameters)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    state = run_forward(plant, rates, apical=linear.displacement)
    post: Sequence[Tensor] = linear.displacement
    if not linear_post:
        post = [layer.difference(v, b) for layer, v, b in zip(plant, state.soma, state.basal, strict=True)]
    return Updates.from_terms(post, pre=(rates, *state.rate[:-1]))


def bp_update(network: Network, parameters: Parameters, inputs: Any, desired: Any, *, loss: str) -> Updates:
    """−∂L/∂W_l and −∂L/∂b_l of the batch-mean loss: δ_L = −φ' ∂L/∂r_L, δ_l = φ' W_{l+1}ᵀ δ_{l+1}."""
    plant = assemble_plant(network, parameters)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(desired, shape=(rates.shape[0], network.layers[-1]), name="desired")
    state = run_forward(plant, rates)
    delta = -loss_gradient(loss, state.output, wanted) * plant[-1].rate_slope(state.soma[-1])
    post = [delta]
    for position in range(network.depth - 2, -1, -1):
        delta = (delta @ plant[position + 1].weights) * plant[position].rate_slope(state.soma[position])
        post.append(delta)
    return Updates.from_terms(post[::-1], pre=(rates, *state.rate[:-1]))


def minimum_norm_update(
    network: Network, parameters: Parameters, inputs: Any, delta: Any, *, weighted: bool = True
) -> Updates:
    """The least change of W that moves the output by delta to first order; biases stay (Theorem 3).

    weighted: least Σ‖r_{l−1}‖²‖ΔW_l‖², whose solution is ΔW_l = Δv_l r_{l−1}ᵀ/‖r_{l−1}‖² with Δv = J⁺ delta.
    Layer by layer this is parallel to eq. (9), Δv_l r_{l−1}ᵀ; the layers together are so once eq. (9) gets
    the learning rates η/‖r_{l−1}‖², or under Condition 1. Not weighted: least Σ‖ΔW_l‖², Gauss–Newton.

    One sample: inputs (1, n_0), delta (1, n_L).
    """
    plant = assemble_plant(network, parameters)
    rates = shaped(inputs, shape=(1, network.layers[0]), name="inputs")
    wanted = shaped(delta, shape=(1, network.layers[-1]), name="delta")
    state = run_forward(plant, rates)
    pre = (rates, *state.rate[:-1])
    norms = [float(torch.linalg.vector_norm(r)) for r in pre]
    # With Δv_l = s_l x_l and ΔW_l = Δv_l rᵀ/‖r‖² the sum is Σ‖x‖², if s_l = 1 (weighted) or ‖r‖ (plain).
    scales = [1.0 if weighted else norm for norm in norms]
    # Weights on silent inputs move nothing.
    scales = [scale if norm > 0 else 0.0 for scale, norm in zip(scales, norms, strict=True)]
    jacobians = layer_jacobians(plant, state)
    scaled = torch.cat([scale * j[0] for scale, j in zip(scales, jacobians, strict=True)], dim=1)
    solution = torch.linalg.pinv(scaled) @ wanted[0]
    moves = torch.split(solution, list(network.layers[1:]))
    return Updates(
        forward=tuple(
            torch.outer(scale * x, r[0]) / (norm**2 if norm > 0 else 1.0)
            for x, r, scale, norm in zip(moves, pre, scales, norms, strict=True)
        ),
        biases=tuple(torch.zeros_like(bias) for bias in parameters.biases),
    )


def gauss_newton_update(network: Network, parameters: Parameters, inputs: Any, delta: Any) -> Updates:
    """ΔW = J_θ⁺ delta with θ all W (eq. 7); one sample, biases stay. inputs (1, n_0), delta (1, n_L)."""
    return minimum_norm_update(network, parameters, inputs, delta, weighted=False)


def angle(first: Updates, second: Updates, *, biases: bool = False) -> float:
    """Degrees between two updates, all W (and b, if asked for) in one vector; NaN if one of them is zero.

    2 atan2(‖x − y‖, ‖x + y‖) of the unit vectors, exact where acos of a scalar product loses all digits.

    Raises
    ------
    DataError : the updates are of different networks.
    """
    x, y = (_concatenate(updates, biases=biases) for updates in (first, second))
    if x.shape != y.shape:
        raise DataError(
            "updates of different sizes", where="angle", expected=f"{x.numel()} entries", got=str(y.numel())
        )
    x, y = (vector / torch.linalg.vector_norm(vector) for vector in (x, y))
    apart, together = torch.linalg.vector_norm(x - y), torch.linalg.vector_norm(x + y)
    return math.degrees(2.0 * math.atan2(float(apart), float(together)))


def _concatenate(updates: Updates, *, biases: bool) -> Tensor:
    return torch.cat([x.flatten() for x in (*updates.forward, *(updates.biases if biases else ()))])
