"""Interrupts where Python drops exceptions."""

from __future__ import annotations

import weakref

import pytest

from neurosim.experiment import Watcher, run
from neurosim.experiment.interrupts import none_lost
from neurosim.result import INTERRUPTED
from tests.systems.nets import spec_of


class Thing:
    """Something that is collected at once."""


def interrupt_in_a_callback() -> None:
    """As Ctrl-C does that comes while Python is in the callback of a weak reference."""

    def interrupt(_reference: object) -> None:
        raise KeyboardInterrupt

    thing = Thing()
    reference = weakref.ref(thing, interrupt)
    del thing
    assert reference() is None


def test_a_lost_interrupt_is_raised_again_once() -> None:
    with none_lost() as check:
        check()
        interrupt_in_a_callback()
        with pytest.raises(KeyboardInterrupt):
            check()
        check()


def test_a_run_ends_at_an_interrupt_that_python_drops() -> None:
    """With the epochs that were finished by then."""
    spec = spec_of(
        [64, 6, 10],
        task={"name": "digits", "train_samples": 32, "test_samples": 16},
        run={
            "batch": 16,
            "epochs": 5,
            "settle_duration": 1.0,
            "learn_duration": 1.0,
            "verify_samples": 0,
            "backend": "numpy",
        },
    )

    def progress(what: str, _done: int, _total: int) -> None:
        if what.startswith("epoch 2"):
            interrupt_in_a_callback()

    result = run(spec, watcher=Watcher(progress=progress)).result
    assert result.status.kind == INTERRUPTED
    assert len(result.learning["train_loss"].values) == 1
