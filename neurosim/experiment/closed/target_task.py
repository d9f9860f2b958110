"""What targets are found from; solves nothing."""

from __future__ import annotations

import attrs
from torch import Tensor

from neurosim.reference.targetprop import Autoencoders, ForwardPass, output_target
from neurosim.reference.training import Shown, autoencoders_of, forward_pass_of


@attrs.frozen(kw_only=True, eq=False)
class TargetTask:
    """The network as Bengio 2020 has it, its state, and the target of its output."""

    coders: Autoencoders
    state: ForwardPass
    goal: Tensor
    """τ_L, (B, n_L)."""


def target_task(shown: Shown) -> TargetTask:
    """That of a batch at its own step λ."""
    coders, state = autoencoders_of(shown.network, shown.parameters), forward_pass_of(shown)
    step = shown.method.target_stepsize
    goal = output_target(coders, state, desired=shown.desired, loss=shown.loss, stepsize=step)
    return TargetTask(coders=coders, state=state, goal=goal)
