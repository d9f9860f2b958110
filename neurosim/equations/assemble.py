"""Assembly: a network, a method and a drawn chip become one Model."""

from __future__ import annotations

import attrs
import numpy as np

from hardware_models import Chip, Draw
from neurosim.equations.controller import controller_group, controller_stages
from neurosim.equations.layer import layer_code, layer_group
from neurosim.equations.model import (
    SCHEDULE,
    SCHEDULE_VARIABLES,
    GatedCode,
    Group,
    Model,
    Program,
)
from neurosim.equations.operations import Feed, Finish, Guard, Record
from neurosim.equations.synapse import (
    CONTINUOUS,
    apply_code,
    feedback_products,
    forward_products,
    plasticity,
    weights_group,
)
from neurosim.spec import MethodSettings, Network

DIVERGED_ABOVE = 1e6
"""Activity beyond which a run counts as diverged; chosen far above any working point."""


@attrs.frozen(kw_only=True, eq=False)
class Design:
    """What is to be assembled."""

    network: Network
    method: MethodSettings
    chip: Chip
    draw: Draw | None
    loss: str
    dt_ratio: float
    columns: int


def assemble(design: Design) -> Model:
    """The Model of a design. Order within a step:

    input → rates → sample and hold, target → controller → products → compartments → plasticity → weights.
    """
    network, updates = design.network, design.method.weight_updates
    columns = design.columns
    depth = network.depth
    layer_draws = design.draw.layers if design.draw else (None,) * depth
    layers = [
        layer_group(network, design.chip, draw, index=l, columns=columns)
        for l, draw in enumerate(layer_draws, start=1)
    ]
    control = controller_group(network, design.method, design.chip, design.draw, columns=columns)
    codes, programs = controller_stages(network, design.loss, columns=columns)
    for l, draw in enumerate(layer_draws, start=1):
        codes += layer_code(network, design.chip, draw, index=l)
    weights, weight_codes = _weights(design)
    traced = _traced(design)
    programs = [
        _feeds(network, columns),
        *programs,
        *_trace_programs(traced, columns),
        Program(
            name="products",
            operations=(
                *forward_products(network, columns=columns, updates=updates),
                *feedback_products(network, columns=columns),
            ),
            slot="groups",
            order=-1,
        ),
        Program(
            name="plasticity",
            operations=tuple(plasticity(network, columns=columns, updates=updates)),
            slot="groups",
            order=3,
        ),
        _ending(design),
    ]
    schedule = Group(
        name=SCHEDULE,
        n_units=1,
        n_columns=1,
        equations="\n".join(f"{name} : integer (shared)" for name in SCHEDULE_VARIABLES),
    )
    inputs = Group(name="input", n_units=network.layers[0], n_columns=columns, equations="rate : 1")
    return Model(
        groups=(schedule, inputs, *layers, control, *weights),
        code=(*codes, *weight_codes),
        programs=tuple(programs),
        dt=float(design.dt_ratio * design.chip.time_base),
        layers=network.layers,
        n_columns=columns,
        traced=traced,
    )


def _weights(design: Design) -> tuple[list[Group], list[GatedCode]]:
    network, updates, draw = design.network, design.method.weight_updates, design.draw
    groups, codes = [], []
    for l in range(1, network.depth + 1):
        n_post, n_pre, n_out = network.layers[l], network.layers[l - 1], network.layers[-1]
        forward = draw.forward_gain[l - 1] if draw else None
        feedback = draw.feedback_gain[l - 1] if draw else None
        groups += [
            weights_group(f"synapses_{l}", n_post * n_pre, updates=updates, gain=forward, plastic=True),
            weights_group(f"biases_{l}", n_post, updates=updates, gain=None, plastic=True),
            weights_group(f"feedback_{l}", n_post * n_out, updates=updates, gain=feedback, plastic=False),
        ]
        if updates != CONTINUOUS:
            codes += [apply_code(f"synapses_{l}", gain=forward), apply_code(f"biases_{l}", gain=None)]
    return groups, codes


def _feeds(network: Network, columns: int) -> Program:
    feeds = (
        Feed(target="input.rate", name="inputs", n_units=network.layers[0], n_columns=columns),
        Feed(target="controller.desired", name="desired", n_units=network.layers[-1], n_columns=columns),
    )
    return Program(name="feeds", operations=feeds, slot="start", order=-10)


def _traced(design: Design) -> dict[str, tuple[tuple[str, int, str], ...]]:
    """States are recorded before they are integrated, the others once they are computed: all at time k."""
    network = design.network
    states: list[tuple[str, int, str]] = []
    others: list[tuple[str, int, str]] = []
    for l in range(1, network.depth + 1):
        n = network.layers[l]
        states += [(f"layer_{l}.soma", n, "V"), (f"layer_{l}.rate", n, "1")]
        basal = states if network.tau_basal_ratio > 0 else others
        basal.append((f"layer_{l}.basal", n, "V"))
        apical = states if network.tau_apical_ratio > 0 else others
        apical.append((f"layer_{l}.apical", n, "V"))
        others.append((f"layer_{l}.post", n, "1"))
    n = network.layers[-1]
    states += [("controller.integrator", n, "V")]
    others += [("controller.error", n, "1"), ("controller.output", n, "V"), ("controller.target", n, "1")]
    return {"trace_states": tuple(states), "trace_others": tuple(others)}


def _trace_programs(traced: dict[str, tuple[tuple[str, int, str], ...]], columns: int) -> list[Program]:
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


ENDINGS = ("held", "target", "error", "integrator", "output")
"""Variables of the controller kept at the end of every presentation."""


def _ending(design: Design) -> Program:
    network, columns = design.network, design.columns
    size = network.layers[-1] * columns
    somas = tuple(f"layer_{l}.soma" for l in range(1, network.depth + 1))
    volts = float(design.chip.voltage_unit)
    operations = (
        Guard(
            sources=(*somas, "controller.integrator"),
            sizes=tuple(n * columns for n in (*network.layers[1:], network.layers[-1])),
            bound=DIVERGED_ABOVE * volts,
            n_columns=columns,
        ),
        Record(
            name="endings",
            sources=tuple(f"controller.{name}" for name in ENDINGS),
            sizes=(size,) * len(ENDINGS),
            gate="last",
        ),
        Finish(),
    )
    return Program(name="ending", operations=operations, slot="end", order=5)


def update_scale(design: Design, *, learn_steps: int, at_steady_state: bool) -> float:
    """η/(steps that count · columns): what an accumulated product is multiplied with."""
    steps = 1 if at_steady_state else max(learn_steps, 1)
    return float(np.float64(design.method.learning_rate) / (steps * design.columns))
