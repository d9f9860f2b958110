"""The single loop stepped through time with a constant error; judges neither step nor stability."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.activations import phi
from neurosim.reference.inversion.single_loop import LoopState, SingleLoop
from neurosim.reference.tensors import shaped


@attrs.frozen(kw_only=True, eq=False)
class LoopRun:
    """The end of a simulation, and the way of the first hidden layer to it."""

    final: LoopState
    first: Tensor
    """δ_1 at the times 0, dt, …, n_steps·dt, (B, n_steps + 1, n_1)."""
    control: Tensor
    """u at the same times, (B, n_steps + 1, n_L)."""
    diverged: Tensor
    """Whether a sample ended in numbers that are not finite, (B,) bool."""


def simulate_loop(
    loop: SingleLoop, delta: Any, *, dt: float, steps: int, start: LoopState | None = None
) -> LoopRun:
    """Steps of explicit Euler from `start` (None: zero). delta : δ_L, (B, n_L); dt in the unit of τ.

    Raises
    ------
    DataError : delta of the wrong shape.
    SpecError : a step or their number below zero.
    """
    if not (0 < dt < float("inf") and steps >= 0):
        raise SpecError(
            "bad time step or number of steps",
            where="single loop",
            expected="dt > 0 and steps >= 0",
            got=f"dt = {dt!r}, steps = {steps!r}",
        )
    error = shaped(delta, shape=(None, loop.sizes[-1]), name="delta")
    now = start if start is not None else _zero(loop, len(error))
    first, control = [now.deltas[0]], [now.control]
    for _ in range(steps):
        now = _step(loop, now, error, dt)
        first.append(now.deltas[0])
        control.append(now.control)
    finite = torch.stack([torch.isfinite(x).all(1) for x in (*now.deltas, now.control)]).all(0)
    return LoopRun(
        final=now, first=torch.stack(first, dim=1), control=torch.stack(control, dim=1), diverged=~finite
    )


def _zero(loop: SingleLoop, batch: int) -> LoopState:
    *hidden, control = [torch.zeros(batch, n, dtype=torch.float64) for n in loop.sizes]
    return LoopState(deltas=tuple(hidden), control=control)


def _step(loop: SingleLoop, now: LoopState, error: Tensor, dt: float) -> LoopState:
    drives = [now.control @ loop.feedback.T]
    for matrix, delta in zip(loop.forward, now.deltas, strict=True):
        drives.append(phi(loop.activation, delta) @ matrix.T)
    rate = dt / loop.tau_state
    return LoopState(
        deltas=tuple(x + rate * (drive - x) for x, drive in zip(now.deltas, drives[:-1], strict=True)),
        control=now.control + (dt / loop.tau_control) * (drives[-1] - error - loop.leak * now.control),
    )
