"""One loop from the output to the first hidden layer through the whole network (SLDI); takes no time step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.inversion.pair import Pair, steady_state
from neurosim.reference.tensors import double, shaped
from neurosim.spec.checks import number, one_of
from neurosim.spec.network import ACTIVATIONS


def _tensors(matrices: Sequence[Any]) -> tuple[Tensor, ...]:
    return tuple(double(matrix) for matrix in matrices)


@attrs.frozen(kw_only=True, eq=False)
class SingleLoop:
    """τ_v dδ_1/dt = −δ_1 + Bu,  τ_v dδ_l/dt = −δ_l + W_l φ(δ_{l−1}),  τ_u du/dt = −αu + W_L φ(δ_{L−1}) − δ_L

    l = 2..L−1 in the middle (Podlaski and Machens 2020, sec. 4.1 and eq. 14; the errors themselves pass φ).
    δ_l (B, n_l),  u (B, n_L),  δ_L the constant error at the output, (B, n_L)
    """

    forward: tuple[Tensor, ...] = attrs.field(converter=_tensors)
    """W_2..W_L, each (n_l, n_{l−1})."""
    feedback: Tensor = attrs.field(converter=double)
    """B, (n_1, n_L)."""
    leak: float = attrs.field(validator=number(least=0))
    """α."""
    activation: str = attrs.field(default="tanh", validator=one_of(ACTIVATIONS))
    """φ of the hidden layers."""
    tau_state: float = attrs.field(default=1.0, validator=number(above=0))
    """τ_v of δ_1..δ_{L−1}; the paper has 1."""
    tau_control: float = attrs.field(default=1.0, validator=number(above=0))
    """τ_u; the paper has 1."""

    def __attrs_post_init__(self) -> None:
        got = [tuple(matrix.shape) for matrix in self.forward]
        good = bool(got) and all(len(shape) == 2 for shape in got)
        if not good or any(after[1] != before[0] for before, after in pairwise(got)):
            raise SpecError(
                "forward weights do not follow each other",
                where="single loop",
                expected="W_2..W_L, each (n_l, n_{l−1})",
                got=str(got),
                remedy="leave W_1 out; the loop ends at the first hidden layer",
            )
        wanted = (got[0][1], got[-1][0])
        if tuple(self.feedback.shape) != wanted:
            raise SpecError(
                "feedback weights B do not fit the forward weights",
                where="single loop",
                expected=f"{wanted}, from {wanted[1]} outputs to {wanted[0]} units of the first hidden layer",
                got=str(tuple(self.feedback.shape)),
                remedy="transpose B" if tuple(self.feedback.shape) == wanted[::-1] else "draw B anew",
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_1..n_{L−1}, and n_L of the control."""
        return (self.forward[0].shape[1], *(matrix.shape[0] for matrix in self.forward))


@attrs.frozen(kw_only=True, eq=False)
class LoopState:
    """Errors of the hidden layers and the control at one time."""

    deltas: tuple[Tensor, ...]
    """δ_1..δ_{L−1}, each (B, n_l)."""
    control: Tensor
    """u, (B, n_L)."""


def linear_steady_state(loop: SingleLoop, delta: Any) -> LoopState:
    """u = (PB − αI)⁻¹δ_L, δ_1 = Bu, δ_l = W_l⋯W_2 δ_1 with P = W_L⋯W_2: at rest for φ(x) = x.

    delta : δ_L, (B, n_L). For α = 0 and more outputs than n_1 there is no rest.

    Raises
    ------
    DataError : delta of the wrong shape.
    SpecError : PB − αI is singular.
    """
    error = shaped(delta, shape=(None, loop.sizes[-1]), name="delta")
    path = torch.linalg.multi_dot([*reversed(loop.forward)]) if len(loop.forward) > 1 else loop.forward[0]
    if loop.leak == 0 and loop.sizes[0] < loop.sizes[-1]:
        raise SpecError(
            f"without leak {loop.sizes[-1]} outputs that control {loop.sizes[0]} units do not come to rest",
            where="single loop",
            expected="α > 0, or no more outputs than units in the first hidden layer",
            got="α = 0",
            remedy="set α > 0",
        )
    # At rest the chain is a pair of layers with the whole path between them.
    rest = steady_state(Pair(forward=path, feedback=loop.feedback, leak=loop.leak), error)
    deltas = [rest.state]
    for matrix in loop.forward[:-1]:
        deltas.append(deltas[-1] @ matrix.T)
    return LoopState(deltas=tuple(deltas), control=rest.control)


def at_rest(loop: SingleLoop, control: Tensor) -> LoopState:
    """δ_1 = Bu, δ_l = W_l φ(δ_{l−1}) under a held u (B, n_L)."""
    deltas = [control @ loop.feedback.T]
    for matrix in loop.forward[:-1]:
        deltas.append(phi(loop.activation, deltas[-1]) @ matrix.T)
    return LoopState(deltas=tuple(deltas), control=control)


def chain_matrix(loop: SingleLoop, state: LoopState) -> Tensor:
    """The system matrix of (δ_1, …, δ_{L−1}, u), linearised at a state; (B, n, n) with n = Σ n_l over 1..L.

    Rows of δ_1: −I and B in the last column; of δ_l: W_l diag φ'(δ_{l−1}) and −I; of u: the same with −αI.
    Rows are divided by their time constants.
    """
    sizes = loop.sizes
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    blocks = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    decay = torch.ones(ends[-1], dtype=torch.float64)
    decay[blocks[-1]] = loop.leak
    matrix = torch.diag(-decay).repeat(len(state.control), 1, 1)
    matrix[:, blocks[0], blocks[-1]] = loop.feedback
    for row, column, weights, values in zip(blocks[1:], blocks[:-1], loop.forward, state.deltas, strict=True):
        matrix[:, row, column] = weights * phi_prime(loop.activation, values)[:, None, :]
    tau = torch.full((ends[-1],), loop.tau_state, dtype=torch.float64)
    tau[blocks[-1]] = loop.tau_control
    return matrix / tau[:, None]


def largest_real_part(matrix: Tensor) -> Tensor:
    """max Re λ of each matrix (B, n, n); below zero: locally stable. (B,)."""
    return torch.linalg.eigvals(matrix).real.amax(-1)
