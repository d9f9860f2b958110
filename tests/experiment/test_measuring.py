"""Measures along a run: when they are taken, with which weights, and how they read in the learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment import run
from neurosim.experiment.measuring import Measured, measure
from neurosim.experiment.stability import loop_stability
from neurosim.io import load_dataset
from neurosim.io.hdf5 import read_result, write_result
from neurosim.result import Result
from neurosim.spec import Spec
from tests.experiment.cases import digits_spec
from tests.systems.nets import random_dataset, random_weights, spec_of


def _spec(name: str, **run_table: Any) -> Spec:
    method = {"name": name, "learning_rate": 0.5, "target_stepsize": 0.5, "leak": 0.1}
    return digits_spec(8, samples=64, method=method, batch=16, verify_samples=0, **run_table)


@pytest.mark.parametrize(("every", "times"), [(1, [0, 1, 2, 3]), (2, [0, 2]), (5, [0]), (0, None)])
def test_measures_are_taken_at_the_stated_interval(every: int, times: list[int] | None) -> None:
    """With 0 there are none, and no axis either."""
    learning = run(_spec("DFC-SSA-fixed", measure_every=every)).result.learning
    if times is None:
        assert not any(series.axis == "measured_after" for series in learning.values())
        assert "measured_after" not in learning
        return
    np.testing.assert_array_equal(learning["measured_after"].values, times)
    for name in ("condition_one", "condition_two", "angle_to_bp"):
        assert learning[name].axis == "measured_after"
        assert learning[name].values.shape == (len(times),)
        assert np.isfinite(learning[name].values).all()
    assert learning["angle_to_bp"].unit == "deg"
    assert learning["condition_two"].unit == "1"


def test_the_last_measures_are_those_of_the_final_weights(tmp_path: Path) -> None:
    """As read back from the file: recomputed from its weights, on the same samples."""
    spec = _spec("DFC-fixed", measure_samples=3)
    written = run(spec).result
    write_result(written, tmp_path / "r.h5")
    result: Result = read_result(tmp_path / "r.h5")
    assert result.learning["max_real_eigenvalue"].unit == "1/tau_u"
    forward = [p for p in result.connectivity.values() if p.kind == "feedforward"]
    assert all(p.biases is not None for p in forward)
    weights = Weights(
        forward=tuple(p.weights for p in forward),
        biases=tuple(p.biases for p in forward if p.biases is not None),
        feedback=tuple(p.weights for p in result.connectivity.values() if p.kind == "feedback"),
    )
    again = measure(spec, weights, load_dataset(spec.task), VirtualChip(spec, backend="numpy").deviations)
    assert again
    for name, value in again.items():
        np.testing.assert_allclose(result.learning[name].values[-1], value, rtol=1e-9, atol=1e-12)


def test_a_measure_missing_at_one_time_is_nan_there_and_one_never_there_is_left_out() -> None:
    measured = Measured()
    measured.add(0, {"condition_two": 0.5, "angle_to_bp": np.nan})
    measured.add(4, {"max_real_eigenvalue": -1.0, "condition_two": 0.7, "angle_to_bp": np.nan})
    series = measured.series()
    assert set(series) == {"condition_two", "max_real_eigenvalue", "measured_after"}
    np.testing.assert_array_equal(series["condition_two"].values, [0.5, 0.7])
    np.testing.assert_array_equal(series["max_real_eigenvalue"].values, [np.nan, -1.0])
    np.testing.assert_array_equal(series["measured_after"].values, [0, 4])
    assert not Measured().series()


def test_measures_see_the_weights_as_the_devices_have_them() -> None:
    """Angles with the gains of a mismatched chip in the weights; stability with all that is off on it."""
    spec = spec_of(
        [6, 5, 4, 3], method={"name": "DFC-fixed", "leak": 0.1}, chip={"name": "subthreshold_180nm"}
    )
    dataset, weights = random_dataset(spec, 3), random_weights(spec, 4)
    chip = VirtualChip(spec, backend="numpy")
    found = measure(spec, weights, dataset, chip.deviations)
    ideal = measure(
        spec, weights, dataset, VirtualChip(attrs.evolve(spec, chip={"name": "ideal"})).deviations
    )
    assert all(found[name] != ideal[name] for name in ("condition_two", "angle_to_bp", "max_real_eigenvalue"))
    count = spec.run.measure_samples
    inputs, desired = dataset.scale * dataset.test_inputs[:count], dataset.test_desired[:count]
    loop = loop_stability(spec, weights, inputs=inputs, desired=desired, deviations=chip.deviations)
    assert found["max_real_eigenvalue"] == loop.max_real


def test_an_update_that_does_not_exist_is_no_trouble() -> None:
    """Without feedback and leak no layer can be inverted: NDI has no angles, and nothing is raised."""
    spec = spec_of([6, 5, 4, 3], method={"name": "NDI", "leak": 0.0})
    dataset, weights = random_dataset(spec, 3), random_weights(spec, 4)
    none = attrs.evolve(weights, feedback=tuple(np.zeros(w.T.shape) for w in weights.forward[1:]))
    deviations = VirtualChip(spec_of([6, 5, 4, 3], method={"name": "DI", "leak": 0.1})).deviations
    found = measure(spec, none, dataset, deviations)
    assert np.isnan(found["angle_to_bp"])
    assert np.isfinite(found["condition_one"])
