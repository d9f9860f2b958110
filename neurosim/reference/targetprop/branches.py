"""One target out of the several that a layer gets from the layers it feeds; knows no graph and no decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.tensors import shaped


def branch_weights(soma: Any, branches: Sequence[Any]) -> Tensor:
    """w_X ∝ ‖τ_XA − h_A‖^-2 with Σ_X w_X = 1, (K, B) (section 10.3).

    The less a branch asks for, the more influence it has. Branches that ask for nothing share all the weight.
    soma : h_A, (B, n). branches : the K targets τ_XA, each (B, n).

    Raises
    ------
    DataError : no branches, or of other shapes.
    """
    here = shaped(soma, shape=(None, None), name="soma")
    if not branches:
        raise DataError("no targets to combine", where="branches", expected="one at least", got="none")
    sizes = torch.stack(
        [
            torch.linalg.vector_norm(shaped(x, shape=tuple(here.shape), name="branches") - here, dim=1)
            for x in branches
        ]
    )
    # Relative to the least, so that no square over- or underflows; 0/0 is a branch that asks for nothing.
    ratios = torch.where(sizes > 0, sizes.amin(0) / sizes, 1.0) ** 2
    return ratios / ratios.sum(0)


def combine_branches(soma: Any, branches: Sequence[Any]) -> Tensor:
    """τ_A = Σ_X w_X τ_XA, (B, n), with the weights and the errors of `branch_weights`.

    Each τ_XA alone takes the output to its target as long as the other branches are held. Once h_A moves, all
    its branches move, and their effects add up: for branches of scalar gains a_X the output moves by
    (Σa)²/Σa² times its displacement, K times for K equal branches and not at all for opposite ones.
    """
    weights = branch_weights(soma, branches)
    here = shaped(soma, shape=(None, None), name="soma")
    moves = [shaped(x, shape=tuple(here.shape), name="branches") - here for x in branches]
    return here + sum((w[:, None] * m for w, m in zip(weights, moves, strict=True)), torch.zeros_like(here))
