"""A run: epochs of learning, a test after each, a verification at the end, a Result at every point."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment.continued import (
    SPEC_SOURCE,
    check_chip,
    check_continues,
    checkpoint_of,
    exams_in,
    lessons_in,
)
from neurosim.experiment.interrupts import none_lost
from neurosim.experiment.learners import ChipLearner, Learner, ReferenceLearner
from neurosim.experiment.lessons import Exam, Lesson
from neurosim.experiment.measuring import Measured, measure
from neurosim.experiment.order import order_of
from neurosim.experiment.pretraining import pretrain
from neurosim.experiment.recalled import weights_in
from neurosim.experiment.stability import check_steps
from neurosim.experiment.starting import Start
from neurosim.experiment.verify import (
    Verification,
    check_sizes,
    verify_reference,
    verify_weights,
)
from neurosim.io import Dataset, load_dataset
from neurosim.learning import method_of
from neurosim.result import DIVERGED, INTERRUPTED, UNFINISHED, Checkpoint, Result, Series, Status
from neurosim.spec import Spec, write_spec


@attrs.frozen(kw_only=True)
class Watcher:
    """Who is told how a run goes on."""

    progress: Callable[[str, int, int], None] = lambda what, done, total: None
    """What is under way, how much of it is done, of how much."""
    checkpoint: Callable[[Result], None] = lambda result: None
    """Given the result as it stands after every epoch."""


@attrs.frozen(kw_only=True, eq=False)
class Finished:
    """A run's result and what only pictures need."""

    result: Result
    verification: Verification | None


def run(
    spec: Spec,
    *,
    backend: str | None = None,
    watcher: Watcher | None = None,
    earlier: Result | None = None,
) -> Finished:
    """Train by the spec, test after every epoch, verify a sample of presentations at the end.

    An interrupt ends it early: the result then holds all epochs that were finished.

    Parameters
    ----------
    earlier : a run of this spec to go on with, as if it had never stopped; see `check_continues` for what the spec
        may have otherwise.

    Raises
    ------
    NeurosimError : anything wrong with spec, data, compiler or time step, before the first epoch. Later
        trouble (divergence, loops that do not settle) is the status of the result.
    """
    start, told = time.perf_counter(), watcher or Watcher()
    if earlier is not None:
        check_continues(spec, earlier)
    with none_lost() as check:

        def progress(what: str, done: int, total: int) -> None:
            check()
            told.progress(what, done, total)

        watching = attrs.evolve(told, progress=progress)
        dataset = load_dataset(spec.task)
        check_sizes(spec, dataset)
        begun = _begun(spec, earlier, dataset)
        learner, chip = _learner(spec, dataset, backend, watching, begun.weights)
        history = _History(
            spec=spec,
            learner=learner,
            engine=chip.backend if chip else "torch",
            start=start,
            facts=begun.on(chip.storage).facts if chip else begun.facts,
        )
        if earlier is not None:
            history.recall(earlier)
        status = _epochs(spec, learner, dataset, history, watching)
        verification, status = _verification(spec, learner, chip, dataset, status, watching)
    return Finished(result=history.result(status, verification), verification=verification)


def _begun(spec: Spec, earlier: Result | None, dataset: Dataset) -> Start:
    """What the network starts with, or goes on with, and whether its time steps allow that."""
    if earlier is not None:  # which was looked at when it began
        return Start.again(weights_in(spec, checkpoint_of(earlier), earlier.connectivity), earlier)
    begun = Start.of(spec)
    if method_of(spec.method.name).dynamical:
        check_steps(spec, begun.weights, dataset)
    return begun


def _learner(
    spec: Spec, dataset: Dataset, backend: str | None, watcher: Watcher, weights: Weights
) -> tuple[Learner, VirtualChip | None]:
    if not method_of(spec.method.name).dynamical:
        return ReferenceLearner(spec, dataset, weights), None
    watcher.progress("building the emulation", 0, 1)
    chip = VirtualChip(spec, backend=backend)
    return ChipLearner(chip, dataset, weights), chip


def _epochs(spec: Spec, learner: Learner, dataset: Dataset, history: _History, watcher: Watcher) -> Status:
    status = history.status
    try:
        if spec.run.epochs and not history.tests:
            begun = pretrain(spec, learner, dataset, watcher.progress)
            if not begun.good:
                return begun
        tested = history.test(dataset)
        if not tested.good:
            return tested
        for epoch in range(len(history.lessons), spec.run.epochs):
            what = f"epoch {epoch + 1} of {spec.run.epochs}"
            lesson = learner.learn(epoch, order_of(spec, dataset, epoch), partial(watcher.progress, what))
            status = lesson.status
            if status.kind == INTERRUPTED:
                return attrs.evolve(status, message=f"interrupted after {epoch} epochs")
            if status.kind == DIVERGED:
                return _advised(spec, status)
            history.add(lesson)
            tested = history.test(dataset)
            if not tested.good:
                return tested
            so_far = attrs.evolve(status, kind=UNFINISHED, message=f"{what} is done")
            watcher.checkpoint(history.result(so_far, None))
    except KeyboardInterrupt:
        return Status(kind=INTERRUPTED, message=f"interrupted after {len(history.lessons)} epochs")
    return status


