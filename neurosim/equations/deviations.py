"""The one place where a chip's volts, amperes and seconds become unit-free numbers."""

from __future__ import annotations

import attrs
import numpy as np

from hardware_models import Chip, Draw
from hardware_models.draw import DendriteDraw
from neurosim.equations.design import Design
from neurosim.equations.layer import samples_noisily, sampling_noise, taus
from neurosim.equations.noises import noises_of
from neurosim.equations.population import population_noise_current
from neurosim.learning import feedback_shapes
from neurosim.learning.circuit import CONTROLLER, Population
from neurosim.spec.deviations import (
    ControllerDeviations,
    DendriteDeviations,
    Deviations,
    PopulationDeviations,
    named,
)
from neurosim.spec.network import Network


def deviations_of(design: Design) -> Deviations:
    """What the equations of `assemble` say about this chip, in activation units and units of τ_u."""
    designed = designed_deviations(design)
    if design.draw is None:
        return designed
    return drawn_onto(designed, design.draw, volts=float(design.chip.voltage_unit))


def designed_deviations(design: Design) -> Deviations:
    """Of the chip as it was designed: its noise, its rails, where it saturates, how it holds; no mismatch."""
    chip, network, circuit = design.chip, design.network, design.circuit
    ideal = Deviations.ideal(
        network,
        feedback=feedback_shapes(design.parts.feedback, network.layers),
        populations={p.name: network.layers[p.layer] for p in circuit.populations} if circuit else None,
    )
    soma_noise, apical_noise = _noise(chip, network, apical=circuit is None)
    volts = float(chip.voltage_unit)
    saturation = np.inf
    if chip.saturating:
        saturation = float(chip.soma_point(network.tau_soma_ratio * chip.time_base).linear_range) / volts
    return attrs.evolve(
        ideal,
        layers=tuple(
            attrs.evolve(
                layer,
                soma_noise=soma_noise * np.ones_like(layer.leak),
                apical_noise=apical_noise * np.ones_like(layer.leak),
                saturation=saturation,
                limit=float(chip.rail(chip.soma)) / volts if chip.railed else np.inf,
                basal=_dendrite(chip, "basal", layer.basal),
                apical=_dendrite(chip, "apical", layer.apical) if circuit is None else layer.apical,
            )
            for layer in ideal.layers
        ),
        forward_gain=tuple(_lines(chip, gain) for gain in ideal.forward_gain),
        feedback_gain=tuple(_lines(chip, gain) for gain in ideal.feedback_gain),
        controller=_controller(chip, ideal.controller),
        auto_zero=chip.comparator.auto_zero,
        populations={
            name: _population(chip, network, values, circuit.population(name))
            for name, values in ideal.populations.items()
            if circuit is not None
        },
        hold_noise=sampling_noise(chip) if samples_noisily(chip) else 0.0,
        sources={f"{x.group}.{x.term.name}": x.source(chip) for x in noises_of(design)},
    )


def drawn_onto(designed: Deviations, draw: Draw, *, volts: float) -> Deviations:
    """One chip of the lot of a designed one; volts : of activity 1."""
    apical = not designed.populations  # else a circuit stands beside the network

    layers = tuple(
        attrs.evolve(
            layer,
            leak=drawn.leak,
            basal_gain=drawn.basal_gain,
            apical_gain=drawn.apical_gain,
            offset=np.asarray(drawn.offset) / volts,
            slope=drawn.slope,
            comparator_offset=drawn.comparator_offset,
            basal=_drawn_dendrite(layer.basal, drawn.basal, volts),
            apical=_drawn_dendrite(layer.apical, drawn.apical, volts) if apical else layer.apical,
        )
        for layer, drawn in zip(designed.layers, draw.layers, strict=True)
    )
    controller: ControllerDeviations = attrs.evolve(
        designed.controller,
        proportional=draw.proportional,
        leak=draw.leak,
        integral=draw.integral,
        gain_leak=draw.gain_leak,
        error_offset=draw.error_offset,
        output_offset=draw.output_offset,
    )
    populations = {
        name: attrs.evolve(
            values,
            leak=draw.populations[name].leak,
            gain=draw.populations[name].gain,
            offset=np.asarray(draw.populations[name].offset) / volts,
        )
        for name, values in designed.populations.items()
    }
    return attrs.evolve(
        designed,
        layers=layers,
        controller=controller,
        forward_gain=draw.forward_gain,
        feedback_gain=draw.feedback_gain,
        populations=populations,
    )


