"""What a method's states and updates must be by its closed form: a table by inversion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.experiment.closed.iterated import check_iterated
from neurosim.experiment.closed.orders import check_bp, check_lemma_order, check_linear_solution
from neurosim.experiment.closed.solved_circuits import check_chain, check_pairs, check_targets
from neurosim.experiment.closed.surrogates import check_surrogate
from neurosim.learning import (
    FixedLayerwise,
    InputRelaxation,
    Iterated,
    LayerwiseTranspose,
    NonlinearChain,
    OpenLoop,
    OutputRelaxation,
    PairsAtOnce,
    PairsInTurn,
    Simulated,
    Solved,
    method_of,
)
from neurosim.reference import Parameters
from neurosim.result import Check
from neurosim.spec import Spec

Checker = Callable[[Spec, Parameters, Any, Any], list[Check]]


def check_closed_forms(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """The reference against itself: two ways to the same state or update, or an order of approximation.

    inputs (B, n_0), desired (B, n_L).
    """
    return _CHECKS[type(method_of(spec.method.name).inversion)](spec, parameters, inputs, desired)


def _open(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    own = isinstance(method_of(spec.method.name).feedback, LayerwiseTranspose)
    return (check_bp if own else check_surrogate)(spec, parameters, inputs, desired)


def _solved(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    if isinstance(method_of(spec.method.name).feedback, FixedLayerwise):
        return check_pairs(spec, parameters, inputs, desired)
    order = check_lemma_order(spec, parameters, inputs, desired)
    return order + check_linear_solution(spec, parameters, inputs, desired)


_CHECKS: dict[type[Any], Checker] = {
    OpenLoop: _open,
    Solved: _solved,
    Simulated: check_lemma_order,
    PairsInTurn: check_pairs,
    PairsAtOnce: check_pairs,
    NonlinearChain: check_chain,
    OutputRelaxation: check_targets,
    InputRelaxation: check_targets,
    Iterated: check_iterated,
}
