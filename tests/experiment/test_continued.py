"""A run that goes on from its result is the run that never stopped, bit for bit; what cannot go on is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.errors import DataError, NeurosimError, SpecError
from neurosim.experiment import Watcher, run, spec_of
from neurosim.io import read_result, write_result
from neurosim.result import INTERRUPTED, UNFINISHED, Checkpoint, Result, Series
from neurosim.spec import Spec
from tests.same import assert_same
from tests.systems.nets import spec_of as network_of

RUNS: dict[str, dict[str, Any]] = {
    "plain": {"method": {"name": "DFC-fixed"}},
    "adam": {"method": {"name": "DFC-fixed", "learning_rate": 0.01, "optimizer": {"name": "adam"}}},
    "noise that remembers": {"method": {"name": "DFC-fixed"}, "chip": {"name": "subthreshold_180nm"}},
    "cells that age": {"method": {"name": "DFC-fixed"}, "chip": {"name": "pcm_crossbar"}},
    "nights": {
        "method": {
            "name": "DFC",
            "proportional_gain": 1.5,
            "optimizer": {"name": "adam"},
            "learning_rate": 0.01,
            "sleep": {"pretraining_epochs": 2, "epochs": 1},
        },
        "chip": {"name": "subthreshold_180nm"},
    },
    "decoders": {"method": {"name": "DTP", "sleep": {"pretraining_epochs": 1}}},
    "torch": {"method": {"name": "BP", "learning_rate": 0.01, "optimizer": {"name": "adam"}}},
    "torch with nights": {"method": {"name": "DFC-SSA", "sleep": {"pretraining_epochs": 1}}},
}
ELSEWHERE = {"wall_seconds", "build_seconds"}
"""Provenance and curves that no two runs share."""


def _spec(name: str, **run_table: Any) -> Spec:
    """Three epochs of three presentations of 20 + 20 steps: whether they settle is not the question here."""
    case = RUNS[name]
    return network_of(
        [15, 6, 5],
        method=case["method"],
        chip=case.get("chip", {"name": "ideal"}),
        task={"name": "student_teacher", "train_samples": 24, "test_samples": 12},
        run={
            "epochs": 3,
            "batch": 8,
            "settle_duration": 0.4,
            "learn_duration": 0.4,
            "backend": "numpy",
            "verify_samples": 0,
            "measure_every": 2,
            **run_table,
        },
    )


def _without_times(result: Result) -> Result:
    facts = {key: value for key, value in result.provenance.items() if key not in ELSEWHERE}
    curves = {key: value for key, value in result.learning.items() if key not in ELSEWHERE}
    return attrs.evolve(result, provenance=facts, learning=curves)


def _by_file(result: Result, folder: Path) -> Result:
    write_result(result, folder / "result.h5")
    return read_result(folder / "result.h5")


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        *((name, "numpy") for name in RUNS),
        *(pytest.param(name, "cpp", marks=pytest.mark.cpp) for name in ("plain", "nights", "cells that age")),
    ],
)
def test_a_run_stopped_anywhere_goes_on_bit_for_bit(name: str, backend: str, tmp_path: Path) -> None:
    """After the first checkpoint, and interrupted within the second epoch."""
    spec, kept = _spec(name, backend=backend), []
    whole = run(spec, watcher=Watcher(checkpoint=kept.append)).result
    assert whole.status.kind not in (INTERRUPTED, "diverged"), whole.status.message
    assert [result.status.kind for result in kept] == [UNFINISHED] * 3
    interrupted = _interrupted(spec, "epoch 2")
    assert interrupted.status.kind == INTERRUPTED
    for result in (kept[0], interrupted):
        on = run(spec, earlier=_by_file(result, tmp_path)).result
        assert_same(_without_times(on), _without_times(whole))


def _interrupted(spec: Spec, what: str) -> Result:
    def interrupt(doing: str, done: int, total: int) -> None:
        if doing.startswith(what):
            raise KeyboardInterrupt

    return run(spec, watcher=Watcher(progress=interrupt)).result


def test_an_interrupt_in_a_night_undoes_the_day_before_it(tmp_path: Path) -> None:
    """The epoch ends with its night: half of one is not kept."""
    spec = attrs.evolve(_spec("nights"), chip={"name": "ideal"})
    calls = 0

    def interrupt(doing: str, done: int, total: int) -> None:
        nonlocal calls
        calls += doing.startswith("epoch 2") and done == total
        if calls == 2:  # the day came to its end, and its night
            raise KeyboardInterrupt

    stopped = run(spec, watcher=Watcher(progress=interrupt)).result
    assert stopped.status.kind == INTERRUPTED
    assert stopped.checkpoint is not None
    assert stopped.checkpoint.epochs == 1
    on = run(spec, earlier=_by_file(stopped, tmp_path)).result
    assert_same(_without_times(on), _without_times(run(spec).result))


def test_more_epochs_are_those_a_longer_run_has(tmp_path: Path) -> None:
    short, long = _spec("plain", epochs=1), _spec("plain", epochs=3)
    on = run(long, earlier=_by_file(run(short).result, tmp_path)).result
    assert_same(_without_times(on), _without_times(run(long).result))


def test_what_is_left_may_be_the_verification_alone(tmp_path: Path) -> None:
    spec = _spec("plain", verify_samples=2)
    stopped = _interrupted(spec, "verifying")
    assert stopped.status.kind == INTERRUPTED
    assert not stopped.verification
    on = run(spec, earlier=_by_file(stopped, tmp_path)).result
    assert on.verification
    assert len(on.learning["train_loss"].values) == 3


@pytest.mark.parametrize(
    ("key", "value", "near"),
    [
        pytest.param("backend", "cpp", 1e-12, marks=pytest.mark.cpp),
        ("precision", "float32", 1e-5),
    ],
)
def test_a_run_goes_on_with_another_arithmetic(tmp_path: Path, key: str, value: str, near: float) -> None:
    """What it leaves differs by rounding, over three presentations of 40 steps with weights about 1: 1e-16 and 6e-8 a
    step, a hundred times over."""
    spec = _spec("plain", epochs=2)
    first = _by_file(run(attrs.evolve(spec, run=attrs.evolve(spec.run, epochs=1))).result, tmp_path)
    on = run(attrs.evolve(spec, run=attrs.evolve(spec.run, **{key: value})), earlier=first).result
    whole = run(spec).result
    found = [
        float(np.abs(on.connectivity[name].weights - projection.weights).max())
        for name, projection in whole.connectivity.items()
    ]
    assert 0 < max(found) < near, found  # another arithmetic did the work


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("run.seed=2", "run.seed"),
        ("run.batch=4", "run.batch"),
        ("method.name=DFC-SS-fixed", "method.name"),
        ("network.layers=[15,7,5]", "network.layers"),
        ("task.train_samples=16", "task.train_samples"),
        ("chip.name=subthreshold_180nm", "chip.name"),
        ("method.optimizer.name=adam", "method.optimizer.name"),
    ],
)
def test_another_run_is_refused_by_its_key(override: str, key: str) -> None:
    earlier = run(_spec("plain", epochs=1, verify_samples=0)).result
    spec = spec_of(earlier, where="result.h5", overrides=[override, "run.epochs=2"])
    with pytest.raises(SpecError, match="cannot be changed while a run goes on") as caught:
        run(spec, earlier=earlier)
    assert caught.value.where == key


def test_a_finished_run_has_nothing_left() -> None:
    spec = _spec("plain", epochs=1)
    with pytest.raises(SpecError, match="nothing is left to do"):
        run(spec, earlier=run(spec).result)


def test_a_run_that_learned_nothing_is_nothing_to_go_on_with() -> None:
    """Feedback that has to be learned before the first epoch was not."""
    spec = _spec("plain", epochs=0)
    earlier = run(spec).result
    assert earlier.checkpoint is None
    with pytest.raises(DataError, match="nothing to go on with"):
        run(_spec("plain"), earlier=earlier)


def test_another_chip_of_the_same_name_is_refused() -> None:
    spec = _spec("plain", epochs=1)
    earlier = run(spec).result
    other = attrs.evolve(earlier, provenance={**earlier.provenance, "chip_numbers": "{}"})
    with pytest.raises(SpecError, match="other numbers"):
        run(_spec("plain"), earlier=other)


def _checkpoint(result: Result, **changes: Any) -> Result:
    assert result.checkpoint is not None
    return attrs.evolve(result, checkpoint=attrs.evolve(result.checkpoint, **changes))


def _array(result: Result, kind: str, name: str, values: Any) -> Result:
    assert isinstance(result.checkpoint, Checkpoint)
    arrays = {key: dict(members) for key, members in result.checkpoint.arrays.items()}
    arrays.setdefault(kind, {})[name] = np.asarray(values, float)
    return _checkpoint(result, arrays=arrays)


DAMAGE: dict[str, Callable[[Result], Result]] = {
    "/checkpoint/optimizer/synapses_1.moment1": lambda r: _array(
        r, "optimizer", "synapses_1.moment1", [1.0, 2.0]
    ),
    "/checkpoint/optimizer/synapses_9.moment1": lambda r: _array(
        r, "optimizer", "synapses_9.moment1", [1.0, 2.0]
    ),
    "/checkpoint/wander": lambda r: _array(r, "wander", "layer_1.nothing", [1.0]),
    "/checkpoint/cells": lambda r: _array(r, "cells", "synapses_1.age", [1.0]),
    "/checkpoint: biases do not fit": lambda r: _array(r, "biases", "biases_3", [1.0]),
    "/checkpoint: biases weights": lambda r: _array(r, "biases", "biases_1", [1.0]),
    "/learning/train_loss": lambda r: _checkpoint(r, epochs=2),
    "/checkpoint": lambda r: _checkpoint(r, epochs=-1),
    "/learning/test_loss": lambda r: attrs.evolve(
        r, learning={**r.learning, "test_loss": Series(values=np.zeros(5), axis="epochs before")}
    ),
    "/learning/condition_two": lambda r: attrs.evolve(
        r, learning={**r.learning, "condition_two": Series(values=np.zeros(5), axis="measured_after")}
    ),
    "/connectivity/input_to_layer_1/device/stored": lambda r: attrs.evolve(
        r,
        connectivity={
            **r.connectivity,
            "input_to_layer_1": attrs.evolve(r.connectivity["input_to_layer_1"], device={}),
        },
    ),
}


@pytest.mark.parametrize("place", DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused(place: str) -> None:
    earlier = run(_spec("adam", epochs=1, verify_samples=0)).result
    with pytest.raises(NeurosimError) as caught:
        run(_spec("adam"), earlier=DAMAGE[place](earlier))
    assert place in f"{caught.value.where}: {caught.value.what}"
