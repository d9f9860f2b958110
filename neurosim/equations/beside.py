"""A network with a circuit beside it that inverts it: Dynamic Inversion and target propagation as parts of a Model."""

from __future__ import annotations

from functools import reduce
from operator import add

import attrs

from neurosim.equations.controller import CONTROLLER, output_group, output_signal, output_stages
from neurosim.equations.design import Design
from neurosim.equations.layer import LayerDesign, layer_code, layer_group
from neurosim.equations.model import GatedCode, Program
from neurosim.equations.noises import noises_of, terms_of
from neurosim.equations.operations import Operation, Product
from neurosim.equations.parts import Ending, Parts, Traced
from neurosim.equations.population import (
    drive_names,
    output_signals,
    population_code,
    population_group,
    signal_name,
)
from neurosim.equations.reading import drives_constantly, read_noisily
from neurosim.equations.synapse import forward_products, kept_weights, learned_weights
from neurosim.equations.teaching import decoder_parts, teaching_parts
from neurosim.equations.wander import wander_of
from neurosim.errors import SpecError
from neurosim.learning import Decoders, feedback_shapes
from neurosim.learning.circuit import Circuit


def beside_parts(design: Design) -> tuple[Parts, Ending]:
    """Layers, the output's sample-and-hold, populations, weights, and what runs on them."""
    if design.method.weight_updates != "buffered":
        raise SpecError(
            "these methods update at the end of a presentation",
            where="method.weight_updates",
            expected=f"buffered for {design.method.name}",
            got=design.method.weight_updates,
        )
    circuit = _circuit(design)
    parts = [
        _layers(design),
        _output(design, circuit),
        *_populations(design, circuit),
        _products(design, circuit),
        teaching_parts(design, circuit),
    ]
    if isinstance(design.parts.feedback, Decoders):
        parts.append(decoder_parts(design))
    return reduce(add, [*parts, *_weights(design)], Parts()), _ending(design, circuit)


def beside_traced(design: Design) -> tuple[Traced, Traced]:
    """States, recorded before they are integrated, and others."""
    network, circuit = design.network, _circuit(design)
    states: list[tuple[str, int, str]] = []
    others: list[tuple[str, int, str]] = []
    for l in range(1, network.depth + 1):
        n = network.layers[l]
        states += [(f"layer_{l}.soma", n, "V"), (f"layer_{l}.rate", n, "1")]
        basal = states if network.tau_basal_ratio > 0 else others
        basal.append((f"layer_{l}.basal", n, "V"))
    states += [(f"{p.name}.state", network.layers[p.layer], "V") for p in circuit.populations]
    others.append((f"{CONTROLLER}.signal", network.layers[-1], "1"))
    return tuple(states), tuple(others)


def _circuit(design: Design) -> Circuit:
    circuit = design.circuit
    if circuit is None:  # only a caller of our own can get here
        raise SpecError(f"{design.method.name} has no circuit beside the network", where="method.name")
    return circuit


def _layers(design: Design) -> Parts:
    network = design.network
    drawn = design.draw.layers if design.draw else (None,) * network.depth
    noises = noises_of(design)
    groups, codes = [], []
    for l, draw in enumerate(drawn, start=1):
        name = f"layer_{l}"
        once = l == 1 and drives_constantly(design, updates="buffered")
        kind = LayerDesign(apical=False, wander=wander_of(name, terms_of(noises, name)), constant=once)
        groups.append(layer_group(network, design.chip, draw, index=l, columns=design.columns, kind=kind))
        codes += layer_code(network, design.chip, draw, index=l, kind=kind)
    return Parts(groups=tuple(groups), code=tuple(codes))


