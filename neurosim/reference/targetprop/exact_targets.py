"""The targets that the iterations settle on, solved to rounding layer by layer; knows no iteration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.reference.activations import phi
from neurosim.reference.newton import Root, System, find_root
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.forward import ForwardPass
from neurosim.reference.targetprop.output_iteration import Start, check_start
from neurosim.reference.targetprop.settled import Settled
from neurosim.reference.tensors import shaped


def solve_output_iteration(
    autoencoders: Autoencoders,
    state: ForwardPass,
    *,
    output_target: Any,
    start: Start = "decoded",
    tolerance: float = 1e-13,
    max_iterations: int = 50,
) -> Settled:
    """g_l(f_l(τ_{l−1})) = g_l(τ_l) with τ_{l−1} in s_{l−1} + range Ω_l, from layer L down (section 6).

    Every step of the iteration is a combination of the columns of Ω_l, so it never leaves that plane, and its
    fixed point is sought there. s_{l−1} is 0 for start = "decoded", h_{l−1} for "forward".

    Which fixed points there are, if W_l and Ω_l have full rank:
    n_l = n_{l−1} : locally one, the inverse f_l(τ_{l−1}) = τ_l; the start does not matter.
    n_l < n_{l−1} : n_{l−1} − n_l dimensions of them, all with f_l(τ_{l−1}) = τ_l; locally one in the plane.
        "decoded" takes the one in range Ω_l, which stays away from h_{l−1} even for β = 0; "forward" one next
        to h_{l−1}.
    n_l > n_{l−1} : locally one, but f_l(τ_{l−1}) = τ_l holds only in the combinations that g_l sees.

    output_target : τ_L, (B, n_L). tolerance is relative to the terms that g_l sums up, absolute below 1.
    Newton starts at h_{l−1} ("forward") or g_l(τ_l) ("decoded"), and goes a step beyond the goal. A sample
    that does not converge is marked, and its targets further down are not to be used.

    Raises
    ------
    SpecError : an unknown start. DataError : τ_L of another shape.
    """
    check_start(start)
    targets = [shaped(output_target, shape=tuple(state.soma[-1].shape), name="output_target")]
    roots = []
    for layer in range(autoencoders.depth, 1, -1):
        above = targets[-1]
        origin = autoencoders.decode(layer, above) if start == "decoded" else state.soma[layer - 2]
        plane = _range(autoencoders.decoders[layer - 2])
        size = _magnitude(autoencoders, layer, above)
        system = _output_system(autoencoders, layer, above, origin, plane, size)
        zero = torch.zeros(len(above), plane.shape[1], dtype=above.dtype)
        roots.append(find_root(system, zero, tolerance=tolerance, max_iterations=max_iterations, polish=True))
        targets.append(origin + roots[-1].point @ plane.T)
    return _collect(targets, roots, decoder_inputs=())


def solve_input_iteration(
    autoencoders: Autoencoders, output_target: Any, *, tolerance: float = 1e-13, max_iterations: int = 50
) -> Settled:
    """f_l(g_l(u_l)) = τ_l and τ_{l−1} = g_l(u_l), from layer L down (section 5).

    Which fixed points there are, if W_l and Ω_l have full rank:
    n_l ≤ n_{l−1} : locally one u_l; τ_{l−1} is the point of range Ω_l with f_l(τ_{l−1}) = τ_l, the same that
        `solve_output_iteration` finds from "decoded".
    n_l > n_{l−1} : none in general, as f_l∘g_l reaches only n_{l−1} dimensions; the iteration drifts away and
        the samples are marked as not converged.

    output_target : τ_L, (B, n_L). Newton starts at u_l = τ_l. tolerance as for `solve_output_iteration`.

    Raises
    ------
    DataError : τ_L of another shape.
    """
    targets = [shaped(output_target, shape=(None, autoencoders.sizes[-1]), name="output_target")]
    roots = []
    for layer in range(autoencoders.depth, 1, -1):
        above = targets[-1]
        system = _input_system(autoencoders, layer, above)
        roots.append(
            find_root(system, above, tolerance=tolerance, max_iterations=max_iterations, polish=True)
        )
        targets.append(autoencoders.decode(layer, roots[-1].point))
    return _collect(targets, roots, decoder_inputs=tuple(root.point for root in reversed(roots)))


def _output_system(
    autoencoders: Autoencoders, layer: int, above: Tensor, origin: Tensor, plane: Tensor, size: Tensor
) -> System:
    """z ↦ Uᵀ(g(f(s + Uz)) − g(τ_l)) and Uᵀ ∂g ∂f U, with the orthonormal U = `plane` (n_{l−1}, r)."""
    wanted = autoencoders.decode(layer, above)

    def value(point: Tensor) -> Tensor:
        here = autoencoders.encode(layer, origin + point @ plane.T)
        return (autoencoders.decode(layer, here) - wanted) @ plane

    def slope(point: Tensor) -> Tensor:
        below = origin + point @ plane.T
        here = autoencoders.encode(layer, below)
        return plane.T @ (
            autoencoders.decoder_slope(layer, here) @ (autoencoders.encoder_slope(layer, below) @ plane)
        )

    return System(value=value, slope=slope, error=lambda point: value(point).abs().amax(1) / size)


def _input_system(autoencoders: Autoencoders, layer: int, above: Tensor) -> System:
    """u ↦ f(g(u)) − τ_l and ∂f ∂g."""
    size = above.abs().amax(1).clamp(min=1.0)

    def value(point: Tensor) -> Tensor:
        return autoencoders.encode(layer, autoencoders.decode(layer, point)) - above

    def slope(point: Tensor) -> Tensor:
        below = autoencoders.decode(layer, point)
        return autoencoders.encoder_slope(layer, below) @ autoencoders.decoder_slope(layer, point)

    return System(value=value, slope=slope, error=lambda point: value(point).abs().amax(1) / size)


def _range(matrix: Tensor) -> Tensor:
    """An orthonormal basis of the column space, (n, rank)."""
    left, values, _ = torch.linalg.svd(matrix, full_matrices=False)
    # The usual rule of numerical rank; of a matrix of zeros all columns stay.
    return left[:, values >= values.amax() * max(matrix.shape) * torch.finfo(matrix.dtype).eps]


def _magnitude(autoencoders: Autoencoders, layer: int, above: Tensor) -> Tensor:
    """The largest Σ|Ω||σ(τ_l)|, at least 1, (B,): g_l can be computed no better than a rounding of it."""
    terms = phi(autoencoders.hidden, above).abs() @ autoencoders.decoders[layer - 2].abs().T
    return terms.amax(1).clamp(min=1.0)


def _collect(
    targets: Sequence[Tensor], roots: Sequence[Root], *, decoder_inputs: tuple[Tensor, ...]
) -> Settled:
    top = targets[0]
    nothing = torch.zeros(len(top), dtype=top.dtype)
    return Settled(
        targets=tuple(reversed(targets)),
        decoder_inputs=decoder_inputs,
        residual=torch.stack([nothing, *(root.residual for root in roots)]).amax(0),
        converged=torch.stack([nothing == 0, *(root.converged for root in roots)]).all(0),
        steps=max((root.iterations for root in roots), default=0),
    )
