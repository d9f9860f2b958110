"""One presentation against the Euler simulation, step for step; knows nothing of steady states."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.experiment.stability import parameters_of
from neurosim.reference import simulate
from neurosim.result import DIVERGED, Check, Trace

Traces = Mapping[str, Mapping[str, Trace]]

TRAJECTORY_TOLERANCE = 1e-9
"""Of emulated against simulated trajectories, relative: the same float64 steps in another order of rounding,
some 1e3 of them, each within 1e-15, and the loop contracts."""


def follow(chip: VirtualChip, weights: Weights, stimulus: Stimulus) -> tuple[list[Check], Traces, Traces]:
    """One presentation of the spec's own length, learning, against the Euler simulation, step for step.

    With its traces without noise, empty where the run broke off, and with the noise the chip has.
    """
    spec = chip.spec
    first = attrs.evolve(stimulus, order=stimulus.order[:1])
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
    simulation = simulate(
        spec.network,
        parameters_of(weights),
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
            trace = quiet.traces[part][variable]
            pairs.append((trace.values / (volts if trace.unit == "V" else 1.0), values.numpy()))
    updates = simulation.updates
    assert updates is not None  # simulate was asked to accumulate
    changes = [
        (after - before, update.numpy())
        for group, reference in (("forward", updates.forward), ("biases", updates.biases))
        for after, before, update in zip(
            getattr(quiet.weights, group), getattr(weights, group), reference, strict=True
        )
    ]
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
