"""Single precision against double: the same chip, data and noise."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from hardware_models import load_preset
from neurosim.analysis import relative_difference
from neurosim.backend.precision import types_of
from neurosim.emulate import Lot, Passage, VirtualChip, Weights
from neurosim.emulate.design import design_of
from neurosim.errors import SpecError
from neurosim.experiment import verify_weights
from neurosim.experiment.arithmetic import check_arithmetic, exactly
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
        chip={"name": chip, "seed": seed, **tables.pop("parts", {})},
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
        {"chip": "rram_crossbar", "parts": {"synapse": {"memory": {"update_law": {"cycle_spread": 0.0}}}}},
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


@pytest.mark.parametrize("backend", ENGINES)
def test_the_spread_of_a_step_takes_the_root_of_a_rounding(backend: str) -> None:
    """What an update of Δ adds at random goes as √Δ: where products nearly cancel, a rounding r of Δ becomes √r."""
    run = {"backend": backend}
    found = [show(spec_in(p, chip="rram_crossbar", run=run)) for p in ("float64", "float32")]
    (before, double), (_, single) = found
    law = load_preset("rram_crossbar").chip.synapse.memory.update_law
    for expected, got in zip(changes(before, double.weights), changes(before, single.weights), strict=True):
        wrong, size = np.abs(got - expected), np.abs(expected).max()
        assert np.mean(wrong <= SINGLE * size) >= 0.9
        assert np.all(wrong <= 5 * law.cycle_spread * np.sqrt(law.smallest_step * SINGLE * size))


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


def test_a_chip_that_computes_something_else_falls_short() -> None:
    """Another learning rate is no rounding, and what diverges has no difference; a chip is not held against itself."""
    chip = VirtualChip(spec_in("float32", run={"backend": "numpy"}))
    weights, stimulus = random_weights(chip.spec, 5), stimulus_of(random_dataset(chip.spec, 5), 4, 1)
    assert exactly(exactly(chip)).model.hash == exactly(chip).model.hash
    assert check_arithmetic(chip, chip, weights, stimulus) == []
    (same,) = check_arithmetic(chip, exactly(chip), weights, stimulus)
    assert same.passed
    other = VirtualChip(spec_in("float64", method={"learning_rate": 0.501}, run={"backend": "numpy"}))
    (wrong,) = check_arithmetic(chip, other, weights, stimulus)
    assert not wrong.passed
    assert wrong.value == pytest.approx(0.002, rel=0.01)
    wild = attrs.evolve(stimulus, inputs=1e30 * stimulus.inputs)
    ideal = VirtualChip(spec_in("float32", chip="ideal", run={"backend": "numpy"}))
    (broken,) = check_arithmetic(ideal, exactly(ideal), weights, wild)
    assert np.isnan(broken.value)
    assert not broken.passed


def test_what_lasts_stays_double() -> None:
    """Clocks of noise, weights as they are stored; not what changes in every step, nor what products use."""
    model = VirtualChip(spec_in("float32", run={"backend": "numpy"})).model
    layer, synapses = types_of(model, model.group("layer_1")), types_of(model, model.group("synapses_1"))
    assert set(layer) == {name for name in model.group("layer_1").wander if name.startswith("advanced_")}
    assert layer
    assert "stored" in synapses
    assert not {"weight", "accumulated"} & set(synapses)
    double = attrs.evolve(model, precision="float64")
    assert types_of(double, double.group("synapses_1")) == {}


def test_a_compartment_that_saturates_too_far_is_refused() -> None:
    """A wide supply over a conductance of narrow range: its voltage is lost in 24 bits."""
    tables: dict[str, Any] = {
        "chip": {"name": "subthreshold_180nm", "basal": {"limit": "2 V"}},
        "run": {"precision": "float32"},
    }
    with pytest.raises(SpecError, match=r"run\.precision"):
        design_of(spec_of([5, 4, 3], **tables))
    tables["run"] = {"precision": "float64"}
    design_of(spec_of([5, 4, 3], **tables))


def test_the_structure_knows_the_precision() -> None:
    """Two programs, for the build cache."""
    double, single = (VirtualChip(spec_in(p, run={"backend": "numpy"})) for p in ("float64", "float32"))
    assert double.model.hash != single.model.hash
    assert attrs.evolve(single.model, precision="float64").hash == double.model.hash