def _advised(spec: Spec, status: Status) -> Status:
    """A divergence while learning, with what could mend it."""
    advice = "lower method.learning_rate or method.proportional_gain"
    if method_of(spec.method.name).sleeps:
        advice = (
            "the learned feedback may not make a stable loop yet: raise method.sleep.pretraining_epochs, set "
            f'method.initial_feedback = "output_identity", or {advice}'
        )
    return attrs.evolve(status, message=f"{status.message}; {advice}")


def _verification(
    spec: Spec,
    learner: Learner,
    chip: VirtualChip | None,
    dataset: Dataset,
    status: Status,
    watcher: Watcher,
) -> tuple[Verification | None, Status]:
    if spec.run.verify_samples == 0 or status.kind in (DIVERGED, INTERRUPTED):
        return None, status
    try:
        watcher.progress("verifying", 0, 1)
        if chip is None:
            return verify_reference(spec, learner.weights, dataset), status
        return verify_weights(chip, learner.weights, dataset), status
    except KeyboardInterrupt:
        return None, Status(kind=INTERRUPTED, message="interrupted while verifying; all epochs are done")


@attrs.define(kw_only=True, eq=False)
class _History:
    """What is known so far, and the Result made of it."""

    spec: Spec
    learner: Learner
    engine: str
    start: float
    facts: Mapping[str, Any]
    lessons: list[Lesson] = attrs.field(factory=list)
    tests: list[Exam] = attrs.field(factory=list)
    measured: Measured = attrs.field(factory=Measured)

    def add(self, lesson: Lesson) -> None:
        self.lessons.append(lesson)

    @property
    def status(self) -> Status:
        """How the last epoch ended."""
        return self.lessons[-1].status if self.lessons else Status()

    def test(self, dataset: Dataset) -> Status:
        """Test and measure after the last epoch, where that has not been done."""
        epoch, every = len(self.lessons), self.spec.run.measure_every
        if len(self.tests) == epoch:
            exam = self.learner.test(epoch)
            if not exam.status.good:
                return exam.status
            self.tests.append(exam)
        if every and epoch % every == 0 and epoch not in self.measured.epochs:
            row = measure(self.spec, self.learner.held(), dataset, self.learner.deviations)
            self.measured.add(epoch, row)
        return Status()

    def recall(self, earlier: Result) -> None:
        """Go on after an earlier run that `check_continues` has let through."""
        check_chip(earlier, self.learner.provenance())
        checkpoint, curves = checkpoint_of(earlier), earlier.learning
        self.learner.recall(checkpoint, earlier.connectivity)
        self.lessons = lessons_in(curves, checkpoint)
        self.tests = exams_in(curves, checkpoint)
        self.measured = Measured.of(curves)
        before = earlier.provenance.get("wall_seconds")
        self.start -= before if isinstance(before, float) else 0.0

    def result(self, status: Status, verification: Verification | None) -> Result:
        facts: dict[str, Any] = {
            **self.learner.provenance(),
            **self.facts,
            **({SPEC_SOURCE: str(Path(self.spec.source).resolve())} if self.spec.source else {}),
            "wall_seconds": time.perf_counter() - self.start,
        }
        chip = self.learner.chip if isinstance(self.learner, ChipLearner) else None
        if verification:
            facts |= verification.facts
        return Result(
            spec=write_spec(self.spec),
            seed=self.spec.run.seed,
            backend=self.engine,
            status=status,
            connectivity=self.learner.projections(),
            learning=self._series(),
            traces=verification.traces if verification else {},
            verification=verification.checks if verification else (),
            devices=chip.devices() if chip else {},
            checkpoint=self._checkpoint(),
            provenance=facts,
        )

    def _checkpoint(self) -> Checkpoint | None:
        """None before the first test, and where feedback that has to be learned first was not."""
        if not (self.tests and self.spec.run.epochs):
            return None
        nights, arrays = self.learner.checkpoint()
        return Checkpoint(epochs=len(self.lessons), nights=nights, status=self.status, arrays=arrays)

    def _series(self) -> dict[str, Series]:
        def per_epoch(values: list[float], axis: str = "epoch", unit: str = "1") -> Series:
            return Series(values=np.array(values, dtype=float), axis=axis, unit=unit)

        series = {
            "train_loss": per_epoch([lesson.loss for lesson in self.lessons]),
            "test_loss": per_epoch([exam.loss for exam in self.tests], axis="epochs before"),
            "test_accuracy": per_epoch([exam.accuracy for exam in self.tests], axis="epochs before"),
            "settling": per_epoch([lesson.settling for lesson in self.lessons]),
            "wall_seconds": per_epoch([lesson.seconds for lesson in self.lessons], unit="s"),
        }
        curves = {name: s for name, s in series.items() if not np.isnan(s.values).all()}
        return curves | self.measured.series()
