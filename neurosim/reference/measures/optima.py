"""Updates that are best in some sense, sample by sample, to hold others against; knows no feedback weights.

δ_L = −∂L/∂r_L: its length does not matter for an angle.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.reference.jacobians import layer_jacobians
from neurosim.reference.targets import loss_gradient
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Terms

DAMPING = 0.1
"""γ of Gauss–Newton, as in the code behind figure 3 of Meulemans et al. 2021."""


def minimum_norm_terms(shown: Shown, *, damping: float = 0.0) -> Terms:
    """ΔW_l = Δv_l r_{l−1}ᵀ with Δv = Jᵀ(JJᵀ + γI)⁻¹ δ_L: what eq. (9) comes to with ideal feedback.

    It is how figures 3B and 4 of Meulemans et al. 2021 are made, there with γ = 0.1. Layer by layer it is
    parallel to `weighted_minimum_norm_terms`.
    """
    return Terms(post=_least_moves(shown, damping), pre=shown.pre)


def weighted_minimum_norm_terms(shown: Shown, *, damping: float = 0.0) -> Terms:
    """The least Σ‖r_{l−1}‖²‖ΔW_l‖² that takes the output by δ_L, to first order (Theorem 3, eq. 10).

    With biases, weights on a constant 1 that counts in the norm: Δv_l r_{l−1}ᵀ/(‖r_{l−1}‖² + 1).
    """
    moves = _least_moves(shown, damping)
    powers = _powers(shown)
    post = tuple(move / power[:, None] for move, power in zip(moves, powers, strict=True))
    return Terms(post=post, pre=shown.pre)


def gauss_newton_terms(shown: Shown, *, damping: float = DAMPING) -> Terms:
    """Δθ = J_θᵀ(J_θJ_θᵀ + γI)⁻¹ δ_L with θ all W and b (eq. 7 with a minibatch of 1).

    J_θJ_θᵀ = Σ_l (‖r_{l−1}‖² + 1) J_l J_lᵀ, so J_θ itself is never formed.
    """
    scales = [power.sqrt() for power in _powers(shown)]
    moves = _least_moves(shown, damping, scales=scales)
    post = tuple(move / scale[:, None] for move, scale in zip(moves, scales, strict=True))
    return Terms(post=post, pre=shown.pre)


def _powers(shown: Shown) -> list[Tensor]:
    """‖r_{l−1}‖² + 1, (B,) each."""
    return [rate.square().sum(1) + 1.0 for rate in shown.pre]


def _least_moves(
    shown: Shown, damping: float, *, scales: Sequence[Tensor] | None = None
) -> tuple[Tensor, ...]:
    """x_l of least Σ‖x_l‖² with Σ_l s_l J_l x_l = δ_L, (B, n_l) each; damped if γ > 0, least squares if not.

    scales : s_l, (B,) each; None: 1.
    """
    slopes = layer_jacobians(shown.plant, shown.rest)
    if scales is not None:
        slopes = tuple(s[:, None, None] * slope for s, slope in zip(scales, slopes, strict=True))
    jacobian = torch.cat(slopes, dim=2)
    wanted = -loss_gradient(shown.loss, shown.rest.output, shown.desired)[:, :, None]
    if damping > 0:
        identity = torch.eye(jacobian.shape[1], dtype=jacobian.dtype)
        inverse = jacobian.mT @ torch.linalg.inv(jacobian @ jacobian.mT + damping * identity)
    else:
        inverse = torch.linalg.pinv(jacobian)
    return torch.split((inverse @ wanted)[:, :, 0], list(shown.network.layers[1:]), dim=1)
