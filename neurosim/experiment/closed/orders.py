"""Checks of the reference against itself: orders of approximation and finite differences."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from neurosim.reference import (
    Parameters,
    bp_update,
    dfc_ssa_update,
    evaluate,
    feedforward,
    lemma_one,
    solve_fixed_point,
    steady_state_update,
)
from neurosim.reference import target as nudged
from neurosim.reference.tensors import double
from neurosim.result import Check
from neurosim.spec import Spec

SLOPE_TOLERANCE = 0.1
"""Of the measured order of Lemma 1's error in λ; the next order is still felt at the λ used."""
STEPSIZES = (1e-2, 1e-3, 1e-4, 1e-5)
"""λ, each a tenth of the one before."""
CLEAR_ERROR = 1e-10
"""Of u, a thousand times what Newton's method leaves."""
LINEAR_ERROR = 100 * CLEAR_ERROR
"""At the largest λ: whatever is larger would be clear at the next λ too, if it fell by λ²."""


def check_lemma_order(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """Lemma 1's error against the Newton fixed point of the ideal network falls as λ² as λ → 0."""
    errors = []
    with_loss = double(desired)
    for stepsize in STEPSIZES:
        method = attrs.evolve(spec.method, target_stepsize=stepsize)
        goal = _ideal_target(spec, parameters, inputs, with_loss, stepsize)
        solved = solve_fixed_point(spec.network, parameters, method, inputs, goal).output
        errors.append(
            float((solved - lemma_one(spec.network, parameters, method, inputs, goal).output).abs().max())
        )
    # The two smallest λ whose errors stand out from rounding: a loop near singular is quadratic only there.
    clear = [error for error in errors if error > CLEAR_ERROR][-2:]
    if len(clear) < 2:
        return [
            Check(
                name="Lemma 1",
                value=errors[0],
                tolerance=LINEAR_ERROR,
                detail="u of Lemma 1 against the fixed point: too near to show an order, as in a linear network",
            )
        ]
    slope = float(np.log10(clear[0] / clear[1]))
    return [
        Check(
            name="Lemma 1: order",
            value=abs(slope - 2),
            tolerance=SLOPE_TOLERANCE,
            detail=f"error of u falls with slope {slope:.3f} in λ; the lemma says 2",
        )
    ]


def check_linear_solution(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """DFC-SSA's update against the nonlinear steady state's: they meet as λ → 0."""
    stepsizes = (1e-3, 1e-4)
    distances = []
    for stepsize in stepsizes:
        method = attrs.evolve(spec.method, target_stepsize=stepsize)
        goal = _ideal_target(spec, parameters, inputs, double(desired), stepsize)
        steady = solve_fixed_point(spec.network, parameters, method, inputs, goal)
        exact = steady_state_update(spec.network, parameters, inputs, steady)
        linear = dfc_ssa_update(spec.network, parameters, method, inputs, goal)
        gap = sum(float((a - b).square().sum()) for a, b in zip(exact.forward, linear.forward, strict=True))
        size = sum(float(a.square().sum()) for a in exact.forward)
        distances.append((gap / size) ** 0.5)
    return [
        Check(
            name="linearised update",
            value=distances[1],
            tolerance=max(0.2 * distances[0], 1e-9),
            detail="relative distance to the update at the fixed point at λ = 1e-4; a tenth of that at 1e-3",
        )
    ]


def check_bp(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """The gradient's closed form against central differences of the loss along it."""
    update = bp_update(spec.network, parameters, inputs, desired, loss=spec.task.loss)
    squared = sum(float(g.square().sum()) for g in (*update.forward, *update.biases))
    step = 1e-5 / max(squared, 1e-30) ** 0.5

    def loss_at(distance: float) -> float:
        moved = attrs.evolve(
            parameters,
            forward=tuple(w + distance * g for w, g in zip(parameters.forward, update.forward, strict=True)),
            biases=tuple(b + distance * g for b, g in zip(parameters.biases, update.biases, strict=True)),
        )
        return evaluate(spec.network, moved, inputs, desired, loss=spec.task.loss)[0]

    measured = -(loss_at(step) - loss_at(-step)) / (2 * step)
    return [
        Check(
            name="gradient",
            value=abs(measured / squared - 1),
            tolerance=1e-6,
            detail="−∂L/∂W against central differences along it: error of order step² and rounding/step",
        )
    ]


def _ideal_target(
    spec: Spec, parameters: Parameters, inputs: Any, desired: torch.Tensor, stepsize: float
) -> torch.Tensor:
    rest = feedforward(spec.network, parameters, inputs).output
    return nudged(spec.task.loss, rest, desired, stepsize)
