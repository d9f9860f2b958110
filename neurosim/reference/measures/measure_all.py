"""All measures that make sense for a method, by name: a table by part; knows not when they are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.feedback import (
    Decoders,
    FixedDirect,
    FixedLayerwise,
    FixedRelayed,
    LearnedDirect,
    SingleLoop,
)
from neurosim.learning.methods import method_of
from neurosim.learning.plasticity import AtSteadyState, Controlled, Gradient
from neurosim.reference.feedforward import Activity
from neurosim.reference.fixed_point import solve_fixed_point
from neurosim.reference.jacobians import layer_jacobians, output_sensitivity
from neurosim.reference.measures.angles import feedback_angles, sample_angles
from neurosim.reference.measures.conditions import condition_one, condition_three, condition_two
from neurosim.reference.measures.optima import (
    gauss_newton_terms,
    minimum_norm_terms,
    weighted_minimum_norm_terms,
)
from neurosim.reference.measures.reconstruction import reconstruction_errors
from neurosim.reference.measures.regression import unexplained_variance
from neurosim.reference.measures.rivals import (
    backpropagation_terms,
    inverted_terms,
    linearised_terms,
    pseudo_backpropagation_terms,
)
from neurosim.reference.parameters import Parameters
from neurosim.reference.training.controlled import TOLERANCE
from neurosim.reference.training.rules import Rule, check_feedback, has_rule, rule_of
from neurosim.reference.training.settled import settled_rule
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Terms, leave_out
from neurosim.reference.updates import Updates, angle
from neurosim.reference.wiring import assemble_feedback
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

Named = Iterator[tuple[str, float]]


def measure_all(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    desired: Any,
    loss: str,
    *,
    update: Updates | None = None,
) -> dict[str, float]:
    """Every measure that the parts of the method have, on a few samples; `measure_units` has their units.

    Means over the samples where they are taken sample by sample; NaN where nothing could be measured.

    condition_one, condition_two : see `neurosim.reference.measures.conditions`.
    condition_three, condition_three_worst : the latter of the worst sample.
    angle_to_*, batch_angle_to_* : of the method's update to another, sample by sample and then averaged, or of
        the means over the samples, as in figure 3 of Meulemans et al. 2021. The update is that of the method's
        rule, or of the steady state of its dynamics.
    feedback_angle_l : ∠(B_l, ±W_lᵀ); feedback_angle_loop : ∠(B, −(W_L ⋯ W_2)ᵀ) of a single loop.
    reconstruction_error_l : of decoder l.
    unexplained_variance : of the outputs; with the loss squared_error.

    Parameters
    ----------
    inputs, desired : (B, n_0), (B, n_L).
    update : the mean update that the method made of these samples, where it was simulated or emulated; then only
        batch_angle_to_* are given.

    Raises
    ------
    SpecError, DataError : what does not fit.
    """
    check_feedback(network, parameters, method)
    shown = Shown.of(network, parameters, method, inputs, desired, loss=loss)
    parts = method_of(method.name)
    found = {"condition_one": _mean(condition_one(shown.pre))}
    for measure in (
        *_OF_FEEDBACK.get(type(parts.feedback), ()),
        *_OF_PLASTICITY.get(type(parts.plasticity), ()),
    ):
        found |= dict(measure(shown))
    rivals = _RIVALS | _RIVALS_OF.get(type(parts.plasticity), {})
    found |= dict(_angles(shown, rivals, update))
    if loss == "squared_error":
        found["unexplained_variance"] = unexplained_variance(shown.rest.output, shown.desired)
    return found


def measure_units(names: Iterable[str]) -> dict[str, str]:
    """The unit of each of these measures: "deg" for angles, "1" for all others."""
    return {name: "deg" if "angle" in name.split("_") else "1" for name in names}


def own_terms(shown: Shown) -> Terms:
    """What the method makes of each sample, by its rule or at the steady state of its dynamics; samples that
    found none have NaN, so that they enter no mean."""
    rule: Rule = settled_rule
    if has_rule(method_of(shown.method.name)):
        rule = rule_of(shown.network, shown.method)
    taught = rule(shown)
    if taught.settled is None or not method_of(shown.method.name).dynamical:
        return taught.terms
    return Terms(
        post=tuple(torch.where(taught.settled[:, None], x, torch.nan) for x in taught.terms.post),
        pre=taught.terms.pre,
    )


def _angles(shown: Shown, rivals: dict[str, Callable[[Shown], Terms]], update: Updates | None) -> Named:
    own = own_terms(shown) if update is None else None
    for name, rival in rivals.items():
        try:
            other = rival(shown)
        except SpecError:  # an inverse that does not exist
            nothing = tuple(torch.zeros_like(soma) for soma in shown.rest.soma)
            other = Terms(post=nothing, pre=shown.pre)  # at no angle to anything
        if own is not None:
            yield f"angle_to_{name}", _mean(sample_angles(own, other))
        if own is not None:
            kept = torch.stack([torch.isfinite(x).all(1) for x in own.post]).all(0)
            pair = leave_out(own, kept).mean(), leave_out(other, kept).mean()
        else:
            assert update is not None
            pair = update, other.mean()
        yield f"batch_angle_to_{name}", angle(*pair, biases=True)


def _condition_two(shown: Shown) -> Named:
    jacobian = torch.cat(layer_jacobians(shown.plant, shown.rest), dim=2)
    wiring = assemble_feedback(shown.network, shown.parameters, shown.method)
    yield "condition_two", _mean(condition_two(jacobian, wiring.direct))


def _condition_three(shown: Shown) -> Named:
    method = shown.method
    steady = solve_fixed_point(
        shown.network, shown.parameters, method, shown.inputs, shown.target, tolerance=TOLERANCE
    )
    wiring = assemble_feedback(shown.network, shown.parameters, method)
    loop = output_sensitivity(
        shown.plant, wiring.direct, Activity(soma=steady.soma, rate=steady.rate, basal=steady.basal)
    )
    loop = torch.where(steady.converged[:, None, None], loop, torch.nan)
    decay = condition_three(loop, integral_gain=method.integral_gain, leak=method.leak)
    yield "condition_three", _mean(decay)
    yield "condition_three_worst", _least(decay)


def _layer_angles(shown: Shown) -> Named:
    feedback = method_of(shown.method.name).feedback
    sign = feedback.sign if isinstance(feedback, FixedLayerwise) else -1
    angles = feedback_angles(shown.parameters.forward[1:], shown.parameters.feedback, sign=sign)
    yield from ((f"feedback_angle_{l}", value) for l, value in enumerate(angles, start=2))


def _loop_angle(shown: Shown) -> Named:
    if shown.network.depth > 1:
        path = reduce(torch.matmul, reversed(shown.parameters.forward[1:]))
        yield "feedback_angle_loop", feedback_angles([path], shown.parameters.feedback)[0]


def _reconstruction(shown: Shown) -> Named:
    errors = reconstruction_errors(shown)
    yield from ((f"reconstruction_error_{l}", _mean(values)) for l, values in enumerate(errors, start=2))


def _mean(values: Tensor) -> float:
    return float(values.nanmean())


def _least(values: Tensor) -> float:
    known = values[~torch.isnan(values)]
    return float(known.min()) if len(known) else float("nan")


Measure = Callable[[Shown], Named]

_OF_FEEDBACK: dict[type[Any], tuple[Measure, ...]] = {
    FixedDirect: (_condition_two,),
    LearnedDirect: (_condition_two,),
    FixedRelayed: (_condition_two,),
    FixedLayerwise: (_layer_angles,),
    SingleLoop: (_loop_angle,),
    Decoders: (_reconstruction,),
}

_OF_PLASTICITY: dict[type[Any], tuple[Measure, ...]] = {
    Controlled: (_condition_three,),
    AtSteadyState: (_condition_three,),
}

_RIVALS: dict[str, Callable[[Shown], Terms]] = {
    "bp": backpropagation_terms,
    "minimum_norm": minimum_norm_terms,
    "weighted_minimum_norm": weighted_minimum_norm_terms,
    "gauss_newton": gauss_newton_terms,
}

_RIVALS_OF: dict[type[Any], dict[str, Callable[[Shown], Terms]]] = {
    Controlled: {"ssa": linearised_terms},
    AtSteadyState: {"ssa": linearised_terms},
    Gradient: {"pbp": pseudo_backpropagation_terms, "ndi": inverted_terms},
}
"""Whom methods of this plasticity are held against beside these."""
