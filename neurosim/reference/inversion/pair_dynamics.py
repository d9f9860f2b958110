"""A pair of layers stepped through time with a constant error; judges neither step nor stability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError, nearest
from neurosim.reference.inversion.pair import Pair, PairState
from neurosim.reference.tensors import shaped

Step = Callable[[Pair, PairState, Tensor, float], PairState]


@attrs.frozen(kw_only=True, eq=False)
class PairTrajectory:
    """x and u at the times 0, dt, …, n_steps·dt."""

    state: Tensor
    """x, (B, n_steps + 1, n_{l−1})."""
    control: Tensor
    """u, (B, n_steps + 1, n_l)."""
    diverged: Tensor
    """Whether a sample ended in numbers that are not finite, (B,) bool."""

    @property
    def final(self) -> PairState:
        """The last of it."""
        return PairState(state=self.state[:, -1], control=self.control[:, -1])


def simulate_pair(
    pair: Pair, delta: Any, *, dt: float, steps: int, scheme: str = "explicit", start: PairState | None = None
) -> PairTrajectory:
    """Steps of Euler's method from `start` (None: zero); the paper takes 1000 explicit ones of dt = 0.5.

    delta : δ, (B, n_l). dt has the unit of τ_v and τ_u. scheme : "explicit" or "semi-implicit" (u steps
    first, x with the new u). Nothing is refused here but by `time_step.check_step`.

    Raises
    ------
    DataError, SpecError : delta of the wrong shape, unknown scheme, a step or their number below zero.
    """
    current, error, step = _prepare(pair, delta, dt, steps, scheme, start)
    visited = [current]
    for _ in range(steps):
        visited.append(step(pair, visited[-1], error, dt))
    return PairTrajectory(
        state=torch.stack([each.state for each in visited], dim=1),
        control=torch.stack([each.control for each in visited], dim=1),
        diverged=~(_finite(visited[-1].state) & _finite(visited[-1].control)),
    )


def settle_pair(
    pair: Pair, delta: Any, *, dt: float, steps: int, scheme: str = "explicit", start: PairState | None = None
) -> PairState:
    """The last state of `simulate_pair`, without keeping the others."""
    current, error, step = _prepare(pair, delta, dt, steps, scheme, start)
    for _ in range(steps):
        current = step(pair, current, error, dt)
    return current


def _prepare(
    pair: Pair, delta: Any, dt: float, steps: int, scheme: str, start: PairState | None
) -> tuple[PairState, Tensor, Step]:
    if scheme not in _STEPS:
        raise SpecError(
            f'unknown scheme "{scheme}"',
            expected="one of " + ", ".join(_STEPS),
            remedy=nearest(scheme, _STEPS),
        )
    if not (0 < dt < float("inf") and steps >= 0):
        raise SpecError(
            "bad time step or number of steps",
            where="pair",
            expected="dt > 0 and steps >= 0",
            got=f"dt = {dt!r}, steps = {steps!r}",
        )
    n_control, n_state = pair.forward.shape
    error = shaped(delta, shape=(None, n_control), name="delta")
    if start is None:
        rest = PairState(state=error.new_zeros(len(error), n_state), control=torch.zeros_like(error))
        return rest, error, _STEPS[scheme]
    state = shaped(start.state, shape=(len(error), n_state), name="start.state")
    control = shaped(start.control, shape=(len(error), n_control), name="start.control")
    return PairState(state=state, control=control), error, _STEPS[scheme]


def _step_state(pair: Pair, now: PairState, control: Tensor, dt: float) -> Tensor:
    slope = control @ pair.feedback.T - pair.state_leak * now.state
    return now.state + (dt / pair.tau_state) * slope


def _step_control(pair: Pair, now: PairState, error: Tensor, dt: float) -> Tensor:
    slope = now.state @ pair.forward.T - pair.control_leak * now.control - error
    return now.control + (dt / pair.tau_control) * slope


def _explicit(pair: Pair, now: PairState, error: Tensor, dt: float) -> PairState:
    return PairState(
        state=_step_state(pair, now, now.control, dt), control=_step_control(pair, now, error, dt)
    )


def _semi_implicit(pair: Pair, now: PairState, error: Tensor, dt: float) -> PairState:
    control = _step_control(pair, now, error, dt)
    return PairState(state=_step_state(pair, now, control, dt), control=control)


def _finite(values: Tensor) -> Tensor:
    return torch.isfinite(values).all(1)


_STEPS: dict[str, Step] = {"explicit": _explicit, "semi-implicit": _semi_implicit}
