"""The matrix that takes an error from layer l down to layer l − 1, method by method; knows no network.

W_l is (n_l, n_{l−1}), the fixed feedback B_l and every map M_l are (n_{l−1}, n_l), for l = 2..L.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.tensors import double

WORST_CONDITION = 1e14
"""Beyond this condition number a layer counts as singular: two digits would be left. Chosen."""


def transposed_maps(forward: Sequence[Any]) -> tuple[Tensor, ...]:
    """M_l = W_lᵀ: backpropagation (Podlaski and Machens 2020, eq. 4). forward: W_2..W_L."""
    return tuple(matrix.T for matrix in _matrices(forward))


def pseudo_inverse_maps(forward: Sequence[Any]) -> tuple[Tensor, ...]:
    """M_l = W_l⁺: pseudobackprop (eq. 4). forward: W_2..W_L."""
    return tuple(torch.linalg.pinv(matrix) for matrix in _matrices(forward))


def inverse_maps(forward: Sequence[Any], feedback: Sequence[Any], *, leak: float) -> tuple[Tensor, ...]:
    """M_l = B_l (W_l B_l − αI)⁻¹: the steady state of dynamic inversion, solved (NDI, eq. 10).

    forward: W_2..W_L; feedback: B_2..B_L; leak: α ≥ 0.

    Raises
    ------
    SpecError : the numbers of matrices or their sizes do not fit, or a layer is singular.
    """
    return tuple(
        inverse_map(w, b, leak=leak, where=f"layer {l}")
        for l, (w, b) in enumerate(paired(forward, feedback), start=2)
    )


def inverse_map(forward: Any, feedback: Any, *, leak: float, where: str = "layer") -> Tensor:
    """B (WB − αI)⁻¹ = (BW − αI)⁻¹ B (eq. 10), whichever solves the smaller system; (n_{l−1}, n_l).

    The larger of the two has eigenvalues −α beside those of the smaller one, and is singular at α = 0.
    So for an expanding layer and α = 0 this is the limit α → 0, where the swapped leaks rest too.
    With B = −Wᵀ it is Wᵀ(WWᵀ + αI)⁻¹, close to +W⁺. `where` names the layer in errors.

    Raises
    ------
    SpecError : sizes that do not fit, α < 0, or a singular system.
    """
    w, b = fitting(forward, feedback, where=where)
    if not 0 <= leak < float("inf"):
        raise SpecError("bad leak α", where=where, expected="a number >= 0", got=repr(leak))
    contracting = w.shape[0] <= w.shape[1]
    system = w @ b if contracting else b @ w
    system = system - leak * torch.eye(len(system), dtype=system.dtype)
    condition = float(torch.linalg.cond(system, 1))
    if not condition < WORST_CONDITION:
        name = "WB − αI" if contracting else "BW − αI"
        raise SpecError(
            f"the error cannot be inverted from {w.shape[0]} units to {w.shape[1]}: {name} is singular",
            where=where,
            expected=f"a condition number below {WORST_CONDITION:.0e}",
            got=f"{condition:.1e} at α = {leak:g}",
            remedy="set another leak α > 0, or draw other feedback weights",
        )
    return torch.linalg.solve(system, b, left=not contracting)


def paired(forward: Sequence[Any], feedback: Sequence[Any]) -> tuple[tuple[Any, Any], ...]:
    """W_l with B_l for l = 2..L; SpecError if there are not as many of one as of the other."""
    if len(forward) != len(feedback):
        raise SpecError(
            "forward and feedback weights are of different networks",
            where="feedback",
            expected=f"{len(forward)} matrices B_2..B_L, one for each of W_2..W_L",
            got=str(len(feedback)),
            remedy="leave W_1 out; give one B_l for each of the other layers",
        )
    return tuple(zip(forward, feedback, strict=True))


def fitting(forward: Any, feedback: Any, *, where: str) -> tuple[Tensor, Tensor]:
    """W (n_l, n_{l−1}) and B (n_{l−1}, n_l) as tensors; SpecError if B is not of the shape of Wᵀ."""
    w, b = double(forward), double(feedback)
    if w.ndim != 2 or b.ndim != 2 or b.shape != w.T.shape:
        transposed = b.ndim == 2 and b.shape == w.shape
        raise SpecError(
            "feedback weights B do not fit the forward weights W",
            where=where,
            expected=f"B {tuple(reversed(w.shape))} for W {tuple(w.shape)}",
            got=f"B {tuple(b.shape)}",
            remedy="transpose B" if transposed else "give W as (n_l, n_{l−1}) and B as (n_{l−1}, n_l)",
        )
    return w, b


def _matrices(forward: Sequence[Any]) -> tuple[Tensor, ...]:
    matrices = tuple(double(matrix) for matrix in forward)
    for l, matrix in enumerate(matrices, start=2):
        if matrix.ndim != 2:
            raise SpecError(
                "forward weights are not a matrix",
                where=f"layer {l}",
                expected="W (n_l, n_{l−1})",
                got=str(tuple(matrix.shape)),
                remedy="give the matrices W_2..W_L",
            )
    return matrices
