"""Verification: what the emulation does, held against what the reference says it must do."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.analysis import settle_time
from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip, Weights
from neurosim.errors import SpecError, UnstableError
from neurosim.experiment.arithmetic import check_arithmetic, exactly
from neurosim.experiment.closed import check_closed_forms
from neurosim.experiment.learners import ChipLearner, Learner, ReferenceLearner
from neurosim.experiment.pretraining import Watch, pretrain, pretraining_epochs
from neurosim.experiment.stability import (
    Stability,
    check_steps,
    loop_stability,
    parameters_of,
)
from neurosim.experiment.starting import Start
from neurosim.experiment.steady import STEADY_TOLERANCE, settle
from neurosim.experiment.trajectory import Traces, follow
from neurosim.io import Dataset, load_dataset
from neurosim.learning import AtSteadyState, Solved, feedback_shapes, method_of
from neurosim.reference import feedforward
from neurosim.reference import target as nudged
from neurosim.reference.tensors import double
from neurosim.result import INTERRUPTED, Check
from neurosim.spec import Deviations, Spec

MARGIN = -1e-12
"""Of max Re eig: zero is none."""


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


def verify(
    spec: Spec,
    *,
    backend: str | None = None,
    tolerance: float | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Verify the spec at the weights it starts forward learning with, on samples of its test set.

    progress : told what is under way, how much of it is done, of how much.
    Feedback that is learned is trained for its `pretraining_epochs` first: without, there is no loop to verify.

    Raises
    ------
    NeurosimError : spec, data, compiler or time step; a check that falls short is no error but data.
    """
    watch = progress or (lambda what, done, total: None)
    dataset = load_dataset(spec.task)
    check_sizes(spec, dataset)
    start = Start.of(spec)
    if not method_of(spec.method.name).dynamical:
        learner: Learner = ReferenceLearner(spec, dataset, start.weights)
        _pretrained(spec, learner, dataset, watch)
        return verify_reference(spec, learner.weights, dataset)
    check_steps(spec, start.weights, dataset)
    watch("building the emulation", 0, 1)
    chip = VirtualChip(spec, backend=backend)
    weights = awake_weights(chip, start.weights, dataset, watch)
    watch("verifying", 0, 1)
    return verify_weights(chip, weights, dataset, tolerance=tolerance)


def awake_weights(chip: VirtualChip, weights: Weights, dataset: Dataset, watch: Watch) -> Weights:
    """What is stored as forward learning starts: weights are written into the chip, and feedback that is learned has
    had its pre-training there.

    Raises
    ------
    UnstableError : that broke off.
    """
    if not pretraining_epochs(chip.spec):
        return chip.written(weights)
    learner = ChipLearner(chip, dataset, weights)
    _pretrained(chip.spec, learner, dataset, watch)
    return learner.weights


def _pretrained(spec: Spec, learner: Learner, dataset: Dataset, watch: Watch) -> None:
    status = pretrain(spec, learner, dataset, watch)
    if status.kind == INTERRUPTED:
        raise KeyboardInterrupt
    if not status.good:
        raise UnstableError(
            "the feedback's own learning broke off",
            where=spec.source or "spec",
            got=status.message,
            remedy="lower method.sleep.pretraining_learning_rate, or raise method.sleep.leak",
        )


def verify_weights(
    chip: VirtualChip,
    weights: Weights,
    dataset: Dataset,
    *,
    tolerance: float | None = None,
    samples: int | None = None,
) -> Verification:
    """Verify a chip at given weights on the first test samples; noise is off where states are compared.

    A chip that computes in single precision, or passes what is at rest, is verified in every step and in double, and
    then held against that.
    """
    given, chip = chip, exactly(chip)
    spec = chip.spec
    stimulus = _sample(chip, weights, dataset, samples or max(spec.run.verify_samples, 1))
    shown = np.concatenate([stimulus.shown(p) for p in range(stimulus.n_presentations)])
    desired = stimulus.desired[stimulus.order.ravel()]
    held = chip.storage.held(weights)
    stability = loop_stability(spec, held, inputs=shown, desired=desired, deviations=chip.deviations)
    own = follow(chip, weights, stimulus)
    checks = [*_stability_checks(spec, stability), *own[0]]
    displacements: dict[str, NDArray[np.float64]] = {}
    if stability.max_real < 0 and spec.run.dt_ratio < stability.largest_step:
        settled, displacements = settle(chip, weights, stimulus, stability, tolerance or STEADY_TOLERANCE)
        checks += settled
    checks += check_closed_forms(spec, parameters_of(held), shown, desired)
    checks += check_arithmetic(given, chip, weights, stimulus)
    learn_from = -(-spec.run.protocol.settle_steps // spec.run.trace_steps)
    output = own[1].get("controller", {}).get("output")
    times = settle_time(output, start=learn_from) if output is not None else np.array([np.nan])
    return Verification(
        checks=tuple(checks),
        facts={
            "max_real_eigenvalue": stability.max_real,
            "largest_step": stability.largest_step,
            "settle_time": float(np.mean(times)),  # NaN if any sample did not settle
        },
        traces=own[2],
        displacements=displacements,
    )


def verify_reference(spec: Spec, weights: Weights, dataset: Dataset) -> Verification:
    """The checks of a method that has no dynamics: its closed form against one found another way."""
    count = max(spec.run.verify_samples, 1)
    inputs = dataset.scale * dataset.test_inputs[:count].astype(float)
    desired = dataset.test_desired[:count]
    checks = check_closed_forms(spec, parameters_of(weights), inputs, desired)
    parts = method_of(spec.method.name)
    if not (isinstance(parts.inversion, Solved) and isinstance(parts.plasticity, AtSteadyState)):
        return Verification(checks=tuple(checks))
    ideal = Deviations.ideal(spec.network, feedback=feedback_shapes(parts.feedback, spec.network.layers))
    loop = loop_stability(spec, weights, inputs=inputs, desired=desired, deviations=ideal)
    told = Check(
        name="stability",
        value=loop.max_real,
        tolerance=MARGIN,
        gating=False,
        detail="max Re eig of the dynamics that would settle in what is solved here, 1/τ_u: below 0 they do",
    )
    return Verification(checks=(told, *checks), facts={"max_real_eigenvalue": loop.max_real})


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
    return chip.door.given(
        Stimulus(inputs=dataset.test_inputs, desired=dataset.test_desired, order=order, scale=dataset.scale)
    )


def _furthest_first(chip: VirtualChip, weights: Weights, dataset: Dataset, count: int) -> NDArray[np.int64]:
    """The first test samples, the one furthest from its target first: its traces are the ones to look at."""
    inputs = dataset.scale * dataset.test_inputs[:count].astype(float)
    rest = feedforward(
        chip.spec.network, parameters_of(chip.storage.held(weights)), inputs, deviations=chip.deviations
    ).output
    goal = nudged(chip.spec.task.loss, rest, double(dataset.test_desired[:count]), 1.0)
    return np.argsort(-(goal - rest).square().sum(1).numpy(), kind="stable")


def _stability_checks(spec: Spec, stability: Stability) -> list[Check]:
    checks = [
        Check(
            name="stability",
            value=stability.max_real,
            tolerance=MARGIN,
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
