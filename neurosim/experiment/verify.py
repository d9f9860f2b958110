"""Verification: what the emulation does, held against what the reference says it must do."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.analysis import relative_difference, settle_time
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights, design_of
from neurosim.equations import deviations_of
from neurosim.errors import SpecError
from neurosim.experiment.closed_forms import check_bp, check_lemma_order, check_linear_solution
from neurosim.experiment.stability import (
    Stability,
    check_step,
    parameters_of,
    stability_at,
    steady_somas,
)
from neurosim.io import Dataset, load_dataset
from neurosim.learning import OpenLoop, method_of
from neurosim.reference import feedforward, simulate, solve_fixed_point
from neurosim.reference import target as nudged
from neurosim.reference.tensors import double
from neurosim.result import Check, Trace
from neurosim.spec import Protocol, Spec

STEADY_TOLERANCE = 1e-6
"""Of emulated against solved steady states, relative. The loop is left to settle to a tenth of that; the
integrator's slowest mode decides how long it takes."""
TRAJECTORY_TOLERANCE = 1e-9
"""Of emulated against simulated trajectories, relative: the same float64 steps in another order of rounding,
some 1e3 of them, each within 1e-15, and the loop contracts."""
SETTLED = 1e-8
"""What is left of the slowest mode when a state counts as settled."""
LONGEST_STEPS = 400_000
"""Steps a verification spends on settling at most; chosen."""


Traces = Mapping[str, Mapping[str, Trace]]


@attrs.frozen(kw_only=True, eq=False)
class Verification:
    """Checks, and what was seen on the way."""

    checks: tuple[Check, ...]
    facts: Mapping[str, float] = attrs.field(factory=dict)
    """max_real_eigenvalue (1/τ_u), largest_step (dt/τ_u), settle_time (s)."""
    traces: Traces = attrs.field(factory=dict)
    """Of one presentation of the spec's own length, noise as the chip has it."""
    displacements: Mapping[str, NDArray[np.float64]] = attrs.field(factory=dict)
    """By layer, v − v_ff: (2, n_samples, n_l), emulated and solved, activation units."""

    @property
    def passed(self) -> bool:
        """Whether every gating check did."""
        return all(check.passed for check in self.checks if check.gating)


def verify(spec: Spec, *, backend: str | None = None, tolerance: float | None = None) -> Verification:
    """Verify the spec at the weights it starts with, on samples of its test set.

    Raises
    ------
    NeurosimError : spec, data, compiler or time step; a check that falls short is no error but data.
    """
    dataset = load_dataset(spec.task)
    check_sizes(spec, dataset)
    weights = Weights.initial(spec)
    if not method_of(spec.method.name).dynamical:
        return verify_reference(spec, weights, dataset)
    check_step(spec, initial_stability(spec, weights, dataset))
    chip = VirtualChip(spec, backend=backend)
    return verify_weights(chip, weights, dataset, tolerance=tolerance)


def verify_weights(
    chip: VirtualChip,
    weights: Weights,
    dataset: Dataset,
    *,
    tolerance: float | None = None,
    samples: int | None = None,
) -> Verification:
    """Verify a chip at given weights on the first test samples; noise is off where states are compared."""
    spec = chip.spec
    stimulus = _sample(chip, weights, dataset, samples or max(spec.run.verify_samples, 1))
    shown = np.concatenate([stimulus.shown(p) for p in range(stimulus.n_presentations)])
    desired = stimulus.desired[stimulus.order.ravel()]
    parameters = parameters_of(weights)
    rest = feedforward(spec.network, parameters, shown, deviations=chip.deviations).output
    target = nudged(spec.task.loss, rest, double(desired), spec.method.target_stepsize)
    somas = steady_somas(spec, weights, inputs=shown, target=target, deviations=chip.deviations)
    stability = stability_at(spec, weights, somas=somas, deviations=chip.deviations)
    own = _trajectory(chip, weights, stimulus)
    checks = [*_stability_checks(spec, stability), *own[0]]
    displacements: dict[str, NDArray[np.float64]] = {}
    if all(check.passed for check in checks[:2]):
        settled, displacements = _steady(chip, weights, stimulus, stability, tolerance or STEADY_TOLERANCE)
        checks += settled
    checks += check_lemma_order(spec, parameters, shown, rest, desired)
    learn_from = spec.run.protocol.settle_steps // spec.run.trace_steps
    times = settle_time(own[1]["controller"]["output"], start=learn_from)
    return Verification(
        checks=tuple(checks),
        facts={
            "max_real_eigenvalue": stability.max_real,
            "largest_step": stability.largest_step,
            "settle_time": float(np.nanmean(times)) if np.isfinite(times).any() else float("nan"),
        },
        traces=own[2],
        displacements=displacements,
    )


def verify_reference(spec: Spec, weights: Weights, dataset: Dataset) -> Verification:
    """The checks of a method that has no dynamics: its closed form against one found another way."""
    count = max(spec.run.verify_samples, 1)
    inputs = dataset.scale * dataset.test_inputs[:count].astype(float)
    desired = dataset.test_desired[:count]
    parameters = parameters_of(weights)
    if isinstance(method_of(spec.method.name).inversion, OpenLoop):
        return Verification(checks=tuple(check_bp(spec, parameters, inputs, desired)))
    rest = feedforward(spec.network, parameters, inputs).output
    checks = check_lemma_order(spec, parameters, inputs, rest, desired)
    checks += check_linear_solution(spec, parameters, inputs, desired)
    return Verification(checks=tuple(checks))