def _output(design: Design, circuit: Circuit) -> Parts:
    network, columns = design.network, design.columns
    group = output_group(network, design.method, design.chip, columns=columns, mismatched=design.mismatched)
    declared, statements = output_signals(circuit)
    signal = output_signal(network, circuit.output, mismatched=design.mismatched)
    signal = attrs.evolve(signal, code="\n".join([signal.code, *statements]))
    reset = GatedCode(
        name=f"{CONTROLLER}_reset", group=CONTROLLER, code="signal = 0", gate="begin", slot="start", order=-8
    )
    codes, programs = output_stages(network, design.loss, design.chip, columns=columns)
    return Parts(
        groups=(attrs.evolve(group, equations="\n".join([group.equations, *declared])),),
        code=(reset, *codes, signal),
        programs=tuple(programs),
    )


def _populations(design: Design, circuit: Circuit) -> list[Parts]:
    drawn = design.draw.populations if design.draw else {}
    noises, network, parts = noises_of(design), design.network, []
    for population in circuit.populations:
        wander = wander_of(population.name, terms_of(noises, population.name))
        draw, columns = drawn.get(population.name), design.columns
        group = population_group(
            population, circuit, network, design.chip, draw, columns=columns, wander=wander
        )
        codes = population_code(population, circuit, network, mismatched=design.mismatched)
        parts.append(Parts(groups=(group,), code=(*codes, *wander.code)))
    return parts


def _products(design: Design, circuit: Circuit) -> Parts:
    network, columns = design.network, design.columns
    shapes = feedback_shapes(design.parts.feedback, network.layers)
    operations: list[Operation] = [*forward_products(network, columns=columns, updates="buffered")]
    for population in circuit.populations:
        for name, drive in zip(drive_names(population), population.drives, strict=True):
            if not drive.weights:
                continue
            back = drive.weights == "feedback"
            rows, width = (
                shapes[drive.index - 1]
                if back
                else (network.layers[drive.index], network.layers[drive.index - 1])
            )
            operations.append(
                Product(
                    target=f"{population.name}.{name}",
                    weights=f"{'feedback' if back else 'synapses'}_{drive.index}.weight",
                    source=signal_name(drive.signal),
                    bias=f"biases_{drive.index}.weight" if drive.bias else "",
                    n_post=rows,
                    n_pre=width,
                    n_columns=columns,
                    gate="learn",
                )
            )
    operations, reading = read_noisily(design, operations, slot="groups", order=-1)
    products = Program(name="products", operations=tuple(operations), slot="groups", order=-1)
    return reading + Parts(programs=(products,))


def _weights(design: Design) -> list[Parts]:
    network, draw = design.network, design.draw
    decays = design.method.optimizer.weight_decay > 0
    parts = []
    for l in range(1, network.depth + 1):
        gain = draw.forward_gain[l - 1] if draw else None
        size = network.layers[l] * network.layers[l - 1]
        for name, n, factor in ((f"synapses_{l}", size, gain), (f"biases_{l}", network.layers[l], None)):
            parts.append(learned_weights(design, name, n, gain=factor, decays=decays))
    learned = isinstance(design.parts.feedback, Decoders)
    for position, (rows, width) in enumerate(feedback_shapes(design.parts.feedback, network.layers), start=1):
        gain = draw.feedback_gain[position - 1] if draw else None
        name, n = f"feedback_{position}", rows * width
        if learned:
            parts.append(learned_weights(design, name, n, gain=gain, decays=True))
        else:
            parts.append(kept_weights(design, name, n, gain=gain))
    return parts


def _ending(design: Design, circuit: Circuit) -> Ending:
    layers = design.network.layers
    somas = [(f"layer_{l}.soma", n) for l, n in enumerate(layers[1:], start=1)]
    states = [(f"{p.name}.state", layers[p.layer]) for p in circuit.populations]
    kept = [(f"{CONTROLLER}.{name}", layers[-1], "1") for name in ("held", "target", "signal")]
    kept += [(name, n, "V") for name, n in states]
    kept += [(f"{p.name}.moved", layers[p.layer], "1") for p in circuit.populations]
    return Ending(guarded=(*somas, *states), kept=tuple(kept))
