"""A network whose neurons are moved by a controller: Deep Feedback Control as parts of a Model."""

from __future__ import annotations

from functools import reduce
from operator import add

from neurosim.equations.controller import CONTROLLER, controller_group, controller_stages
from neurosim.equations.design import Design
from neurosim.equations.layer import LayerDesign, layer_code, layer_group
from neurosim.equations.model import Program
from neurosim.equations.noises import noises_of, terms_of
from neurosim.equations.parts import Ending, Parts, Traced
from neurosim.equations.reading import drives_constantly, read_noisily
from neurosim.equations.synapse import (
    CONTINUOUS,
    check_updates,
    continuous_weights,
    feedback_plasticity,
    feedback_products,
    forward_products,
    kept_weights,
    learned_weights,
    plasticity,
)
from neurosim.equations.wander import wander_of
from neurosim.learning import FixedRelayed, feedback_shapes
from neurosim.learning.from_noise import learns_from_noise

ENDINGS = ("held", "target", "error", "integrator", "output")
"""Variables of the controller kept at the end of every presentation."""


def learns_feedback(design: Design) -> bool:
    """Whether the feedback weights change in this Model: while asleep, or always."""
    return learns_from_noise(design.parts, asleep=design.sleeps)


def controlled_parts(design: Design) -> tuple[Parts, Ending]:
    """Layers, controller, weights, and what runs on them."""
    network, columns, method = design.network, design.columns, design.method
    drawn = design.draw.layers if design.draw else (None,) * network.depth
    injected = method.sleep.noise if learns_feedback(design) else 0.0
    noises = noises_of(design)
    once = drives_constantly(design, updates=_updates(design))
    kinds = [
        LayerDesign(
            injected=injected,
            wander=wander_of(f"layer_{l}", terms_of(noises, f"layer_{l}")),
            constant=once and l == 1,
        )
        for l in range(1, network.depth + 1)
    ]
    wander = wander_of(CONTROLLER, terms_of(noises, CONTROLLER))
    fast = learns_feedback(design) and not design.sleeps
    layers = [
        layer_group(network, design.chip, draw, index=l, columns=columns, kind=kind)
        for l, (draw, kind) in enumerate(zip(drawn, kinds, strict=True), start=1)
    ]
    codes, programs = controller_stages(
        network,
        design.loss,
        design.chip,
        columns=columns,
        derivative=method.derivative_gain > 0,
        highpass=fast,
    )
    for l, (draw, kind) in enumerate(zip(drawn, kinds, strict=True), start=1):
        codes += layer_code(network, design.chip, draw, index=l, kind=kind)
    codes += wander.code
    control = controller_group(
        network, method, design.chip, design.draw, columns=columns, highpass=fast, wander=wander
    )
    own = Parts(groups=(*layers, control), code=tuple(codes), programs=tuple(programs))
    return own + _dense(design, fast=fast) + _weights(design), _ending(design)


def _updates(design: Design) -> str:
    return "buffered" if design.sleeps else design.method.weight_updates


def _dense(design: Design, *, fast: bool) -> Parts:
    network, columns = design.network, design.columns
    updates = _updates(design)
    relayed = isinstance(design.parts.feedback, FixedRelayed)
    operations, reading = read_noisily(
        design,
        [
            *forward_products(network, columns=columns, updates=updates),
            *feedback_products(network, columns=columns, relayed=relayed),
        ],
        slot="groups",
        order=-1,
    )
    programs = [Program(name="products", operations=tuple(operations), slot="groups", order=-1)]
    if learns_feedback(design):  # before the compartments move on: v_fb and u of the same time
        source, zeroed = "fast" if fast else "output", design.chip.comparator.auto_zero
        operations = feedback_plasticity(network, columns=columns, source=source, zeroed=zeroed)
        programs.append(
            Program(name="feedback_plasticity", operations=tuple(operations), slot="groups", order=0)
        )
    if not design.sleeps:
        operations = plasticity(network, columns=columns, updates=updates)
        programs.append(Program(name="plasticity", operations=tuple(operations), slot="groups", order=3))
    return reading + Parts(programs=tuple(programs))


def _weights(design: Design) -> Parts:
    network, draw, method = design.network, design.draw, design.method
    if not design.sleeps:
        check_updates(design)
    parts = []
    for l in range(1, network.depth + 1):
        gain = draw.forward_gain[l - 1] if draw else None
        size = network.layers[l] * network.layers[l - 1]
        for name, n, factor in ((f"synapses_{l}", size, gain), (f"biases_{l}", network.layers[l], None)):
            if design.sleeps:
                parts.append(kept_weights(design, name, n, gain=factor))
            elif method.weight_updates == CONTINUOUS:
                parts.append(continuous_weights(name, n, gain=factor))
            else:
                decays = method.optimizer.weight_decay > 0
                parts.append(learned_weights(design, name, n, gain=factor, decays=decays))
    for position, (rows, columns) in enumerate(
        feedback_shapes(design.parts.feedback, network.layers), start=1
    ):
        gain = draw.feedback_gain[position - 1] if draw else None
        name, n = f"feedback_{position}", rows * columns
        if learns_feedback(design):
            parts.append(learned_weights(design, name, n, gain=gain, decays=True))
        else:
            parts.append(kept_weights(design, name, n, gain=gain))
    return reduce(add, parts, Parts())


def controlled_traced(design: Design) -> tuple[Traced, Traced]:
    """States, recorded before they are integrated, and others."""
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
    return tuple(states), tuple(others)


def _ending(design: Design) -> Ending:
    layers = design.network.layers
    somas = [(f"layer_{l}.soma", n) for l, n in enumerate(layers[1:], start=1)]
    units = {"integrator": "V", "output": "V"}
    return Ending(
        guarded=(*somas, (f"{CONTROLLER}.integrator", layers[-1])),
        kept=tuple((f"{CONTROLLER}.{name}", layers[-1], units.get(name, "1")) for name in ENDINGS),
    )
