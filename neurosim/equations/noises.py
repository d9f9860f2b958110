"""Which noise a design's chip has, state by state: from transconductors to currents; writes no equations."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from brian2 import Quantity, second

from hardware_models import Chip
from hardware_models.current_noise import (
    CurrentNoise,
    dendrite_current_noise,
    integrator_current_noise,
    soma_current_noise,
)
from hardware_models.traps import draw_traps
from neurosim.equations.design import Design
from neurosim.equations.wander import Term
from neurosim.learning.circuit import CONTROLLER
from neurosim.spec import NoiseSource
from neurosim.spec.streams import stream

SOMA_WHITE, APICAL_WHITE = "soma_noise_current", "apical_noise"
"""Parameters of a layer: levels of white noise."""


@attrs.frozen(kw_only=True, eq=False)
class Noise:
    """Of one state of a group."""

    group: str
    current: CurrentNoise
    term: Term
    unit: Quantity
    """The current that stands for an activity of 1 at its input, A."""
    white: bool
    """Whether its white noise is stated with it; that of somata and apical compartments has fields of its own."""

    def source(self, chip: Chip) -> NoiseSource:
        """In activation units and units of τ_u."""
        unit, base = float(self.unit), float(chip.time_base)
        relaxations, traps = self.term.relaxations, self.term.traps
        white = float(np.sqrt(float(self.current.white) / 2)) / unit / base**0.5 if self.white else 0.0
        return NoiseSource(
            white=white,
            amplitudes=relaxations.amplitudes / unit,
            taus=relaxations.taus / base,
            steps=np.zeros((1, 0)) if traps is None else np.asarray(traps.current, float) / unit,
            capture=np.ones((1, 0)) if traps is None else traps.capture / base,
            emission=np.ones((1, 0)) if traps is None else traps.emission / base,
        )


def noises_of(design: Design) -> list[Noise]:
    """Of all states of a noisy chip; none of a chip without noise. ChipError where its noise cannot be made."""
    if not design.chip.noise:
        return []
    return [*_layers(design), *(_populations(design) if design.circuit else _control(design))]


def terms_of(noises: list[Noise], group: str) -> list[Term]:
    """What wanders into the states of a group."""
    return [noise.term for noise in noises if noise.group == group]


def _layers(design: Design) -> Iterator[Noise]:
    network, chip = design.network, design.chip
    tau_soma = network.tau_soma_ratio * chip.time_base
    dendrites = ["basal", "apical"] if design.circuit is None else ["basal"]
    unit = chip.soma.capacitance / tau_soma * chip.voltage_unit
    for l, n in enumerate(network.layers[1:], start=1):
        group = f"layer_{l}"
        soma = soma_current_noise(chip, tau_soma, inputs=len(dendrites))
        yield _noise(design, group, "soma", n, soma, unit, drawn=_white_of_soma(design))
        for name in dendrites:
            ratio = getattr(network, f"tau_{name}_ratio")
            white = name == "basal" and ratio > 0
            current = dendrite_current_noise(chip, name)
            yield _noise(design, group, name, n, current, chip.current_unit, white=white)


def _white_of_soma(design: Design) -> tuple[str, ...]:
    """The parameters that the white noise into a soma depends on: that of an apical compartment without a time constant
    goes there too."""
    apical = design.circuit is None and design.network.tau_apical_ratio == 0
    return (SOMA_WHITE, APICAL_WHITE) if apical else (SOMA_WHITE,)


def _control(design: Design) -> Iterator[Noise]:
    current = integrator_current_noise(design.chip, design.method.leak)
    unit = _integrator_unit(design.chip)
    yield _noise(design, CONTROLLER, "integrator", design.network.layers[-1], current, unit, white=True)


def _populations(design: Design) -> Iterator[Noise]:
    network, chip = design.network, design.chip
    tau_soma = network.tau_soma_ratio * chip.time_base
    for population in design.circuit.populations if design.circuit else ():
        if population.tau == CONTROLLER:
            current, unit = integrator_current_noise(chip, population.leak), _integrator_unit(chip)
        else:
            current = soma_current_noise(chip, tau_soma, inputs=1)
            unit = chip.soma.capacitance / tau_soma * chip.voltage_unit
        yield _noise(design, population.name, "state", network.layers[population.layer], current, unit)


def _integrator_unit(chip: Chip) -> Quantity:
    return chip.controller.capacitance / chip.time_base * chip.voltage_unit


def _noise(
    design: Design,
    group: str,
    name: str,
    n_units: int,
    current: CurrentNoise,
    unit: Quantity,
    *,
    white: bool = False,
    drawn: tuple[str, ...] = (),
) -> Noise:
    chip = design.chip
    step = design.dt_ratio * chip.time_base
    with chip.cited("slowest_noise"):
        relaxations = current.relaxations(chip.slowest_noise, step)
    with chip.cited("process.traps"):
        traps = draw_traps(
            chip.process.traps, current.traps, n_units, stream(chip.seed, "chip", "traps", group, name)
        )
    term = Term(name=name, relaxations=relaxations, traps=traps, step=float(step / second), white=drawn)
    return Noise(group=group, current=current, term=term, unit=unit, white=white)
