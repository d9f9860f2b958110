"""Iterated targets, followed until they rest, against the equations they then satisfy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neurosim.analysis import relative_difference
from neurosim.experiment.closed.target_task import TargetTask, target_task
from neurosim.learning import Iterated, TargetDifference, method_of
from neurosim.reference import Parameters
from neurosim.reference.targetprop import solve_input_iteration, solve_output_iteration
from neurosim.reference.training import IterateTargets, Shown
from neurosim.result import Check
from neurosim.spec import Spec

MOST_STEPS = 20_000
"""After so many a sample is left out as slow. Chosen: a second on 15-10-10-5."""
LAST_STEP = 1e-12
"""Of the way gone. A mode that shrinks by 1e-4 a step is then 1e-8 from rest."""
TARGET_TOLERANCE = 1e-7
"""See LAST_STEP, and a decoder's condition."""


def check_iterated(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """post_l of the rule, with more steps than it trains with, against that of the exact targets.

    Where nothing rests, as decoders into a larger layer let input-side targets drift, there is nothing to hold.
    """
    method = method_of(spec.method.name)
    assert isinstance(method.inversion, Iterated)
    assert isinstance(method.plasticity, TargetDifference)
    shown = Shown.of(spec.network, parameters, spec.method, inputs, desired, loss=spec.task.loss)
    taught = IterateTargets(tolerance=LAST_STEP, most_steps=MOST_STEPS)(shown)
    assert taught.settled is not None  # a correction "once" counts as settled too
    targets, exact = _EXACT[method.inversion.side](target_task(shown))
    wanted = _post(shown, targets, influence=method.plasticity.influence)
    keep = exact & taught.settled
    pairs = [(a[keep].numpy(), b[keep].numpy()) for a, b in zip(taught.terms.post, wanted, strict=True)]
    return [
        Check(
            name="closed form: iterated targets",
            value=max(relative_difference([pair]) for pair in pairs) if bool(keep.any()) else float("nan"),
            tolerance=TARGET_TOLERANCE,
            gating=bool(keep.any()),
            detail=f"post-synaptic terms against those of the exact targets; {int(keep.sum())} of {len(keep)} "
            "samples have both",
        )
    ]


def _post(shown: Shown, targets: tuple[Tensor, ...], *, influence: bool) -> list[Tensor]:
    """(τ_l − v_l)/(‖r_{l−1}‖² + 1), by influence times ‖τ_L − v_L‖²/‖τ_l − v_l‖² (Bengio 2020)."""
    top = torch.linalg.vector_norm(targets[-1] - shown.rest.soma[-1], dim=1)
    found = []
    for target, soma, rate in zip(targets, shown.rest.soma, shown.pre, strict=True):
        move = target - soma
        size = torch.linalg.vector_norm(move, dim=1)
        scale = torch.where(size > 0, top / size, 0.0) ** 2 if influence else torch.ones_like(size)
        found.append((scale / (torch.linalg.vector_norm(rate, dim=1) ** 2 + 1))[:, None] * move)
    return found


def _rest_at_output(task: TargetTask) -> tuple[tuple[Tensor, ...], Tensor]:
    exact = solve_output_iteration(task.coders, task.state, output_target=task.goal, start="forward")
    return exact.targets, exact.converged


def _rest_at_input(task: TargetTask) -> tuple[tuple[Tensor, ...], Tensor]:
    exact = solve_input_iteration(task.coders, output_target=task.goal)
    return exact.targets, exact.converged


def _corrected_once(task: TargetTask) -> tuple[tuple[Tensor, ...], Tensor]:
    """τ_{l−1} = 2 g_l(τ_l) − g_l(f_l(g_l(τ_l)))."""
    targets = [task.goal]
    for l in range(task.coders.depth, 1, -1):
        guess = task.coders.decode(l, targets[0])
        targets.insert(0, 2 * guess - task.coders.decode(l, task.coders.encode(l, guess)))
    return tuple(targets), torch.ones(len(task.goal), dtype=torch.bool)


_EXACT: dict[str, Callable[[TargetTask], tuple[tuple[Tensor, ...], Tensor]]] = {
    "output": _rest_at_output,
    "input": _rest_at_input,
    "once": _corrected_once,
}
