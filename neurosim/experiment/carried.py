"""Learning on a chip that goes on from weights which came about elsewhere."""

from __future__ import annotations

import attrs

from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment.learners import ChipLearner
from neurosim.experiment.lessons import Exam
from neurosim.experiment.order import order_of
from neurosim.experiment.pretraining import Watch, pretrain
from neurosim.experiment.starting import Start
from neurosim.io import Dataset
from neurosim.spec import Spec


@attrs.frozen(kw_only=True, eq=False)
class Carried:
    """What became of weights on a chip."""

    weights: Weights
    """As they are stored in the end."""
    exam: Exam
    """Of the test after the last epoch; its status is what went wrong on the way, if anything did."""


def carry_on(
    spec: Spec,
    dataset: Dataset,
    *,
    start: Weights | None = None,
    epochs: int,
    backend: str | None = None,
    progress: Watch | None = None,
) -> Carried:
    """Write weights onto the spec's chip, learn there for some epochs, and test.

    Parameters
    ----------
    start : what is written; None: what a run starts with, feedback that is learned included.
    epochs : instead of the spec's; 0: the weights are only tested.

    Raises
    ------
    NeurosimError : as `run`, but for the time step, which is not checked.
    """
    watch = progress or (lambda what, done, total: None)
    learner = ChipLearner(
        VirtualChip(spec, backend=backend), dataset, Start.of(spec).weights if start is None else start
    )
    if start is None:
        status = pretrain(spec, learner, dataset, watch)
        if not status.good:
            return Carried(weights=learner.weights, exam=Exam(status=status))
    chip = learner.chip.chip
    for epoch in range(epochs):
        watch(f"{chip.name}, chip {chip.seed}: epochs", epoch, epochs)
        status = learner.learn(epoch, order_of(spec, dataset, epoch), None).status
        if not status.good:
            return Carried(weights=learner.weights, exam=Exam(status=status))
    return Carried(weights=learner.weights, exam=learner.test(epochs))
