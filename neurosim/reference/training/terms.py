"""What synapses make of each sample of a batch; knows no method."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from neurosim.reference.updates import Updates


@attrs.frozen(kw_only=True, eq=False)
class Terms:
    """ΔW_l = post_l pre_lᵀ and Δb_l = post_l of every sample, for layers 1..L."""

    post: tuple[Tensor, ...]
    """(B, n_l) each."""
    pre: tuple[Tensor, ...]
    """(B, n_{l−1}) each."""

    def mean(self) -> Updates:
        """Over the batch."""
        return Updates.from_terms(self.post, pre=self.pre)


@attrs.frozen(kw_only=True, eq=False)
class Taught:
    """What one batch teaches, without learning rates."""

    terms: Terms
    settled: Tensor | None = None
    """Which samples came to rest, (B,) bool; None: nothing had to."""
    feedback: tuple[Tensor, ...] | None = None
    """The mean update of feedback weights that learn together with the others; None: they do not."""


def leave_out(terms: Terms, keep: Tensor) -> Terms:
    """Samples that are not kept, (B,) bool, get no post-synaptic term, whatever stood there."""
    return Terms(
        post=tuple(torch.where(keep[:, None], x, 0.0) for x in terms.post),
        pre=tuple(torch.where(keep[:, None], r, 0.0) for r in terms.pre),
    )