def _dendrite(chip: Chip, name: str, ideal: DendriteDeviations) -> DendriteDeviations:
    volts = float(chip.voltage_unit)
    return attrs.evolve(
        ideal,
        saturation=float(chip.dendrite_point(name).linear_range) / volts,
        limit=float(chip.dendrite_limit(name)) / volts,
    )


def _drawn_dendrite(designed: DendriteDeviations, draw: DendriteDraw, volts: float) -> DendriteDeviations:
    return attrs.evolve(designed, leak=draw.leak, offset=np.asarray(draw.offset) / volts)


def _lines(chip: Chip, gain: np.ndarray) -> np.ndarray:
    """What is left of synapses at the end of their lines."""
    rows, columns = gain.shape
    with chip.cited("synapse"):
        return gain * chip.synapse.line_factor((rows, columns))


def _controller(chip: Chip, ideal: ControllerDeviations) -> ControllerDeviations:
    volts = float(chip.voltage_unit)
    values: ControllerDeviations = attrs.evolve(
        ideal,
        limit=float(chip.rail(chip.controller)) / volts if chip.railed else np.inf,
        saturation=float(chip.controller_point().linear_range) / volts if chip.saturating else np.inf,
    )
    stage = chip.controller.output_stage
    if stage.present:
        point = chip.output_point()
        values = attrs.evolve(
            values,
            output_tau=float(stage.load / point.conductance / chip.time_base),
            output_saturation=float(point.linear_range) / volts,
        )
    if chip.hold.present:
        rate = float(chip.hold.droop(chip.conditions) * chip.time_base) / volts
        values = attrs.evolve(values, droop=rate * np.ones_like(ideal.droop))
    return values


def _population(
    chip: Chip, network: Network, ideal: PopulationDeviations, population: Population
) -> PopulationDeviations:
    integrator = population.tau == CONTROLLER
    limit = float(chip.rail(chip.controller) / chip.voltage_unit) if chip.railed and integrator else np.inf
    values = attrs.evolve(ideal, limit=limit)
    if chip.noise:
        capacitance = chip.controller.capacitance if integrator else chip.soma.capacitance
        current = population_noise_current(population, chip, network.tau_soma_ratio * chip.time_base)
        noise = float(current / capacitance / chip.voltage_unit * chip.time_base**0.5)
        values = attrs.evolve(values, noise=noise * np.ones_like(ideal.noise))
    return values


def _noise(chip: Chip, network: Network, *, apical: bool) -> tuple[float, float]:
    """(soma_noise, apical_noise) of `LayerDeviations`."""
    if not chip.noise:
        return 0.0, 0.0
    tau_soma, _, tau_apical = taus(network, chip)
    volts, root_second = float(chip.voltage_unit), float(chip.time_base) ** 0.5
    current = chip.soma_noise_current(tau_soma, tau_apical, apical=apical)
    soma = float(current) / float(chip.soma.capacitance)
    on_apical = float(chip.apical_noise(tau_soma, tau_apical)) if apical else 0.0
    return soma * root_second / volts, on_apical / (volts * root_second)


def layer_devices(deviations: Deviations) -> dict[str, dict[str, np.ndarray]]:
    """The same by part and parameter, for a result file; (n_units,) each."""
    parts = {
        f"layer_{l}": {name: np.full_like(layer.leak, value) for name, value in named(layer).items()}
        for l, layer in enumerate(deviations.layers, start=1)
    }
    control, like = attrs.asdict(deviations.controller), deviations.controller.leak
    parts["controller"] = {name: np.full_like(like, value) for name, value in control.items()}
    for name, population in deviations.populations.items():
        described = attrs.asdict(population)
        parts[name] = {key: np.full_like(population.leak, value) for key, value in described.items()}
    for place, source in deviations.sources.items():
        part, _, state = place.partition(".")
        for number in range(source.steps.shape[1]):
            traps = {"step": source.steps, "capture": source.capture, "emission": source.emission}
            parts[part] |= {f"{state}_trap_{number + 1}_{key}": x[:, number] for key, x in traps.items()}
    return parts
