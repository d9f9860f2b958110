"""The virtual chip's door: what it refuses, and what a Result of it holds."""

from __future__ import annotations

import json
import tomllib

import attrs
import numpy as np
import pytest

from hardware_models import load_preset
from neurosim.emulate import VirtualChip, Weights
from neurosim.emulate.emulate import emulate
from neurosim.errors import DataError, SpecError
from neurosim.spec.reader import parse_spec
from tests.systems.nets import random_dataset, spec_of, stimulus_of

SPEC = spec_of(
    [4, 5, 3],
    task={"loss": "squared_error"},
    run={"batch": 2, "settle_duration": 1.0, "learn_duration": 1.0},
)


def test_methods_without_dynamics_are_refused() -> None:
    with pytest.raises(SpecError, match="no dynamics"):
        VirtualChip(attrs.evolve(SPEC, method=attrs.evolve(SPEC.method, name="BP")), backend="numpy")


def test_a_stimulus_of_another_shape_is_refused() -> None:
    chip = VirtualChip(SPEC, backend="numpy")
    other = spec_of([5, 5, 3], task={"loss": "squared_error"}, run={"batch": 2})
    stimulus = stimulus_of(random_dataset(other, 1), 2)
    with pytest.raises(DataError, match="inputs per sample"):
        chip.show(stimulus, weights=Weights.initial(SPEC), protocol=SPEC.run.protocol)
    with pytest.raises(DataError, match="columns"):
        chip.show(
            stimulus_of(random_dataset(SPEC, 1), 3), weights=Weights.initial(SPEC), protocol=SPEC.run.protocol
        )


def test_a_result_holds_what_ran() -> None:
    spec = attrs.evolve(SPEC, chip={"name": "subthreshold_180nm"})
    result = emulate(spec, stimulus_of(random_dataset(spec, 1), 2), backend="numpy")
    assert parse_spec(tomllib.loads(result.spec)) == spec
    assert result.traces["layer_1"]["soma"].values.shape == (2, 20, 5)
    assert result.traces["layer_1"]["soma"].unit == "V"
    projection = result.connectivity["input_to_layer_1"]
    assert np.array_equal(projection.weights, projection.device["gain"] * projection.device["stored"])
    assert result.devices["layer_1"]["leak"].shape == (5,)
    assert result.devices["controller"]["limit"] == pytest.approx(np.full(3, 10.0))


def test_noise_is_another_in_every_passage_and_the_same_in_every_repetition() -> None:
    spec = attrs.evolve(SPEC, chip={"name": "subthreshold_180nm"})
    chip = VirtualChip(spec, backend="numpy")
    stimulus, weights = stimulus_of(random_dataset(spec, 1), 2), Weights.initial(spec)
    held = [
        chip.show(stimulus, weights=weights, protocol=spec.run.protocol, passage=p).endings["held"]
        for p in (0, 1, 0)
    ]
    assert np.array_equal(held[0], held[2])
    assert not np.array_equal(held[0], held[1])


def test_weights_of_another_shape_are_refused() -> None:
    chip = VirtualChip(SPEC, backend="numpy")
    weights = Weights.initial(SPEC)
    short = attrs.evolve(weights, biases=tuple(b[:1] for b in weights.biases))
    with pytest.raises(DataError, match="biases"):
        chip.show(stimulus_of(random_dataset(SPEC, 1), 2), weights=short, protocol=SPEC.run.protocol)


def test_nothing_to_correct_is_not_unsettled() -> None:
    """λ = 0: what is left after settling must not be divided by an error of zero."""
    spec = attrs.evolve(SPEC, method=attrs.evolve(SPEC.method, target_stepsize=0.0))
    spec = attrs.evolve(spec, run=attrs.evolve(spec.run, settle_duration=12.0))
    chip = VirtualChip(spec, backend="numpy")
    stimulus = stimulus_of(random_dataset(spec, 1), 2)
    assert chip.show(stimulus, weights=Weights.initial(spec), protocol=spec.run.protocol).status.good


def test_a_callers_own_brian2_network_is_left_alone() -> None:
    """Magic networks run every object in sight; ours must not be in sight, and theirs must stay."""
    import brian2

    group = brian2.NeuronGroup(1, "dv/dt = 1/second : 1", method="euler", name="a_callers_own")
    VirtualChip(SPEC, backend="numpy")
    brian2.run(1 * brian2.ms, namespace={})
    assert group.v[0] == pytest.approx(1e-3)


def test_the_provenance_holds_every_number_of_the_chip() -> None:
    """As its file has it, so that a result tells what it was made with when the file is gone."""
    chip = VirtualChip(spec_of([3, 2], chip={"name": "board_opamp"}), backend="numpy")
    found = json.loads(chip.provenance()["chip_numbers"])
    assert found == {path: number.text for path, number in load_preset("board_opamp").numbers.items()}
    assert found["time_base"] == "10 ms"
