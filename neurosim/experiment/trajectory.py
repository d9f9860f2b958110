"""One presentation against the Euler simulation, step for step; knows nothing of steady states."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.experiment.stability import has_circuit, parameters_of
from neurosim.learning import Decoders, method_of
from neurosim.reference import Simulation, simulate
from neurosim.reference.circuit import CircuitSimulation, simulate_circuit
from neurosim.reference.optimizers import Stepper
from neurosim.reference.updates import Updates
from neurosim.result import DIVERGED, Check, Trace

GROUPS = ("forward", "biases", "feedback")
Traces = Mapping[str, Mapping[str, Trace]]

TRAJECTORY_TOLERANCE = 1e-9
"""Of emulated against simulated trajectories, relative: the same float64 steps in another order of rounding,
some 1e3 of them, each within 1e-15, and the loop contracts."""


def follow(chip: VirtualChip, weights: Weights, stimulus: Stimulus) -> tuple[list[Check], Traces, Traces]:
    """One presentation of the spec's own length, learning, against the Euler simulation, step for step.

    With its traces without noise, empty where the run broke off, and with the noise the chip has.
    """
    spec = chip.spec
    first = attrs.evolve(chip.door.given(stimulus), order=stimulus.order[:1])
    seen = spec.run.protocol

    def show(noise: bool) -> Passage:
        passage = chip.show(
            first,
            weights=weights,
            protocol=seen,
            noise=noise,
            traced=(0, 1),
            trace_steps=spec.run.trace_steps,
        )
        return passage.or_interrupt()

    quiet = show(False)
    if quiet.status.kind == DIVERGED:
        broke_off = Check(
            name="trajectory",
            value=float("nan"),
            tolerance=TRAJECTORY_TOLERANCE,
            detail=f"the presentation diverged: {quiet.status.message}",
        )
        return [broke_off], {}, quiet.traces
    run = simulate_circuit if has_circuit(spec) else simulate
    simulation = run(
        spec.network,
        parameters_of(chip.storage.held(weights)),
        spec.method,
        seen,
        first.shown(0),
        first.desired[first.order[0]],
        loss=spec.task.loss,
        deviations=chip.deviations,
        record_every=spec.run.trace_steps,
    )
    volts = float(chip.chip.voltage_unit)
    pairs = []
    for part, variables in simulation.traces.items():
        for variable, values in variables.items():
            # the reference has no controller where a circuit is given the output
            trace = quiet.traces["controller" if part == "output" else part][variable]
            pairs.append((trace.values / (volts if trace.unit == "V" else 1.0), values.numpy()))
    changes = _changes(chip, weights, quiet.weights, simulation)
    checks = [
        Check(
            name="trajectory",
            value=relative_difference(pairs),
            tolerance=TRAJECTORY_TOLERANCE,
            detail="all compartments and the controller over one presentation, against torch Euler steps",
        ),
        Check(
            name="update",
            value=relative_difference(changes),
            tolerance=1e-8,
            detail="weight change of that presentation, against torch; a small difference of larger weights",
        ),
    ]
    loud = show(True) if chip.deviations.noisy else quiet
    return checks, quiet.traces, loud.traces


def _changes(
    chip: VirtualChip, before: Weights, after: Weights, simulation: Simulation | CircuitSimulation
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """(emulated, expected) change of every array that learns awake; by the law of its cells, where they have one."""
    spec = chip.spec
    updates, method = simulation.updates, spec.method
    assert updates is not None  # simulate was asked to accumulate
    rate = method.learning_rate
    mean: Updates = updates.scaled(1.0 / rate if rate > 0 else 0.0)
    learned = isinstance(method_of(method.name).feedback, Decoders)
    wanted = Stepper(method.optimizer).step(
        parameters_of(before),
        mean,
        forward_rate=rate,
        feedback_updates=simulation.feedback_updates if learned else None,
        feedback_rate=method.sleep.learning_rate,
    )
    aim = Weights(
        forward=tuple(w.numpy() for w in wanted.forward),
        biases=tuple(b.numpy() for b in wanted.biases),
        feedback=tuple(q.numpy() for q in wanted.feedback) if learned else before.feedback,
        cells=before.cells,
    )
    last = (spec.run.protocol.period - 1) * chip.model.dt
    expected = chip.storage.changed(before, aim, elapsed=last)
    return [
        (new - old, then - old)
        for group in GROUPS
        for new, old, then in zip(
            getattr(after, group), getattr(before, group), getattr(expected, group), strict=True
        )
        if group != "feedback" or learned
    ]
