"""Weights that go on learning on a chip: the same as a run's, and what becomes of them when it goes wrong."""

from __future__ import annotations

import attrs
import numpy as np

from neurosim.emulate import Weights
from neurosim.experiment import carry_on, run
from neurosim.io import load_dataset
from neurosim.result import DIVERGED
from tests.experiment.cases import digits_spec

METHOD = {"name": "DFC-fixed", "learning_rate": 1.0, "target_stepsize": 0.8}
SPEC = attrs.evolve(
    digits_spec(8, samples=32, method=METHOD, batch=8, verify_samples=0),
    chip={"name": "pcm_crossbar", "noise": False},
)
DATA = load_dataset(SPEC.task)


def test_all_epochs_from_the_start_are_a_run() -> None:
    """Bit for bit: the same order, the same writing of the same weights. Noise would go on through a run's tests."""
    carried = carry_on(SPEC, DATA, epochs=SPEC.run.epochs)
    result = run(SPEC).result
    assert carried.exam.status.good
    assert carried.exam.accuracy == result.learning["test_accuracy"].values[-1]
    stored = result.connectivity["input_to_layer_1"].device["stored"]
    np.testing.assert_array_equal(carried.weights.forward[0], stored)


def test_without_epochs_weights_are_written_and_tested() -> None:
    start = Weights.initial(SPEC)
    carried = carry_on(SPEC, DATA, start=start, epochs=0)
    missed = carried.weights.forward[0] - start.forward[0]
    assert 0 < np.std(missed) < 0.2  # of full scale, 2: the memory missed
    assert 0 <= carried.exam.accuracy <= 1


def test_what_went_wrong_is_the_status_of_its_exam() -> None:
    wild = attrs.evolve(SPEC, method=attrs.evolve(SPEC.method, learning_rate=1e300), chip={"name": "ideal"})
    carried = carry_on(wild, DATA, epochs=2)
    assert carried.exam.status.kind == DIVERGED
    assert np.isnan(carried.exam.accuracy)
