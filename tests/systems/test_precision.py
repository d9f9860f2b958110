"""Single precision against double: the same chip, data and noise."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.emulate import Lot, Passage, VirtualChip, Weights
from neurosim.experiment import verify_weights
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

SINGLE = 1e-5
"""Roundings of 6e-8 in hundreds of steps of a loop that contracts; seen are 3e-6 at most."""
ENGINES = ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)]


def spec_in(precision: str, *, chip: str = "subthreshold_180nm", seed: int = 1, **tables: Any) -> Spec:
    method = {"learning_rate": 0.5, "target_stepsize": 0.3, "leak": 0.01, **tables.pop("method", {})}
    run = {"batch": 4, "settle_duration": 2.0, "learn_duration": 3.0, **tables.pop("run", {})}
    return spec_of(
        [7, 9, 6, 4],
        method=method,
        chip={"name": chip, "seed": seed},
        task={"loss": "softmax_cross_entropy"},
        run={**run, "precision": precision},
        **tables,
    )


def show(spec: Spec, *, presentations: int = 5) -> tuple[Weights, Passage]:
    """What is written before, and what comes of it."""
    chip = VirtualChip(spec)
    weights = chip.written(attrs.evolve(Weights.initial(spec), biases=random_weights(spec, 5).biases))
    stimulus = stimulus_of(random_dataset(spec, 5), chip.model.n_columns, presentations)
    how: dict[str, Any] = {"protocol": spec.run.protocol, "traced": (0, presentations)}
    return weights, chip.show(stimulus, weights=weights, **how)


def changes(before: Weights, after: Weights) -> list[np.ndarray]:
    pairs = zip((*after.forward, *after.biases), (*before.forward, *before.biases), strict=True)
    return [new - old for new, old in pairs]


@pytest.mark.parametrize("backend", ENGINES)
@pytest.mark.parametrize(
    "tables",
    [
        {"chip": "ideal"},
        {"chip": "subthreshold_180nm"},
        {"chip": "subthreshold_180nm", "method": {"weight_updates": "continuous"}},
        {"chip": "subthreshold_180nm", "method": {"optimizer": {"name": "adam"}, "learning_rate": 1e-3}},
        {"chip": "pcm_crossbar"},
        {"chip": "rram_crossbar"},
        {"chip": "ideal", "method": {"name": "DI"}},
        {"chip": "ideal", "run": {"batch": 1}},
    ],
    ids=lambda tables: "-".join(str(x) for x in tables.values()),
)
def test_single_precision_gives_what_double_does(tables: dict[str, Any], backend: str) -> None:
    """Traces of all states and weight changes of five presentations, with all the noise the chip has."""
    run = {**tables.get("run", {}), "backend": backend}
    found = [show(spec_in(precision, **{**tables, "run": run})) for precision in ("float64", "float32")]
    (before, double), (_, single) = found
    for part, variables in double.traces.items():
        for name, trace in variables.items():
            assert relative_difference([(single.traces[part][name].values, trace.values)]) <= SINGLE
    pairs = zip(changes(before, single.weights), changes(before, double.weights), strict=True)
    assert relative_difference(pairs) <= SINGLE
    assert any(np.any(change) for change in changes(before, double.weights))


@pytest.mark.parametrize("updates", ["buffered", "continuous"])
def test_changes_too_small_for_single_weights_add_up(updates: str) -> None:
    """Each presentation changes weights of about 1 by 1e-9: a number of 24 bits would not move at all."""
    method = {"learning_rate": 1e-8, "weight_updates": updates}
    found = [
        show(spec_in(precision, chip="ideal", method=method, run={"backend": "numpy"}))
        for precision in ("float64", "float32")
    ]
    (before, double), (_, single) = found
    expected = changes(before, double.weights)
    assert 0 < max(np.abs(change).max() for change in expected) < 1e-8
    assert relative_difference(zip(changes(before, single.weights), expected, strict=True)) <= SINGLE


@pytest.mark.parametrize("backend", ENGINES)
def test_a_lot_in_single_precision(backend: str) -> None:
    """Seventeen chips, no multiple of any register's lanes, against each of them in double precision."""
    run = {"batch": 1, "backend": backend}
    specs = [spec_in("float32", seed=seed, run=run) for seed in range(1, 18)]
    weights = [random_weights(spec, seed) for seed, spec in enumerate(specs)]
    stimulus = stimulus_of(random_dataset(specs[0], 5), 1, 3)
    how: dict[str, Any] = {"protocol": specs[0].run.protocol, "noise": False}
    passages = Lot(specs).show(stimulus, weights=weights, **how)
    for place in (0, 7, 16):
        spec = spec_in("float64", seed=specs[place].chip["seed"], run={**run, "backend": "numpy"})
        alone = VirtualChip(spec).show(stimulus, weights=weights[place], **how)
        pairs = [changes(weights[place], each.weights) for each in (passages[place], alone)]
        assert relative_difference(zip(*pairs, strict=True)) <= SINGLE


def test_verification_is_of_double_precision_and_says_what_single_does() -> None:
    """Tolerances of 1e-9 hold, and one more check is there."""
    spec = spec_in("float32", run={"backend": "numpy"})
    chip = VirtualChip(spec)
    found = verify_weights(chip, random_weights(spec, 5), random_dataset(spec, 5), samples=4)
    checks = {check.name: check for check in found.checks}
    assert found.passed
    assert checks["trajectory"].value <= 1e-9
    assert 1e-9 < checks["single precision"].value <= checks["single precision"].tolerance


def test_the_structure_knows_the_precision() -> None:
    """Two programs, for the build cache."""
    double, single = (VirtualChip(spec_in(p, run={"backend": "numpy"})) for p in ("float64", "float32"))
    assert double.model.hash != single.model.hash
    assert attrs.evolve(single.model, precision="float64").hash == double.model.hash
