"""Which rule carries out a method without dynamics: a table by part; knows no optimiser and no epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from neurosim.errors import SpecError
from neurosim.learning.feedback import feedback_shapes
from neurosim.learning.inversion import Iterated, OpenLoop, Solved
from neurosim.learning.methods import METHODS, Method, method_of
from neurosim.learning.plasticity import AtSteadyState, Gradient, TargetDifference
from neurosim.reference.parameters import Parameters
from neurosim.reference.training.carried import CARRIERS, carry_errors, check_inverse, invert_errors
from neurosim.reference.training.controlled import linearise_loop
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.targets import IterateTargets
from neurosim.reference.training.terms import Taught
from neurosim.reference.updates import Updates
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

Rule = Callable[[Shown], Taught]


def _nothing_to_check(network: Network, method: MethodSettings, parameters: Parameters | None) -> None:
    """Any network will do."""


@attrs.frozen
class _Entry:
    rule: Rule
    check: Callable[[Network, MethodSettings, Parameters | None], None] = _nothing_to_check


_RULES: dict[tuple[type[Any], type[Any]], _Entry] = {
    (OpenLoop, Gradient): _Entry(carry_errors),
    (Solved, Gradient): _Entry(invert_errors, check_inverse),
    (Solved, AtSteadyState): _Entry(linearise_loop),
    (Iterated, TargetDifference): _Entry(IterateTargets()),
}
"""By how the error is inverted, and what synapses do with what comes of it."""


def rule_of(network: Network, method: MethodSettings, parameters: Parameters | None = None) -> Rule:
    """The rule of a method that needs no dynamics.

    parameters : those it will start with; None: not known.

    Raises
    ------
    SpecError : the method has dynamics, or cannot work on this network or with these parameters.
    """
    parts = method_of(method.name)
    if not has_rule(parts):
        raise SpecError(
            f"{method.name} runs as dynamics",
            where="method.name",
            expected="one of " + ", ".join(name for name, m in METHODS.items() if has_rule(m)),
            remedy="emulate it, simulate its presentations, or train with `settled_rule`",
        )
    entry = _RULES[_key(parts)]
    entry.check(network, method, parameters)
    return entry.rule


def has_rule(method: Method) -> bool:
    """Whether a combination of parts is carried out without dynamics."""
    carried = not isinstance(method.inversion, OpenLoop) or type(method.feedback) in CARRIERS
    return _key(method) in _RULES and carried


def teach(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    rule: Rule | None = None,
) -> Taught:
    """What a batch teaches, sample by sample, without learning rates; rule None: that of the method.

    inputs (B, n_0), desired (B, n_L).

    Raises
    ------
    SpecError, DataError : a method with dynamics and no rule given, or shapes that do not fit.
    """
    chosen = rule if rule is not None else rule_of(network, method)
    check_feedback(network, parameters, method)
    return chosen(Shown.of(network, parameters, method, inputs, desired, loss=loss))


def update_of(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    rule: Rule | None = None,
) -> Updates:
    """The mean over the batch of what `teach` gives."""
    return teach(network, parameters, method, inputs, desired, loss=loss, rule=rule).terms.mean()


def check_feedback(network: Network, parameters: Parameters, method: MethodSettings) -> None:
    """Whether the feedback weights are the method's; any will do where the path is made of W. SpecError if not."""
    feedback = method_of(method.name).feedback
    if feedback_shapes(feedback, network.layers):
        parameters.check_feedback(feedback, network)


def _key(method: Method) -> tuple[type[Any], type[Any]]:
    return type(method.inversion), type(method.plasticity)
