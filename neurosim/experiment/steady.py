"""Settled states against the Newton fixed point; knows how long a loop takes to settle."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.experiment.settled_circuit import settle_circuit
from neurosim.experiment.stability import Stability, least_leak, parameters_of
from neurosim.learning import circuit_of
from neurosim.reference import feedforward, solve_fixed_point
from neurosim.result import Check
from neurosim.spec import Protocol, Spec

STEADY_TOLERANCE = 1e-6
"""Of emulated against solved steady states, relative. The loop is left to settle to a tenth of that; the
integrator's slowest mode decides how long it takes."""
SETTLED = 1e-8
"""What is left of the slowest mode when a state counts as settled."""
LONGEST_STEPS = 400_000
"""Steps a verification of a large network spends on settling at most; chosen."""
MOST_WORK = 2e11
"""Multiplications it spends at most on a small network, some minutes; chosen."""


def settled_protocol(spec: Spec, stability: Stability, *, slowest_leak: float = 1.0) -> Protocol:
    """Phases long enough for the slowest mode to fall to SETTLED."""
    dt, network = spec.run.dt_ratio, spec.network
    # a chain of equal poles settles like t^L e^−t: some steps more for every layer
    chain = (-np.log(SETTLED * 1e-3) + 6 * network.depth) * (network.tau_soma_ratio / slowest_leak)
    chain += 20 * network.depth * network.tau_basal_ratio / slowest_leak
    learn = (-np.log(SETTLED) + 6 * network.depth) / -stability.max_real
    return Protocol(
        dt_ratio=dt,
        settle_steps=int(np.ceil(chain / dt)),
        learn_steps=int(np.ceil(learn / dt)),
    )


def settle(
    chip: VirtualChip, weights: Weights, stimulus: Stimulus, stability: Stability, tolerance: float
) -> tuple[list[Check], dict[str, NDArray[np.float64]]]:
    """Checks of the states that a loop settles in, and the displacements of the layers, see `Verification`."""
    spec, stimulus = chip.spec, chip.door.given(stimulus)
    least = least_leak(spec.network, chip.deviations)
    protocol = settled_protocol(spec, stability, slowest_leak=min(least, stability.slowest_leak))
    circuit = circuit_of(chip.method, spec.method, spec.network)
    if circuit is not None:
        protocol = attrs.evolve(protocol, learn_steps=protocol.learn_steps * circuit.windows)
    longest = max(LONGEST_STEPS, MOST_WORK / _work(chip))
    if max(protocol.settle_steps, protocol.learn_steps) > longest:
        needed = Check(
            name="steady state: steps to settle",
            value=float(max(protocol.settle_steps, protocol.learn_steps)),
            tolerance=float(longest),
            detail="what the slowest mode asks for, against the most that a verification takes",
        )
        return [needed], {}
    if circuit is not None:
        return settle_circuit(chip, weights, stimulus, protocol, tolerance), {}
    return _settle_controlled(chip, weights, stimulus, protocol, tolerance)


def _work(chip: VirtualChip) -> float:
    """Multiplications of a step: products, and some fifty for every state."""
    sizes = chip.spec.network.layers
    synapses = sum(m * n for n, m in itertools.pairwise(sizes))
    return float(chip.model.n_columns * (3 * synapses + 50 * sum(sizes)))


def left_alone(chip: VirtualChip, weights: Weights, stimulus: Stimulus, protocol: Protocol) -> Passage:
    """Presentations in which nothing learns, droops or makes noise; traced in the first and last step of each."""
    return chip.show(
        stimulus,
        weights=weights,
        protocol=protocol,
        learning=False,
        noise=False,
        droop=False,
        ageing=False,
        traced=(0, stimulus.n_presentations),
        trace_steps=protocol.period - 1,
    ).or_interrupt()


def _settle_controlled(
    chip: VirtualChip, weights: Weights, stimulus: Stimulus, protocol: Protocol, tolerance: float
) -> tuple[list[Check], dict[str, NDArray[np.float64]]]:
    spec, network = chip.spec, chip.spec.network
    passage = left_alone(chip, weights, stimulus, protocol)
    shown = np.concatenate([stimulus.shown(p) for p in range(stimulus.n_presentations)])
    parameters = parameters_of(chip.storage.held(weights))
    flat = {name: values.reshape(-1, values.shape[-1]) for name, values in passage.endings.items()}
    rest = feedforward(network, parameters, shown, deviations=chip.deviations)
    steady = solve_fixed_point(
        network, parameters, spec.method, shown, flat["target"], deviations=chip.deviations
    )
    volts = float(chip.chip.voltage_unit)

    def last(part: str, variable: str) -> NDArray[np.float64]:
        values = passage.traces[part][variable].values[:, 1::2] / volts  # the last step of each presentation
        return values.transpose(1, 0, 2).reshape(-1, values.shape[-1])

    layers = range(1, network.depth + 1)
    somas = [(last(f"layer_{l}", "soma"), steady.soma[l - 1].numpy()) for l in layers]
    displacements = {
        f"layer_{l}": np.stack(
            [
                somas[l - 1][0] - last(f"layer_{l}", "basal"),
                (steady.soma[l - 1] - steady.basal[l - 1]).numpy(),
            ]
        )
        for l in layers
    }
    solved = bool(steady.converged.all())
    checks = [
        Check(
            name="rest state",
            value=relative_difference([(flat["held"], rest.output.numpy())]),
            tolerance=tolerance,
            detail="r⁻ as sampled and held, against the feedforward pass",
        ),
        Check(
            name="steady state: soma",
            value=relative_difference(somas) if solved else float("nan"),
            tolerance=tolerance,
            detail="all layers once settled, against the Newton fixed point",
        ),
        Check(
            name="steady state: controller",
            value=relative_difference([(flat["output"], steady.output.numpy())]) if solved else float("nan"),
            tolerance=tolerance,
            detail="u once settled, against the Newton fixed point",
        ),
        Check(
            name="steady state: displacement",
            value=relative_difference([(d[0], d[1]) for d in displacements.values()]) if solved else np.nan,
            tolerance=10 * tolerance,
            detail="v − v_ff of all layers; ten times looser, being a small difference of the above",
        ),
    ]
    return checks, displacements
