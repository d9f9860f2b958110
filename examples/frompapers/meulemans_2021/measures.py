"""The measures of figures 3 and 4 of a batch: conditions, angles to ideal updates, stability; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.analysis.stability import spectrum, system_matrix
from neurosim.reference import (
    Parameters,
    Updates,
    angle,
    dfc_ssa_update,
    output_jacobian,
    solve_fixed_point,
)
from neurosim.reference.tensors import as_array
from neurosim.reference.training import Rule, Shown
from neurosim.spec import MethodSettings, Network

NAMES = ("condition_2", "angle_mn", "condition_1", "angle_gn", "largest_real_part", "angle_ssa")
"""Panels A–F of figure 3, in this order."""


@attrs.frozen(kw_only=True, eq=False)
class Batch:
    """Samples to measure with."""

    inputs: NDArray[Any]
    """(B, n_0)."""
    desired: NDArray[Any]
    """(B, n_L)."""


def measure_batch(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    batch: Batch,
    *,
    loss: str,
    rule: Rule,
    spectra: int,
) -> dict[str, float]:
    """All of `NAMES`, means over the batch, and "angle_mn_strict".

    Updates are means over the batch of single samples' updates, as in theorems 2 and 3, and angles are between all
    W in one vector. Eq. (9) has no learning rate 1/‖r‖² of each layer; "angle_mn" is to Δv r_{l−1}ᵀ with
    Δv = J⁺ δ, whose layers have the same weight, "angle_mn_strict" to the solution of eq. (10) itself.
    spectra : of so many samples eigenvalues are worked out.
    """
    shown = Shown.of(network, parameters, method, batch.inputs, batch.desired, loss=loss)
    update = rule(shown).terms.mean()
    jacobian = output_jacobian(network, parameters, shown.rest)
    delta = shown.target - shown.rest.output
    powers = tuple(r.square().sum(1) for r in shown.pre)
    minimum = _pseudo_inverse(jacobian, delta, network, weights=None)
    newton = _pseudo_inverse(jacobian, delta, network, weights=powers)
    strict = [v / p[:, None] for v, p in zip(minimum, powers, strict=True)]
    ssa = dfc_ssa_update(network, parameters, method, shown.inputs, shown.target)
    return {
        "condition_1": float(_evenness(powers).mean()),
        "condition_2": float(_share_in_row_space(jacobian, torch.cat(list(parameters.feedback))).mean()),
        "angle_mn": angle(update, Updates.from_terms(minimum, pre=shown.pre)),
        "angle_mn_strict": angle(update, Updates.from_terms(strict, pre=shown.pre)),
        "angle_gn": angle(update, Updates.from_terms(newton, pre=shown.pre)),
        "angle_ssa": angle(update, ssa),
        "largest_real_part": _largest_real_part(shown, spectra),
    }


def _pseudo_inverse(
    jacobian: Tensor, delta: Tensor, network: Network, *, weights: Sequence[Tensor] | None
) -> list[Tensor]:
    """Δv_l = c_l J_lᵀ (Σ_k c_k J_k J_kᵀ)⁻¹ δ, (B, n_l) each.

    c = 1: least Σ‖Δv_l‖² (weighted MN); c_l = ‖r_{l−1}‖²: Δv_l r_{l−1}ᵀ/‖r_{l−1}‖² is the least change of all W
    (Gauss–Newton), so that Δv_l/c_l is what stands beside r_{l−1}ᵀ. J J_ᵀ needs no damping: φ(v_L) = v_L.
    """
    pieces = torch.split(jacobian, list(network.layers[1:]), dim=2)
    factors = weights if weights is not None else [torch.ones_like(delta[:, 0])] * len(pieces)
    gram = sum(
        (c[:, None, None] * piece @ piece.mT for c, piece in zip(factors, pieces, strict=True)),
        torch.zeros_like(pieces[0] @ pieces[0].mT),
    )
    dual = torch.linalg.solve(gram, delta[:, :, None])
    return [(piece.mT @ dual)[:, :, 0] for piece in pieces]


def _share_in_row_space(jacobian: Tensor, feedback: Tensor) -> Tensor:
    """‖P_J Q‖_F/‖Q‖_F with P_J = Jᵀ(J Jᵀ)⁻¹ J (condition 2), (B,)."""
    inside = jacobian.mT @ torch.linalg.solve(jacobian @ jacobian.mT, jacobian @ feedback)
    return torch.linalg.matrix_norm(inside) / torch.linalg.matrix_norm(feedback)


def _evenness(powers: Sequence[Tensor]) -> Tensor:
    """std_l ‖r_l‖ / mean_l ‖r_l‖ over l = 0..L−1 (condition 1), (B,)."""
    norms = torch.stack(list(powers)).sqrt()
    return norms.std(0, correction=0) / norms.mean(0)


def _largest_real_part(shown: Shown, count: int) -> float:
    """Mean over samples of max Re of the eigenvalues of the whole loop at its steady state, 1/τ_u; figure 3E."""
    network, method = shown.network, shown.method
    steady = solve_fixed_point(
        network, shown.parameters, method, shown.inputs[:count], shown.target[:count], tolerance=1e-10
    )
    slopes = [as_array(layer.rate_slope(v)) for layer, v in zip(shown.plant, steady.soma, strict=True)]
    forward = [as_array(w) for w in shown.parameters.forward]
    feedback = [as_array(q) for q in shown.parameters.feedback]
    parts = [
        spectrum(
            system_matrix(
                network, method, forward=forward, feedback=feedback, slopes=[s[sample] for s in slopes]
            )
        ).real.max()
        for sample in range(len(slopes[0]))
        if bool(steady.converged[sample])
    ]
    return float(sum(parts) / len(parts)) if parts else float("nan")
