"""Assembly: a network, a method and a drawn chip become one Model."""

from __future__ import annotations

from neurosim.equations.beside import beside_parts, beside_traced
from neurosim.equations.controlled import controlled_parts, controlled_traced
from neurosim.equations.design import Design
from neurosim.equations.model import SCHEDULE, SCHEDULE_VARIABLES, Group, Model, Program
from neurosim.equations.operations import Feed, Finish, Guard, Record, Rest
from neurosim.equations.parts import Ending, Parts, Traced
from neurosim.equations.synapse import CONTINUOUS

DIVERGED_ABOVE = 1e6
"""Activity beyond which a run counts as diverged; chosen far above any working point."""


def assemble(design: Design) -> Model:
    """The Model of a design. Order within a step:

    input → rates → sample and hold, target → controller or signals → products → compartments → plasticity → weights.
    """
    beside = design.circuit is not None
    parts, ending = beside_parts(design) if beside else controlled_parts(design)
    states, others = beside_traced(design) if beside else controlled_traced(design)
    network, columns = design.network, design.columns
    traced = {"trace_states": tuple(states), "trace_others": tuple(others)}
    schedule = Group(
        name=SCHEDULE,
        n_units=1,
        n_columns=1,
        equations="\n".join(
            [*(f"{name} : integer (shared)" for name in SCHEDULE_VARIABLES), "rest_below : 1 (shared)"]
        ),
    )
    inputs = Group(
        name="input",
        n_units=network.layers[0],
        n_columns=columns,
        equations="\n".join(["rate : 1", *(["square : 1"] if beside else [])]),
    )
    return Model(
        groups=(schedule, inputs, *parts.groups),
        code=parts.code,
        programs=(
            _feeds(design),
            *parts.programs,
            *_trace_programs(traced, columns),
            _end(design, ending, parts),
        ),
        dt=float(design.dt_ratio * design.chip.time_base),
        layers=network.layers,
        n_columns=columns,
        traced=traced,
        endings=ending.kept,
        precision=design.precision,
    )


def _feeds(design: Design) -> Program:
    layers, columns = design.network.layers, design.columns
    feeds = (
        Feed(target="input.rate", name="inputs", n_units=layers[0], n_columns=columns),
        Feed(target="controller.desired", name="desired", n_units=layers[-1], n_columns=columns),
    )
    return Program(name="feeds", operations=feeds, slot="start", order=-10)


def _trace_programs(traced: dict[str, Traced], columns: int) -> list[Program]:
    """States are recorded before they are integrated, the others once they are computed: all at time k."""
    places = {"trace_states": ("start", 5), "trace_others": ("groups", 2)}
    return [
        Program(
            name=name,
            operations=(
                Record(
                    name=name,
                    sources=tuple(reference for reference, _, _ in traced[name]),
                    sizes=tuple(n * columns for _, n, _ in traced[name]),
                    gate="trace",
                ),
            ),
            slot=slot,
            order=order,
        )
        for name, (slot, order) in places.items()
    ]


def _end(design: Design, ending: Ending, parts: Parts) -> Program:
    columns = design.columns
    passing = () if design.sleeps else (_rest(design, parts),)
    operations = (
        Guard(
            sources=tuple(reference for reference, _ in ending.guarded),
            sizes=tuple(n * columns for _, n in ending.guarded),
            bound=DIVERGED_ABOVE * float(design.chip.voltage_unit),
            n_columns=columns,
        ),
        *passing,
        Record(
            name="endings",
            sources=tuple(reference for reference, _, _ in ending.kept),
            sizes=tuple(n * columns for _, n, _ in ending.kept),
            gate="last",
        ),
        Finish(),
    )
    return Program(name="ending", operations=operations, slot="end", order=5)


def _rest(design: Design, parts: Parts) -> Rest:
    """Of all that differential equations move but weights."""
    scales = {"volt": float(design.chip.voltage_unit), "1": 1.0}
    states = [
        (group, name, unit)
        for group in parts.groups
        if not group.lasting
        for name, unit in group.states.items()
    ]
    return Rest(
        sources=tuple(f"{group.name}.{name}" for group, name, _ in states),
        sizes=tuple(group.n_units * group.n_columns for group, _, _ in states),
        scales=tuple(scales[unit] for _, _, unit in states),
        sums=design.method.weight_updates != CONTINUOUS,
    )
