"""Weights in the cells of a memory: what the network computes with, and what an update leaves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hardware_models import Fragment, Parameter
from hardware_models.memory import CellArray
from hardware_models.memory.emulated import NO_FATE, OF_WRITING
from neurosim.equations.model import GatedCode, Group, ModelParameter
from neurosim.equations.optimizer import UpdateRule, last_code
from neurosim.equations.parameters import declarations, model_parameter, noise_key_parameter
from neurosim.equations.parts import Parts
from neurosim.equations.sites import CHANGE, CHANGE_TOO, FATE, normal

_NOW = "pace*t - written_at"
_ORDER = -9
"""Within the slot "start": before anything is computed with the weights."""


def stored_weights(
    name: str, array: CellArray, *, gain: NDArray[np.float64] | None, noisy: bool, rule: UpdateRule | None
) -> Parts:
    """weight = gain · what the cells conduct, worked out when a presentation begins; written when it ends.

    A cell is written where a change is asked for and it lives: what it keeps by then answers by its memory's law, and
    its age starts anew.

    Parameters
    ----------
    noisy : whether cells are read with noise, and each answers differently each time.
    rule : what asks for changes; None: nothing does.
    """
    fated = array.keeping.fate != NO_FATE
    reading = array.memory.reading() if noisy else None
    fragments = [array.keeping.statements, array.conduction.statements]
    fragments += [reading] if reading is not None else []
    equations = ["weight : 1", "stored : 1", "written_at : second"]
    equations += ["fate : 1"] if fated else []
    scale = "full_scale" if gain is None else "gain*full_scale"
    code = [_conduct(name, array, scale)]
    if reading is not None:
        equations += ["kept : 1", "variance : 1"]
        code.append(_read(name, reading, scale))
    parameters = _own_parameters(array, gain)
    drawing = False
    if rule is not None:
        equations += ["accumulated : 1", *rule.equations]
        answer = array.answer.statements((normal(CHANGE), normal(CHANGE_TOO)))
        fragments.append(answer)
        code += [*rule.code, _change(name, array, rule, answer)]
        parameters |= rule.parameters
        drawing = array.answer.random or array.keeping.fate == OF_WRITING
    parameters |= _plain(fragments)
    if not noisy and "cycle_spread" in parameters:
        parameters["cycle_spread"] = ModelParameter(value=0.0, unit="1", meaning="a chip without noise")
    if drawing:
        parameters["noise_key"] = noise_key_parameter()
    group = Group(
        name=name,
        n_units=array.cells.step.size,
        n_columns=1,
        equations="\n".join([*equations, *declarations(parameters)]),
        parameters=parameters,
        lasting=True,
    )
    return Parts(groups=(group,), code=tuple(code), programs=rule.programs if rule is not None else ())


def _own_parameters(array: CellArray, gain: NDArray[np.float64] | None) -> dict[str, ModelParameter]:
    found = {} if gain is None else {"gain": _number(gain.ravel(), "mismatch and lines of each synapse")}
    return found | {
        "full_scale": _number(array.full_scale, "weight of full scale"),
        "pace": _number(1.0, "1: time passes; 0: stored weights are left as they were"),
    }


def _number(value: float | NDArray[np.float64], meaning: str) -> ModelParameter:
    return model_parameter(Parameter(value=value, meaning=meaning))


def _plain(fragments: list[Fragment]) -> Mapping[str, ModelParameter]:
    return {
        name: model_parameter(parameter)
        for fragment in fragments
        for name, parameter in fragment.parameters.items()
    }


def _kept(array: CellArray) -> list[str]:
    return ["x = stored/full_scale", f"age = {_NOW}", array.keeping.statements.after]


def _conduct(name: str, array: CellArray, scale: str) -> GatedCode:
    lines = [*_kept(array), array.conduction.statements.after, f"weight = {scale}*conducted"]
    return _at_begin(f"{name}_conduct", name, lines, _ORDER)


def _read(name: str, reading: Fragment, scale: str) -> GatedCode:
    lines = [f"age = {_NOW}", reading.after, f"variance = ({scale}*sigma)**2"]
    return _at_begin(f"{name}_read", name, lines, _ORDER + 1)


def _at_begin(code: str, group: str, lines: list[str], order: int) -> GatedCode:
    return GatedCode(name=code, group=group, code="\n".join(lines), gate="begin", slot="start", order=order)


def _change(name: str, array: CellArray, rule: UpdateRule, answer: Fragment) -> GatedCode:
    lines = [
        f"wanted = ({rule.change})/full_scale",
        *_kept(array),
        answer.after,
        "pulsed = int(wanted != 0)*int(step > 0)",
    ]
    if array.keeping.fate == OF_WRITING:
        lines.append(f"fate = pulsed*{normal(FATE)} + (1 - pulsed)*fate")
    lines += [
        "stored = pulsed*full_scale*changed + (1 - pulsed)*stored",
        "written_at = pulsed*(pace*t) + (1 - pulsed)*written_at",
        "accumulated = 0",
    ]
    return last_code(name, rule, lines)
