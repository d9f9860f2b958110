"""Noise that remembers from one run to the next: where it starts, and what a run leaves of it; knows no engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from neurosim.equations import Model
from neurosim.equations.model import Group
from neurosim.equations.wander import FLICKER, NORMAL, NOW, TRAP

Array = NDArray[np.float64]

_LEVELS = {
    "soma_noise_current": "soma_white",
    "apical_noise": "apical_white",
    "device_noise": "apical_white",
    "basal_noise": "basal_white",
    "noise_current": "state_white",
    "integrator_noise_current": "integrator_white",
    "hold_noise": "sampling",
    "injected_noise": "injected",
    "read_noise": "reading",
    "cycle_spread": "writing",
    "rounding": "writing",
}


AT_GATES = ("sampling", "writing")
"""Kinds that are drawn where a gate opens, and not in every step."""


@cache
def noise_kind(name: str) -> str | None:
    """Which noise a parameter of a group is the level of, "soma_white", "basal_flicker", "integrator_traps",
    "sampling", …; None: of none."""
    for mark, kind in ((FLICKER, "flicker"), (TRAP, "traps")):
        if mark in name:
            return f"{name.partition(mark)[0]}_{kind}"
    return _LEVELS.get(name)


def wander_outputs(model: Model) -> list[str]:
    """What noise carries from run to run, "group.variable"."""
    return [f"{group.name}.{state}" for group in model.groups for state in group.wander]


def wander_values(
    model: Model,
    streams: Callable[[str], np.random.Generator],
    carried: Mapping[str, Array] | None,
) -> dict[str, Array]:
    """States before a run: what an earlier run left, and drawn from the stationary law where it left nothing.

    Parameters
    ----------
    streams : gives the generator of a group's name; every state draws, so that none depends on what is carried.
    carried : of this chip's last run, perhaps on another model of it, such as that of its nights.
    """
    carried = carried or {}
    values: dict[str, Array] = {}
    for group in model.groups:
        if not group.wander:
            continue
        generator = streams(group.name)
        for state, start in group.wander.items():
            name = f"{group.name}.{state}"
            drawn = _drawn(group, start, generator)
            left = carried.get(name, drawn)
            if left.shape == drawn.shape:
                drawn = left
            values[name] = drawn / model.dt if start == NOW else drawn
    return values


def wander_after(model: Model, final: Mapping[str, Array], steps: int) -> dict[str, Array]:
    """What a run of so many steps leaves to the next: states, and times in s from the start of the next."""
    left: dict[str, Array] = {}
    for group in model.groups:
        for state, start in group.wander.items():
            value = final[f"{group.name}.{state}"]
            left[f"{group.name}.{state}"] = (value - steps) * model.dt if start == NOW else value
    return left


def _drawn(group: Group, start: str, generator: np.random.Generator) -> Array:
    n = group.n_units * group.n_columns
    if start == NOW:
        return np.zeros(1)
    if start == NORMAL:
        return generator.standard_normal(n)
    chance = np.repeat(np.broadcast_to(group.parameters[start].value, group.n_units), group.n_columns)
    return (generator.random(n) < chance).astype(float)
