"""What happens to a weight when a presentation ends: the optimisers as statements for Brian2."""

from __future__ import annotations

import attrs

from neurosim.equations.model import GatedCode, ModelParameter, Program
from neurosim.equations.operations import ColumnReduce
from neurosim.spec import Optimizer

ADAM_STATES = ("moment1", "moment2", "power1", "power2")
"""What Adam carries from one presentation to the next; the powers are one number for all weights."""

_ORDER = 2
"""Within the slot "end" of the last step."""


@attrs.frozen(kw_only=True)
class UpdateRule:
    """The lines a group of weights needs: variables, parameters, and code and programs for its last step."""

    equations: tuple[str, ...]
    parameters: dict[str, ModelParameter]
    change: str
    """By which `stored` is to change for what was `accumulated`."""
    statements: tuple[str, ...] = ()
    """That run before."""
    code: tuple[GatedCode, ...] = ()
    programs: tuple[Program, ...] = ()


def update_rule(name: str, n_units: int, optimizer: Optimizer, *, decays: bool) -> UpdateRule:
    """Of the weights in group `name`, see `neurosim.spec.Optimizer`.

    update_scale is η/(steps · batch) for sgd, 1/(steps · batch) otherwise; decay_scale is the decay, times η where
    it does not pass through Adam.
    """
    fixed = _setting(0.0, "what the accumulated products are multiplied with")
    rate = _setting(0.0, "η")
    parameters = {"decay_scale": _setting(0.0, "decay of the weights")} if decays else {}
    decay = " - decay_scale*stored" if decays else ""
    if optimizer.name == "sgd":
        return UpdateRule(
            equations=(),
            parameters={"update_scale": fixed, **parameters},
            change=f"update_scale*accumulated{decay}",
        )
    if optimizer.name == "fixed_norm":
        return _fixed_norm(name, n_units, {"learning_rate": rate, **parameters}, decay)
    parameters |= {
        "update_scale": fixed,
        "learning_rate": rate,
        "beta1": _setting(optimizer.beta1, "β₁"),
        "beta2": _setting(optimizer.beta2, "β₂"),
        "epsilon": _setting(optimizer.epsilon, "ε"),
    }
    step = "(moment1/(1 - power1))/(sqrt(moment2/(1 - power2)) + epsilon)"
    return UpdateRule(
        equations=("change : 1", "moment1 : 1", "moment2 : 1", "power1 : 1 (shared)", "power2 : 1 (shared)"),
        parameters=parameters,
        statements=(
            "power1 = power1*beta1",
            "power2 = power2*beta2",
            f"change = update_scale*accumulated{decay}",
            "moment1 = beta1*moment1 + (1 - beta1)*change",
            "moment2 = beta2*moment2 + (1 - beta2)*change**2",
        ),
        change=f"learning_rate*{step}",
    )


def _fixed_norm(name: str, n_units: int, parameters: dict[str, ModelParameter], decay: str) -> UpdateRule:
    square = GatedCode(
        name=f"{name}_square", group=name, code="square = accumulated**2", gate="last", slot="end", order=0
    )
    total = ColumnReduce(
        target=f"{name}.total", source=f"{name}.square", how="sum", n_units=n_units, n_columns=1, gate="last"
    )
    return UpdateRule(
        equations=("square : 1", "total : 1"),
        parameters=parameters,
        # nothing accumulated: nothing to do, and no division by zero
        change=f"learning_rate*accumulated/(sqrt(total) + int(total == 0)){decay}",
        code=(square,),
        programs=(Program(name=f"{name}_total", operations=(total,), slot="end", order=1),),
    )


def apply_code(name: str, rule: UpdateRule, *, effective: str) -> GatedCode:
    """The buffered update at the last step of a presentation; `effective` is the weight made of `stored`."""
    return last_code(name, rule, [f"stored += {rule.change}", "accumulated = 0", f"weight = {effective}"])


def last_code(name: str, rule: UpdateRule, lines: list[str]) -> GatedCode:
    """What the rule does first, and lines that use its change."""
    text = "\n".join([*rule.statements, *lines])
    return GatedCode(name=f"{name}_apply", group=name, code=text, gate="last", slot="end", order=_ORDER)


def _setting(value: float, meaning: str) -> ModelParameter:
    return ModelParameter(value=float(value), unit="1", meaning=meaning)
