"""Dynamic inversion of a whole network, one pair of layers after the other; learns nothing.

The pairs are those of the layers l = 2..L, pair l with W_l and B_l.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.inversion.maps import paired
from neurosim.reference.inversion.pair import Pair
from neurosim.reference.inversion.pair_dynamics import settle_pair
from neurosim.reference.inversion.time_step import check_step
from neurosim.reference.tensors import shaped


@attrs.frozen(kw_only=True, eq=False)
class Inverted:
    """δ_1..δ_L as the dynamics left them."""

    deltas: tuple[Tensor, ...]
    """δ_l, each (B, n_l)."""
    unsettled: tuple[Tensor, ...]
    """max|dx/dt| over max|x| of the pairs l = 2..L at the end, each (B,): how far from rest, 1/time unit."""


def pairs_of(forward: Sequence[Any], feedback: Sequence[Any], **settings: Any) -> tuple[Pair, ...]:
    """A pair for each of W_2..W_L and B_2..B_L, all with the same leak and the like.

    Raises
    ------
    SpecError : matrices that do not fit each other.
    """
    return tuple(Pair(forward=w, feedback=b, **settings) for w, b in paired(forward, feedback))


def invert_sequentially(
    pairs: Sequence[Pair],
    delta: Any,
    *,
    slopes: Sequence[Any],
    dt: float = 0.5,
    steps: int = 1000,
    scheme: str = "explicit",
) -> Inverted:
    """δ_{l−1} = x ∘ φ'(a_{l−1}) with x the end of pair l driven by δ_l (Podlaski and Machens 2020, sec. 4.1).

    delta : δ_L, (B, n_L).
    slopes : φ'(a_l) of l = 1..L−1, each (B, n_l).
    dt, steps : in the unit of τ; as given, the paper's (sec. 5).

    Raises
    ------
    UnstableError : dt too large for a pair, or a pair that never settles; the layer is named.
    DataError, SpecError : shapes that do not fit.
    """
    if len(slopes) != len(pairs):
        raise SpecError(
            "wrong number of slopes",
            where="slopes",
            expected=f"{len(pairs)}, of layers 1..{len(pairs)}",
            got=str(len(slopes)),
            remedy="give φ'(a_l) of the hidden layers only",
        )
    for l, pair in enumerate(pairs, start=2):
        check_step(pair, dt, scheme=scheme, where=f"layer {l}")
    deltas = [shaped(delta, shape=(None, None), name="delta")]
    unsettled = []
    for pair, slope in zip(reversed(pairs), reversed(slopes), strict=True):
        end = settle_pair(pair, deltas[-1], dt=dt, steps=steps, scheme=scheme)
        speed = (end.control @ pair.feedback.T - pair.state_leak * end.state) / pair.tau_state
        # An error of zero rests at zero: 0, not 0/0.
        unsettled.append(speed.abs().amax(1) / end.state.abs().amax(1).clamp(min=1e-300))
        gate = shaped(slope, shape=tuple(end.state.shape), name="slopes")
        deltas.append(end.state * gate)
    return Inverted(deltas=tuple(reversed(deltas)), unsettled=tuple(reversed(unsettled)))
