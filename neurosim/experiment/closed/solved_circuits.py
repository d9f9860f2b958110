"""The solved circuits of the ideal network against formulas that know no circuit."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from neurosim.analysis import relative_difference
from neurosim.experiment.closed.target_task import target_task
from neurosim.learning import InputRelaxation, method_of
from neurosim.reference import Parameters
from neurosim.reference.circuit import CircuitSteadyState, solve_circuit
from neurosim.reference.inversion import (
    SingleLoop,
    error_at_output,
    inverse_maps,
    propagate,
    solve_steady_state,
)
from neurosim.reference.targetprop import solve_output_iteration
from neurosim.reference.training import Shown, settled_rule, update_of
from neurosim.result import Check
from neurosim.spec import Spec

FORMULA_TOLERANCE = 1e-7
"""Of a solved circuit against its closed form, relative: both solve to 1e-13, and a loop with a leak as small as
1e-4 and weights of order 1 loses some six digits to its condition."""


def check_pairs(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """δ_{l−1} = B (W B − αI)⁻¹ δ_l ∘ φ' of every hidden layer (Podlaski and Machens 2020, eq. 17)."""
    rest = error_at_output(spec.network, parameters, inputs, desired, loss=spec.task.loss)
    maps = inverse_maps(parameters.forward[1:], parameters.feedback, leak=spec.method.leak)
    formula = propagate(maps, rest.delta, slopes=rest.slopes)[:-1]
    # NDI has no circuit of its own; what it solves is where the repeated layers rest
    method = attrs.evolve(spec.method, name="DI-repeat")
    steady = _solve(attrs.evolve(spec, method=method), parameters, inputs, desired)
    found = [steady.populations[f"error_{l}"] * slope for l, slope in enumerate(rest.slopes, start=1)]
    return [
        _check("closed form: dynamic inversion", found, formula, steady),
        _check("closed form: updates", *_inverted_updates(spec, parameters, inputs, desired), steady),
    ]


def _inverted_updates(
    spec: Spec, parameters: Parameters, inputs: Any, desired: Any
) -> tuple[list[Tensor], list[Tensor]]:
    """ΔW_l at the rest of the dynamics (NDI: of the repeated layers), and by NDI's rule."""
    network, loss = spec.network, spec.task.loss
    dynamics = spec.method.name if method_of(spec.method.name).dynamical else "DI-repeat"
    own = attrs.evolve(spec.method, name=dynamics)
    solved = attrs.evolve(spec.method, name="NDI")
    settled = update_of(network, parameters, own, inputs, desired, loss=loss, rule=settled_rule)
    inverted = update_of(network, parameters, solved, inputs, desired, loss=loss)
    return [*settled.forward, *settled.biases], [*inverted.forward, *inverted.biases]


def check_chain(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """δ_l of the single loop against Newton's solution for u alone."""
    network = spec.network
    if network.depth == 1:
        return []
    rest = error_at_output(network, parameters, inputs, desired, loss=spec.task.loss)
    loop = SingleLoop(
        forward=parameters.forward[1:],
        feedback=parameters.feedback[0],
        leak=spec.method.leak,
        activation=network.common_hidden,
    )
    solution = solve_steady_state(loop, rest.delta)
    steady = _solve(spec, parameters, inputs, desired)
    found = [steady.populations[f"error_{l}"] for l in range(1, network.depth)]
    check = _check("closed form: single loop", found, list(solution.state.deltas), steady)
    return [check if bool(solution.converged.all()) else attrs.evolve(check, value=float("nan"))]


def check_targets(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """τ_l against g_l(f_l(τ_{l−1})) = g_l(τ_l), solved layer by layer, or f_l(τ_{l−1}) = τ_l."""
    steady = _solve(spec, parameters, inputs, desired)
    targets = [steady.populations[f"target_{l}"] for l in range(1, spec.network.depth)]
    shown = Shown.of(spec.network, parameters, spec.method, inputs, desired, loss=spec.task.loss)
    task = target_task(shown)
    if isinstance(method_of(spec.method.name).inversion, InputRelaxation):
        # Whatever the decoders are: what layer l makes of the targets below it is its own target.
        targets = [*targets, steady.output]
        found = [task.coders.encode(l, targets[l - 2]) for l in range(2, spec.network.depth + 1)]
        return [_check("closed form: targets", found, targets[1:], steady)]
    exact = solve_output_iteration(task.coders, task.state, output_target=task.goal, start="forward")
    check = _check("closed form: targets", targets, list(exact.targets[:-1]), steady)
    if bool(exact.converged.all()):
        return [check]
    return [attrs.evolve(check, value=float("nan"), detail=f"{check.detail}; no exact targets were found")]


def _solve(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> CircuitSteadyState:
    return solve_circuit(spec.network, parameters, spec.method, inputs, desired, loss=spec.task.loss)


def _check(name: str, found: list[Tensor], formula: Any, steady: CircuitSteadyState) -> Check:
    pairs = [(a.numpy(), b.numpy()) for a, b in zip(found, formula, strict=True)]
    solved = bool(steady.converged.all())
    return Check(
        name=name,
        value=(relative_difference(pairs) if pairs else 0.0) if solved else float("nan"),
        tolerance=FORMULA_TOLERANCE,
        detail="hidden layers of the ideal network: the circuit's state at rest against the formula",
    )
