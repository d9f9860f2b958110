"""One chip on several cores against the same chip on one."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.errors import EngineError, SpecError
from neurosim.result import DIVERGED, INTERRUPTED
from neurosim.spec import Spec, asleep
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

ROUNDING = 1e-9
"""Of float64, summed over columns in another order, over some presentations that learn."""


def spec_on(cores: int, *, chip: str = "subthreshold_180nm", **tables: Any) -> Spec:
    method = {"learning_rate": 0.5, "target_stepsize": 0.3, "leak": 0.01, **tables.pop("method", {})}
    run = {"batch": 6, "settle_duration": 1.0, "learn_duration": 1.5, **tables.pop("run", {})}
    return spec_of(
        [7, 6, 4],
        chip={"name": chip},
        method=method,
        task={"loss": "softmax_cross_entropy"},
        run={**run, "cores": cores},
        **tables,
    )


def started(chip: VirtualChip) -> Weights:
    return chip.written(Weights.initial(chip.spec))


def show(chip: VirtualChip, *, presentations: int = 4, **how: Any) -> Passage:
    stimulus = stimulus_of(random_dataset(chip.spec, 5), chip.model.n_columns, presentations)
    given = {"weights": started(chip), "protocol": chip.spec.run.protocol, "traced": (1, 3), **how}
    return chip.show(stimulus, **given)


def numbers(passage: Passage) -> list[np.ndarray]:
    traces = [trace.values for part in passage.traces.values() for trace in part.values()]
    weights, carried = passage.weights, [*passage.optimizer.values(), *passage.wander.values()]
    arrays = [*weights.forward, *weights.biases, *weights.feedback, *weights.cells.values()]
    return [*traces, *passage.endings.values(), *arrays, *carried]


@pytest.mark.cpp
@pytest.mark.parametrize(
    ("tables", "cores"),
    [
        ({}, 2),
        ({}, 3),
        ({"method": {"optimizer": {"name": "adam"}, "learning_rate": 1e-3}}, 2),
        ({"chip": "pcm_crossbar"}, 2),
        ({"chip": "brainscales2"}, 3),
        ({"method": {"name": "DI"}}, 2),
    ],
    ids=lambda value: str(value or "noise and mismatch"),
)
def test_cores_give_what_one_gives(tables: dict[str, Any], cores: int) -> None:
    """Two passages, the second going on from the first; noise of all kinds is the same, number for number."""
    found = []
    for count in (1, cores):
        chip = VirtualChip(spec_on(count, **tables))
        one = show(chip)
        two = show(chip, weights=one.weights, wander=one.wander, optimizer=one.optimizer, passage=1)
        assert DIVERGED not in (one.status.kind, two.status.kind)
        found.append([*numbers(one), *numbers(two)])
    assert len(found[0]) == len(found[1])
    for a, b in zip(*found, strict=True):
        assert relative_difference([(a, b)]) <= ROUNDING


@pytest.mark.cpp
def test_feedback_learned_asleep_on_two_cores() -> None:
    """The night's noise is put into each of the columns, and what they learn is summed."""
    found = []
    for cores in (1, 2):
        spec = asleep(spec_on(cores, method={"name": "DFC", "sleep": {"learning_rate": 0.01}}))
        chip = VirtualChip(spec, sleeps=True)
        found.append(show(chip).weights.feedback)
    before = Weights.initial(spec).feedback
    for one, two, start in zip(*found, before, strict=True):
        assert relative_difference([(one - start, two - start)]) <= ROUNDING
        assert np.any(one != start)


@pytest.mark.cpp
def test_a_chip_that_diverges_says_where_among_all_columns() -> None:
    """A column of the second core alone; the other does not wait for it for ever."""
    found = []
    for cores in (1, 2):
        chip = VirtualChip(spec_on(cores, chip="ideal", run={"settle_duration": 0.5, "learn_duration": 0.5}))
        stimulus = stimulus_of(random_dataset(chip.spec, 5), 6, 3)
        stimulus.inputs[:] = 0.1
        stimulus.inputs[3] = 1e12
        stimulus.order[:] = 0
        stimulus.order[1, 4] = 3
        weights = random_weights(chip.spec, 5)
        passage = chip.show(stimulus, weights=weights, protocol=chip.spec.run.protocol)
        assert passage.status.kind == DIVERGED
        found.append((passage.status.step, passage.status.column, passage.status.message))
        assert len(passage.endings["error"]) == 1
    assert found[0] == found[1]
    assert found[0][1] == 4


@pytest.mark.cpp
def test_an_interrupt_ends_both_after_a_presentation() -> None:
    """The weights are those of one core after as many presentations."""
    chip, done = VirtualChip(spec_on(2)), []

    def progress(shown: int, _of: int) -> None:
        if shown > 2 and not done:
            done.append(shown)
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()

    stimulus = stimulus_of(random_dataset(chip.spec, 5), 6, 100_000)
    how: dict[str, Any] = {"weights": started(chip), "protocol": chip.spec.run.protocol, "noise": False}
    passage = chip.show(stimulus, progress=progress, **how)
    assert passage.status.kind == INTERRUPTED
    ended = len(passage.endings["error"])
    assert 2 < ended < 100_000
    first = stimulus_of(random_dataset(chip.spec, 5), 6, ended)
    alone = VirtualChip(spec_on(1)).show(first, **how)
    pairs = zip(passage.weights.forward, alone.weights.forward, strict=True)
    assert relative_difference(pairs) <= ROUNDING


@pytest.mark.cpp
def test_one_that_is_killed_does_not_leave_the_other() -> None:
    """It is told, and no program is left."""
    chip, killed = VirtualChip(spec_on(2)), []

    def children() -> list[int]:
        lists = [path.read_text() for path in Path(f"/proc/{os.getpid()}/task").glob("*/children")]
        found = [int(pid) for text in lists for pid in text.split()]
        return [pid for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == "main"]

    def progress(shown: int, _of: int) -> None:
        if shown > 2 and not killed:
            killed.append(max(children()))
            os.kill(killed[0], signal.SIGKILL)

    stimulus = stimulus_of(random_dataset(chip.spec, 5), 6, 100_000)
    with pytest.raises(EngineError, match="broke off"):
        chip.show(
            stimulus, weights=started(chip), protocol=chip.spec.run.protocol, progress=progress, noise=False
        )
    assert killed
    assert not children()


def test_what_cannot_be_spread_is_refused() -> None:
    """Asked for, but not where all cores were asked for that are of use."""
    with pytest.raises(SpecError, match=r"run\.backend"):
        VirtualChip(spec_on(2, run={"backend": "numpy"}))
    with pytest.raises(SpecError, match=r"method\.weight_updates"):
        VirtualChip(spec_on(2, method={"weight_updates": "continuous"}))
    assert VirtualChip(spec_on(0, run={"backend": "numpy"})).model.n_columns == 6