def initial_stability(spec: Spec, weights: Weights, dataset: Dataset, *, samples: int = 4) -> Stability:
    """The loop's stability at the start, on the first training samples, before anything is built."""
    design = design_of(spec)
    deviations = deviations_of(design.chip, design.draw, network=spec.network)
    inputs = dataset.scale * dataset.train_inputs[:samples].astype(float)
    rest = feedforward(spec.network, parameters_of(weights), inputs, deviations=deviations).output
    desired = double(dataset.train_desired[:samples])
    target = nudged(spec.task.loss, rest, desired, spec.method.target_stepsize)
    somas = steady_somas(spec, weights, inputs=inputs, target=target, deviations=deviations)
    return stability_at(spec, weights, somas=somas, deviations=deviations)


def check_sizes(spec: Spec, dataset: Dataset) -> None:
    """Whether the network fits the data; SpecError names both."""
    layers = spec.network.layers
    if (layers[0], layers[-1]) != (dataset.n_inputs, dataset.n_outputs):
        raise SpecError(
            "the network does not fit the task",
            where=f"{spec.source or 'spec'}: network.layers",
            expected=f"{dataset.n_inputs} inputs and {dataset.n_outputs} outputs for {spec.task.name}",
            got=str(list(layers)),
        )


def _sample(chip: VirtualChip, weights: Weights, dataset: Dataset, samples: int) -> Stimulus:
    columns = chip.model.n_columns
    presentations = -(-samples // columns)
    count = min(presentations * columns, len(dataset.test_inputs))
    chosen = _furthest_first(chip, weights, dataset, count)
    order = np.resize(chosen, (presentations, columns)).astype(np.int32)
    return Stimulus(
        inputs=dataset.test_inputs, desired=dataset.test_desired, order=order, scale=dataset.scale
    )


def _furthest_first(chip: VirtualChip, weights: Weights, dataset: Dataset, count: int) -> NDArray[np.int64]:
    """The first test samples, the one furthest from its target first: its traces are the ones to look at."""
    inputs = dataset.scale * dataset.test_inputs[:count].astype(float)
    rest = feedforward(chip.spec.network, parameters_of(weights), inputs, deviations=chip.deviations).output
    goal = nudged(chip.spec.task.loss, rest, double(dataset.test_desired[:count]), 1.0)
    return np.argsort(-(goal - rest).square().sum(1).numpy(), kind="stable")


def _stability_checks(spec: Spec, stability: Stability) -> list[Check]:
    checks = [
        Check(
            name="stability",
            value=stability.max_real,
            tolerance=0.0,
            detail="max Re eig of the full system at the solved states, 1/τ_u: below 0 the loop is stable",
        )
    ]
    if stability.max_real < 0:
        step = Check(
            name="time step",
            value=spec.run.dt_ratio,
            tolerance=stability.largest_step,
            detail="dt/τ_u against the largest that explicit Euler bears with this spectrum",
        )
        checks.append(step)
    return checks


def _trajectory(
    chip: VirtualChip, weights: Weights, stimulus: Stimulus
) -> tuple[list[Check], Traces, Traces]:
    """One presentation of the spec's own length, learning, against the Euler simulation, step for step.

    With its traces without noise and with the noise the chip has.
    """
    spec = chip.spec
    first = attrs.evolve(stimulus, order=stimulus.order[:1])
    seen = spec.run.protocol

    def show(noise: bool) -> Passage:
        return chip.show(
            first,
            weights=weights,
            protocol=seen,
            noise=noise,
            traced=(0, 1),
            trace_steps=spec.run.trace_steps,
        )

    quiet = show(False)
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


def settled_protocol(spec: Spec, stability: Stability, *, slowest_leak: float = 1.0) -> Protocol:
    """Phases long enough for the slowest mode to fall to SETTLED, within LONGEST_STEPS."""
    dt, network = spec.run.dt_ratio, spec.network
    # a chain of equal poles settles like t^L e^−t: some steps more for every layer
    chain = (-np.log(SETTLED * 1e-3) + 6 * network.depth) * (network.tau_soma_ratio / slowest_leak)
    chain += 20 * network.depth * network.tau_basal_ratio
    learn = (-np.log(SETTLED) + 6 * network.depth) / -stability.max_real
    return Protocol(
        dt_ratio=dt,
        settle_steps=min(int(np.ceil(chain / dt)), LONGEST_STEPS),
        learn_steps=min(int(np.ceil(learn / dt)), LONGEST_STEPS),
    )


def _steady(
    chip: VirtualChip, weights: Weights, stimulus: Stimulus, stability: Stability, tolerance: float
) -> tuple[list[Check], dict[str, NDArray[np.float64]]]:
    spec, network = chip.spec, chip.spec.network
    leak = min(float(layer.leak.min()) for layer in chip.deviations.layers)
    protocol = settled_protocol(spec, stability, slowest_leak=leak)
    passage = chip.show(
        stimulus,
        weights=weights,
        protocol=protocol,
        learning=False,
        noise=False,
        traced=(0, stimulus.n_presentations),
        trace_steps=protocol.period - 1,
    )
    shown = np.concatenate([stimulus.shown(p) for p in range(stimulus.n_presentations)])
    parameters = parameters_of(weights)
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
            value=relative_difference([(d[0], d[1]) for d in displacements.values()]),
            tolerance=10 * tolerance,
            detail="v − v_ff of all layers; ten times looser, being a small difference of the above",
        ),
    ]
    return checks, displacements
