"""The targets that an iteration or a solver came to rest on, and whether it did; knows no way there."""

from __future__ import annotations

import attrs
from torch import Tensor


@attrs.frozen(kw_only=True, eq=False)
class Settled:
    """Targets of layers 1..L; B samples."""

    targets: tuple[Tensor, ...]
    """τ_l, (B, n_l); entry 0 belongs to layer 1, the last is the given τ_L."""
    decoder_inputs: tuple[Tensor, ...]
    """u_l of layers 2..L with τ_{l−1} = g_l(u_l), (B, n_l); empty for the output-side iteration."""
    residual: Tensor
    """Largest violation of the fixed-point equation in any layer, (B,)."""
    converged: Tensor
    """Whether every layer's violation fell below its tolerance, (B,) bool."""
    steps: int
    """Steps taken by the slowest sample, in the slowest layer."""
