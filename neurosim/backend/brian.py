"""A Model as Brian2 objects: groups, gated code and dense programs in one explicit network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import attrs
from brian2 import BrianObject, Clock, Network, NeuronGroup, linked_var, prefs, second

from neurosim.backend.euler import EulerWithStatements
from neurosim.backend.functions import FUNCTIONS
from neurosim.backend.precision import real_type, types_of
from neurosim.equations.model import GatedCode, Group, Model, Program


class Target(Protocol):
    """How one of Brian2's targets does what Brian2 has no object for."""

    code_object_class: Any
    """Of the groups' state updaters; None: Brian2's own."""

    def gated(
        self, code: GatedCode, group: NeuronGroup, schedule: NeuronGroup, levels: Sequence[str]
    ) -> BrianObject:
        """Statements that run at the steps of a gate, and may be left out while all `levels` of the group are 0."""
        ...

    def program(self, program: Program, groups: dict[str, NeuronGroup], clock: Clock) -> BrianObject:
        """A list of dense operations."""
        ...


@attrs.frozen(kw_only=True, eq=False)
class Built:
    """The objects of one Model."""

    network: Network
    groups: dict[str, NeuronGroup]
    clock: Clock


def build_network(model: Model, target: Target) -> Built:
    """Make the objects on the active device; equations see no names but the Model's."""
    clock = Clock(dt=model.dt * second, name="stepclock")
    groups = {group.name: _neuron_group(group, model, clock, target) for group in model.groups}
    for group in model.groups:
        for name, reference in group.links.items():
            source, variable = reference.split(".")
            setattr(groups[group.name], name, linked_var(groups[source], variable))
    schedule = groups["schedule"]
    objects: list[BrianObject] = [*groups.values()]
    objects += [
        target.gated(code, groups[code.group], schedule, model.group(code.group).idle.get(code.name, ()))
        for code in model.code
    ]
    objects += [target.program(program, groups, clock) for program in model.programs]
    for item in objects:  # whoever calls us may have a magic network of their own
        for part in (item, *item.contained_objects):
            part.add_to_magic_network = False
    return Built(network=Network(*objects), groups=groups, clock=clock)


@contextmanager
def precision_of(model: Model) -> Iterator[None]:
    """Brian2 makes and generates code for a Model's objects within this; its own default comes back afterwards."""
    before = prefs.core.default_float_dtype
    prefs.core.default_float_dtype = real_type(model)
    try:
        yield
    finally:
        prefs.core.default_float_dtype = before


def _neuron_group(group: Group, model: Model, clock: Clock, target: Target) -> NeuronGroup:
    updater = group.updater
    neurons = NeuronGroup(
        group.n_units * group.n_columns,
        group.equations,
        method=EulerWithStatements(updater.before, updater.after, index=group.index) if updater else "euler",
        clock=clock,
        name=group.name,
        namespace=dict(FUNCTIONS),
        dtype=types_of(model, group),
        codeobj_class=target.code_object_class,
        **({"order": updater.order} if updater else {}),
    )
    if updater:
        neurons.state_updater.when = updater.slot
        neurons.state_updater.order = updater.order
    return neurons
