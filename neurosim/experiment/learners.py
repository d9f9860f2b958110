"""Two ways to learn from a data set: on a virtual chip, or in the reference for methods without dynamics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim import reference
from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip, Weights, chip_of, projections
from neurosim.errors import SpecError
from neurosim.experiment.feedback_phase import feedback_phase
from neurosim.experiment.lessons import Exam, Lesson
from neurosim.experiment.recalled import (
    NIGHT_OPTIMIZER,
    OPTIMIZER,
    WANDER,
    arrays_of,
    check_cells,
    kind_of,
    optimizer_in,
    wander_in,
    weights_in,
)
from neurosim.experiment.stability import parameters_of
from neurosim.io import Dataset
from neurosim.learning import feedback_shapes, method_of
from neurosim.reference.optimizers import Stepper
from neurosim.reference.tensors import double
from neurosim.reference.training import pretrain
from neurosim.result import DIVERGED, DONE, INTERRUPTED, Checkpoint, Projection, Status
from neurosim.spec import Deviations, Spec
from neurosim.spec import Protocol as Phases
from neurosim.version import __version__

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]


class Learner(Protocol):
    """Learns, and can be tested."""

    weights: Weights

    @property
    def deviations(self) -> Deviations:
        """Of the chip it learns on."""
        ...

    def pretrain(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Status:
        """One pass before the first lesson, in which only the feedback is learned."""
        ...

    def learn(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Lesson:
        """One pass over the training samples in the given order, (n_samples,)."""
        ...

    def test(self, epoch: int) -> Exam:
        """Loss and accuracy on the test set."""
        ...

    def held(self) -> Weights:
        """What the network computes with now, but for deviations."""
        ...

    def projections(self) -> dict[str, Projection]:
        """The connectivity as it is now."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Versions and scales."""
        ...

    def checkpoint(self) -> tuple[int, dict[str, Mapping[str, Array]]]:
        """Passes in which only feedback weights changed, and what it carries on beside its connectivity."""
        ...

    def recall(self, checkpoint: Checkpoint, connectivity: Mapping[str, Projection]) -> None:
        """Go on from there; DataError where something does not fit."""
        ...


