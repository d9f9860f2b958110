"""Interrupts of engines, wherever Python is when they come."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from neurosim.backend.interrupts import noted
from neurosim.emulate import VirtualChip, Weights
from neurosim.result import INTERRUPTED
from tests.systems.nets import random_dataset, spec_of, stimulus_of


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Also where tests run in the background, which ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def raised() -> None:
    """By whoever is told of the progress."""
    raise KeyboardInterrupt


def sent() -> None:
    """As Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def sent_in_a_callback() -> None:
    """Where Python drops exceptions."""

    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, lambda _reference: sent())
    del thing
    assert reference() is None


@pytest.mark.parametrize("interrupt", [raised, sent, sent_in_a_callback])
@pytest.mark.parametrize(
    ("backend", "cores"),
    [
        ("numpy", 1),
        pytest.param("cpp", 1, marks=pytest.mark.cpp),
        pytest.param("cpp", 2, marks=pytest.mark.cpp),
    ],
)
def test_every_interrupt_ends_a_run(backend: str, cores: int, interrupt: Callable[[], None]) -> None:
    run = {"batch": 6, "settle_duration": 0.5, "learn_duration": 0.5, "backend": backend, "cores": cores}
    spec = spec_of([7, 6, 4], run=run)
    chip, told = VirtualChip(spec), []

    def progress(shown: int, _of: int) -> None:
        if shown > 2 and not told:
            told.append(shown)
            interrupt()

    stimulus = stimulus_of(random_dataset(spec, 5), 6, 100_000)
    passage = chip.show(
        stimulus, weights=Weights.initial(spec), protocol=spec.run.protocol, progress=progress
    )
    assert passage.status.kind == INTERRUPTED
    assert told[0] <= len(passage.endings["held"]) < 100_000


def test_what_ignores_interrupts_goes_on_ignoring_them() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with noted() as flag:
        sent()
        assert not flag.is_set()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_the_handler_of_before_is_back() -> None:
    with noted() as flag:
        sent()
        assert flag.wait(1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_than_the_main_one_hears_none() -> None:
    seen = []

    def work() -> None:
        with noted() as flag:
            seen.append(flag.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
