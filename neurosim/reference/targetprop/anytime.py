"""The rule that learns all the time, while the targets still settle; knows not what moves the targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.forward import ForwardPass
from neurosim.reference.targetprop.weight_updates import displacement_update, displacements
from neurosim.reference.updates import Updates


def accumulate(
    autoencoders: Autoencoders,
    state: ForwardPass,
    *,
    trajectory: Sequence[Sequence[Any]],
    interval: float = 1.0,
    leak: float = 0.0,
    biases: bool = False,
) -> tuple[Updates, ...]:
    """dW_l/dt = −γ W_l + ⟨dτ_l/dt n_{l−1}ᵀ⟩ along τ(t); W_l(t_k) − W_l(0) at every t_k (section 7).

    Before the trajectory the targets rest at h_l, as in the forward phase; a first entry elsewhere is a jump
    at t_0 = 0. With γ = 0 the change at any time is ⟨(τ_l(t_k) − h_l) n_{l−1}ᵀ⟩, the DTP1 update for the
    targets of the moment, and zero as long as they rest. With γ > 0 the weights decay in that phase too.

    trajectory : τ_1..τ_L at each time t_k = k·interval, straight in between; each (B, n_l). Not empty.
    interval : time between them, in the units of 1/γ. leak : γ, on the biases too if `biases`.
    n_{l−1}, h_l stay those of `state`, as the layers keep running forward from the same x.

    Raises
    ------
    SpecError : an interval not above 0 or a negative leak. DataError : targets that do not fit the state.
    """
    _check(trajectory, interval=interval, leak=leak)
    drops = leak * interval
    # Exact for a straight piece: ∫ exp(−γ(t_{k+1} − t)) dt Δτ/interval.
    keep, gain = math.exp(-drops), -math.expm1(-drops) / drops if drops > 0 else 1.0
    before = displacements(state, trajectory[0])
    traces: Sequence[Tensor] = before
    changes = [displacement_update(state, traces, biases=biases)]
    for number, targets in enumerate(trajectory[1:], start=1):
        now = displacements(state, targets)
        traces = [keep * e + gain * (y - x) for e, x, y in zip(traces, before, now, strict=True)]
        gained = displacement_update(state, traces, biases=biases)
        changes.append(_decayed(autoencoders, gained, math.expm1(-drops * number), biases=biases))
        before = now
    return tuple(changes)


def _decayed(autoencoders: Autoencoders, gained: Updates, loss: float, *, biases: bool) -> Updates:
    """What the synapse gained, and what is gone of its first weight: loss = exp(−γt) − 1."""
    pairs = zip(autoencoders.forward, gained.forward, strict=True)
    offsets = zip(autoencoders.biases, gained.biases, strict=True)
    return Updates(
        forward=tuple(change + loss * start for start, change in pairs),
        biases=tuple(change + loss * biases * start for start, change in offsets),
    )


def _check(trajectory: Sequence[Sequence[Any]], *, interval: float, leak: float) -> None:
    if len(trajectory) == 0:
        raise DataError("is empty", where="trajectory", expected="targets at one time at least", got="none")
    if not (math.isfinite(interval) and interval > 0):
        raise SpecError("is no time", where="interval", expected="above 0, finite", got=str(interval))
    if not (math.isfinite(leak) and leak >= 0):
        raise SpecError("is no decay", where="leak", expected="0 or above, finite", got=str(leak))
