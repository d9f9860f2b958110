"""What comes before the first forward update: passes in which only the feedback learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from neurosim.experiment.learners import Learner
from neurosim.experiment.order import order_of
from neurosim.io import Dataset
from neurosim.learning import Decoders, method_of
from neurosim.result import DIVERGED, INTERRUPTED, Status
from neurosim.spec import Spec

Watch = Callable[[str, int, int], None]
"""Told what is under way, how much of it is done, of how much."""


def pretraining_epochs(spec: Spec) -> int:
    """How many a method wants: none where its feedback is fixed or learns awake."""
    method = method_of(spec.method.name)
    learned = method.sleeps or isinstance(method.feedback, Decoders)
    return spec.method.sleep.pretraining_epochs if learned else 0


def pretrain(spec: Spec, learner: Learner, dataset: Dataset, watch: Watch) -> Status:
    """Carry them out, so that the loop is stable when it is first asked to work."""
    total = pretraining_epochs(spec)
    for epoch in range(total):
        what = f"feedback, epoch {epoch + 1} of {total}"
        order = order_of(spec, dataset, epoch, name="pretraining_order")
        status = learner.pretrain(epoch, order, partial(watch, what))
        if status.kind == INTERRUPTED:
            return attrs.evolve(status, message=f"interrupted in {what}; its weights are those before it")
        if status.kind == DIVERGED:
            return status
    return Status()