class ChipLearner:
    """Learns by streaming the data through a virtual chip; what it learnt before a divergence is kept."""

    def __init__(self, chip: VirtualChip, dataset: Dataset, start: Weights | None = None) -> None:
        """start: what is written into the chip; None: what was drawn."""
        self.chip = chip
        self.weights = chip.written(Weights.initial(chip.spec) if start is None else start)
        self.feedback_phase = feedback_phase(chip)
        self._dataset = dataset
        self._optimizer: Mapping[str, Array] = {}
        self._wander: Mapping[str, Array] = {}  # of the chip's slow noise, whatever it is shown
        self._nights = 0

    @property
    def deviations(self) -> Deviations:
        """See `Learner.deviations`."""
        return self.chip.deviations

    def pretrain(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Status:
        """See `Learner.pretrain`."""
        rate = self.chip.spec.method.sleep.pretraining_learning_rate
        return self._night(self._stimulus(order), rate, progress)

    def learn(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Lesson:
        """See `Learner.learn`. The last batch is filled up from the beginning of the order."""
        before = self._carried()
        try:
            lesson = self._lesson(epoch, order, progress)
        except BaseException:
            self._carry(before)
            raise
        if lesson.status.kind in (DIVERGED, INTERRUPTED):  # what stands is what the last test was of
            self._carry(before)
        return lesson

    def _carried(self) -> tuple[Any, ...]:
        nightly = self.feedback_phase.optimizer if self.feedback_phase else {}
        return self.weights, self._optimizer, self._wander, self._nights, nightly

    def _carry(self, carried: tuple[Any, ...]) -> None:
        self.weights, self._optimizer, self._wander, self._nights, nightly = carried
        if self.feedback_phase:
            self.feedback_phase.optimizer = nightly

    def _lesson(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Lesson:
        data, stimulus = self._dataset, self._stimulus(order)
        passage = self.chip.show(
            stimulus,
            weights=self.weights,
            protocol=self.chip.spec.run.protocol,
            passage=2 * epoch,
            optimizer=self._optimizer,
            wander=self._wander,
            progress=progress,
        )
        status = passage.status
        if status.kind not in (DIVERGED, INTERRUPTED):
            self.weights, self._optimizer = passage.weights, passage.optimizer
            self._wander = passage.wander
            status = self._nights_after(stimulus, status, progress)
        held = self.chip.door.read(passage.endings["held"])
        shown = data.train_desired[stimulus.order[: len(held)]]
        return Lesson(
            loss=_mean_loss(self.chip.spec, held, shown),
            status=status,
            settling=float(passage.settling.mean()) if len(passage.settling) else float("nan"),
            seconds=passage.wall_seconds,
        )

    def _stimulus(self, order: NDArray[np.int32]) -> Stimulus:
        data = self._dataset
        return Stimulus(
            inputs=data.train_inputs,
            desired=data.train_desired,
            order=batches(order, self.chip.model.n_columns),
            scale=data.scale,
        )

    def _nights_after(self, stimulus: Stimulus, status: Status, progress: Progress | None) -> Status:
        sleep = self.chip.spec.method.sleep
        if not self.chip.method.sleeps:
            return status
        for _ in range(sleep.epochs):
            asleep = self._night(stimulus, sleep.learning_rate, progress)
            if asleep.kind in (DIVERGED, INTERRUPTED):
                return asleep
        return status

    def _night(self, stimulus: Stimulus, rate: float, progress: Progress | None) -> Status:
        """One pass of the feedback phase; a night that breaks off leaves the weights alone."""
        if self.feedback_phase is None:
            return Status(kind=DONE)
        self._nights += 1
        passage = self.feedback_phase.run(
            stimulus,
            self.weights,
            rate=rate,
            passage=self._nights,
            progress=progress,
            wander=self._wander,
        )
        status = passage.status
        if status.kind == DIVERGED:
            return attrs.evolve(status, message=f"while the feedback was learned: {status.message}")
        if status.kind == INTERRUPTED:
            return status
        self.weights, self._wander = passage.weights, passage.wander
        return Status(kind=DONE)  # an integrator that follows noise never settles

    def test(self, epoch: int) -> Exam:
        """See `Learner.test`: the chip itself is asked, with its noise, the controller off.

        That is no part of its life: its stored weights are not older afterwards.
        """
        data, spec = self._dataset, self.chip.spec
        count = len(data.test_inputs)
        order = batches(np.arange(count, dtype=np.int32), self.chip.model.n_columns)
        protocol = spec.run.protocol
        passage = self.chip.show(
            Stimulus(inputs=data.test_inputs, desired=data.test_desired, order=order, scale=data.scale),
            weights=self.weights,
            protocol=Phases(dt_ratio=protocol.dt_ratio, settle_steps=protocol.settle_steps, learn_steps=0),
            learning=False,
            passage=2 * epoch + 1,
            wander=self._wander,
        )
        if not passage.or_interrupt().status.good:
            return Exam(status=passage.status)
        self._wander = passage.wander
        held = self.chip.door.read(passage.endings["held"]).reshape(-1, spec.network.layers[-1])[:count]
        return Exam(loss=_mean_loss(spec, held, data.test_desired), accuracy=_accuracy(data, held))

    def held(self) -> Weights:
        """See `Learner.held`."""
        return self.chip.storage.held(self.weights)

    def projections(self) -> dict[str, Projection]:
        """See `Learner.projections`."""
        return self.chip.projections(self.weights)

    def provenance(self) -> dict[str, Any]:
        """See `Learner.provenance`."""
        night = self.feedback_phase.build_seconds if self.feedback_phase else 0.0
        return {**self.chip.provenance(), "build_seconds": self.chip.build_seconds + night}

    def checkpoint(self) -> tuple[int, dict[str, Mapping[str, Array]]]:
        """See `Learner.checkpoint`."""
        weights, optimizer, wander, nights, nightly = self._carried()
        kinds = {OPTIMIZER: optimizer, NIGHT_OPTIMIZER: nightly, WANDER: wander}
        return nights, {**arrays_of(weights), **kinds}

    def recall(self, checkpoint: Checkpoint, connectivity: Mapping[str, Projection]) -> None:
        """See `Learner.recall`."""
        phase = self.feedback_phase
        chips = [self.chip, phase.chip] if phase else [self.chip]
        check_cells(checkpoint, self.chip)
        nightly = optimizer_in(checkpoint, chips[-1], kind=NIGHT_OPTIMIZER)
        self._carry(
            (
                weights_in(self.chip.spec, checkpoint, connectivity),
                optimizer_in(checkpoint, self.chip),
                wander_in(checkpoint, chips),
                checkpoint.nights,
                nightly,
            )
        )


class ReferenceLearner:
    """Learns in torch, for methods that are solved or go one way: BP, DFC-SSA, …"""

    def __init__(self, spec: Spec, dataset: Dataset, start: Weights | None = None) -> None:
        """start: None: what was drawn."""
        chip = chip_of(spec)
        if chip.imperfections:
            raise SpecError(
                f"{spec.method.name} has no dynamics, so it cannot run on a chip with imperfections",
                where=f"{spec.source or 'spec'}: chip",
                expected="an ideal chip",
                got=f"{chip.name}, which has {', '.join(chip.imperfections)}",
                remedy='set chip.name to "ideal" or choose a method that is simulated, such as DFC',
            )
        self.weights = Weights.initial(spec) if start is None else start
        self._spec, self._dataset = spec, dataset
        self._inputs = dataset.scale * dataset.train_inputs.astype(np.float64)
        self._stepper = Stepper(spec.method.optimizer)

    @property
    def deviations(self) -> Deviations:
        """See `Learner.deviations`: none."""
        shapes = feedback_shapes(method_of(self._spec.method.name).feedback, self._spec.network.layers)
        return Deviations.ideal(self._spec.network, feedback=shapes)

    def pretrain(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Status:
        """See `Learner.pretrain`."""
        spec, stepper = self._spec, copy.deepcopy(self._stepper)
        nights = pretrain(
            spec.network,
            parameters_of(self.weights),
            spec.method,
            self._inputs,
            [order],
            batch=spec.run.batch,
            stepper=stepper,
            seed=spec.run.seed,
            first_epoch=epoch,
        )
        after = next(iter(nights))
        if progress is not None:
            progress(1, 1)  # which may end it all: nothing of this pass is kept then
        return self._take(after, stepper, f"while the feedback was learned, in epoch {epoch + 1}")

    def learn(self, epoch: int, order: NDArray[np.int32], progress: Progress | None) -> Lesson:
        """See `Learner.learn`."""
        data, spec, stepper = self._dataset, self._spec, copy.deepcopy(self._stepper)
        epochs = reference.train_epochs(
            spec.network,
            parameters_of(self.weights),
            spec.method,
            self._inputs,
            data.train_desired,
            [order],
            loss=spec.task.loss,
            batch=spec.run.batch,
            stepper=stepper,
            seed=spec.run.seed,
            first_epoch=epoch,
        )
        after = next(iter(epochs))
        if progress is not None:
            progress(1, 1)  # as in `pretrain`
        status = self._take(after.parameters, stepper, f"in epoch {epoch + 1}")
        return Lesson(loss=after.loss, status=status, settling=float("nan"))

    def _take(self, parameters: reference.Parameters, stepper: Stepper, when: str) -> Status:
        """Make them the weights, with the optimiser that made them, unless they have left all bounds."""

        def arrays(group: str) -> tuple[Array, ...]:
            return tuple(w.cpu().numpy() for w in getattr(parameters, group))

        taken = Weights(forward=arrays("forward"), biases=arrays("biases"), feedback=arrays("feedback"))
        if not all(np.isfinite(w).all() for w in (*taken.forward, *taken.biases, *taken.feedback)):
            return Status(kind=DIVERGED, part="weights", message=f"weights left all bounds {when}")
        self.weights, self._stepper = taken, stepper
        return Status(kind=DONE)

    def test(self, epoch: int) -> Exam:
        """See `Learner.test`."""
        data, spec = self._dataset, self._spec
        inputs = data.scale * data.test_inputs.astype(np.float64)
        output = reference.feedforward(spec.network, parameters_of(self.weights), inputs).output.numpy()
        return Exam(loss=_mean_loss(spec, output, data.test_desired), accuracy=_accuracy(data, output))

    def held(self) -> Weights:
        """See `Learner.held`."""
        return self.weights

    def projections(self) -> dict[str, Projection]:
        """See `Learner.projections`."""
        return projections(self._spec, self.weights, deviations=self.deviations)

    def provenance(self) -> dict[str, Any]:
        """See `Learner.provenance`."""
        import torch

        return {
            "neurosim": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "chip": "ideal",
        }

    def checkpoint(self) -> tuple[int, dict[str, Mapping[str, Array]]]:
        """See `Learner.checkpoint`; a night is its epoch's here."""
        return 0, {**arrays_of(self.weights), OPTIMIZER: self._stepper.state()}

    def recall(self, checkpoint: Checkpoint, connectivity: Mapping[str, Projection]) -> None:
        """See `Learner.recall`."""
        weights = weights_in(self._spec, checkpoint, connectivity)
        self._stepper.restore(kind_of(checkpoint, OPTIMIZER), parameters_of(weights))
        self.weights = weights


def batches(order: NDArray[np.integer[Any]], columns: int) -> NDArray[np.int32]:
    """The order as (n_presentations, columns); the last one is filled up from the beginning."""
    presentations = -(-len(order) // columns)
    return np.resize(order, (presentations, columns)).astype(np.int32)


def _mean_loss(spec: Spec, output: Array, desired: Array) -> float:
    outputs = spec.network.layers[-1]
    values = reference.loss(
        spec.task.loss, double(output.reshape(-1, outputs)), double(desired.reshape(-1, outputs))
    )
    return float(values.mean()) if len(values) else float("nan")


def _accuracy(dataset: Dataset, output: Array) -> float:
    if dataset.test_labels is None:
        return float("nan")
    return float(np.mean(output.argmax(axis=1) == dataset.test_labels))
