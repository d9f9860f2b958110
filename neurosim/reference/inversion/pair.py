"""Two layers that invert W through their dynamics, and where they come to rest; knows no time step."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.inversion.maps import fitting, inverse_map
from neurosim.reference.tensors import double, shaped
from neurosim.spec.checks import number


@attrs.frozen(kw_only=True, eq=False)
class Pair:
    """τ_v dx/dt = −κx + Bu,  τ_u du/dt = −γu + Wx − δ   (Podlaski and Machens 2020, eq. 5 and 8)

    x  state of layer l − 1, (B, n_{l−1});  u  control by layer l, (B, n_l);  δ  the error to invert, (B, n_l)
    W (n_l, n_{l−1}),  B (n_{l−1}, n_l)
    κ = 1, γ = α, or with swapped leaks κ = α, γ = 1: the same x at rest, and for an expanding layer it exists
    at α = 0 too.
    """

    forward: Tensor = attrs.field(converter=double)
    """W."""
    feedback: Tensor = attrs.field(converter=double)
    """B."""
    leak: float = attrs.field(validator=number(least=0))
    """α."""
    tau_state: float = attrs.field(default=1.0, validator=number(above=0))
    """τ_v; the paper has 1."""
    tau_control: float = attrs.field(default=1.0, validator=number(above=0))
    """τ_u; the paper has 1."""
    swapped: bool = False
    """Whether the leak α is on x instead of u."""

    def __attrs_post_init__(self) -> None:
        fitting(self.forward, self.feedback, where="pair")

    @property
    def state_leak(self) -> float:
        """κ."""
        return self.leak if self.swapped else 1.0

    @property
    def control_leak(self) -> float:
        """γ."""
        return 1.0 if self.swapped else self.leak

    @property
    def expands(self) -> bool:
        """Whether n_l > n_{l−1}."""
        return self.forward.shape[0] > self.forward.shape[1]


@attrs.frozen(kw_only=True, eq=False)
class PairState:
    """Both layers at one time."""

    state: Tensor
    """x, (B, n_{l−1})."""
    control: Tensor
    """u, (B, n_l)."""


def system_matrix(pair: Pair) -> Tensor:
    """A of d(x, u)/dt = A (x, u) − (0, δ/τ_u), (n_{l−1} + n_l, n_{l−1} + n_l).

    A = [[−κI/τ_v, B/τ_v], [W/τ_u, −γI/τ_u]].
    """
    n_control, n_state = pair.forward.shape
    state_decay = -pair.state_leak * torch.eye(n_state, dtype=torch.float64)
    control_decay = -pair.control_leak * torch.eye(n_control, dtype=torch.float64)
    upper = torch.cat([state_decay, pair.feedback], dim=1) / pair.tau_state
    lower = torch.cat([pair.forward, control_decay], dim=1) / pair.tau_control
    return torch.cat([upper, lower], dim=0)


def steady_state(pair: Pair, delta: Any) -> PairState:
    """x = B(WB − αI)⁻¹δ = (BW − αI)⁻¹Bδ (eq. 10), and the u that holds it there; no time constant enters.

    delta : δ, (B, n_l).

    Raises
    ------
    DataError : delta of the wrong shape.
    SpecError : the pair has no isolated rest: the layer with the more units has no leak, or W B − αI is
        singular.
    """
    error = shaped(delta, shape=(None, pair.forward.shape[0]), name="delta")
    _check_rest(pair)
    state = error @ inverse_map(pair.forward, pair.feedback, leak=pair.leak, where="pair").T
    if pair.swapped or pair.expands:
        return PairState(state=state, control=(state @ pair.forward.T - error) / pair.control_leak)
    # Wx − δ would lose its digits for small α, and is of no use at α = 0.
    n = pair.forward.shape[0]
    loop = pair.forward @ pair.feedback - pair.leak * torch.eye(n, dtype=error.dtype)
    return PairState(state=state, control=torch.linalg.solve(loop, error.T).T)


def _check_rest(pair: Pair) -> None:
    """Directions of the larger layer that the smaller one cannot see need a leak to rest."""
    n_control, n_state = pair.forward.shape
    unseen = pair.control_leak == 0 if n_control > n_state else pair.state_leak == 0 and n_state > n_control
    if unseen:
        better = "unswapped" if pair.swapped else "swapped"
        raise SpecError(
            f"without leak the pair does not come to rest from {n_control} units to {n_state}",
            where="pair",
            expected="a leak on the layer that has more units",
            got=f"α = 0, {'swapped' if pair.swapped else 'unswapped'} leaks",
            remedy=f"set α > 0, or take {better} leaks",
        )
