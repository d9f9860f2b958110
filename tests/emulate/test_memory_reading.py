"""Noise with which stored weights are read, against the sum over cells that it stands for; and both engines."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import second

from hardware_models import Chip
from hardware_models.coupling import OperatingPoint
from neurosim.analysis import relative_difference
from neurosim.emulate import Passage, VirtualChip, Weights, design_of
from neurosim.spec import Spec
from tests.emulate.test_memory import arrays
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

COLUMNS = 4
WHITE = {kind: {"flicker": "0 V^2*um^2"} for kind in ("n", "p")}
"""Of a process without 1/f noise, whose own the dendrites would add."""


def spec_on(chip: str, **changes: Any) -> Spec:
    return spec_of(
        [6, 7, 4],
        method={"learning_rate": 0.5, "target_stepsize": 0.5},
        chip={"name": chip, **changes},
        task={"loss": "squared_error"},
        run={"batch": COLUMNS, "settle_duration": 2.0, "learn_duration": 8.0},
    )


def show(spec: Spec, backend: str, *, presentations: int = 1, **options: Any) -> tuple[Weights, Passage]:
    chip = VirtualChip(spec, backend=backend)
    weights = chip.written(random_weights(spec, 3))
    stimulus = stimulus_of(random_dataset(spec, 5), COLUMNS, presentations)
    passage = chip.show(
        stimulus, weights=weights, protocol=spec.run.protocol, traced=(0, presentations), **options
    )
    return weights, passage


def variances(spec: Spec, weights: Weights, group: str) -> np.ndarray:
    """σ² of every cell, in units of its weight, when it has just been written and read for the first time."""
    array = design_of(spec).arrays[group]
    age = float(array.first_age.flat[0]) * second
    return (
        np.asarray(array.memory.read_sigma(arrays(weights)[group] / array.full_scale, age) * array.full_scale)
        ** 2
    )


def dendrites(chip: Chip) -> tuple[OperatingPoint, OperatingPoint]:
    return chip.dendrite_point("basal"), chip.dendrite_point("apical")


@pytest.mark.parametrize("name", ["pcm_crossbar", "rram_crossbar", "sonos_crossbar"])
def test_what_a_line_reads_has_the_variance_of_its_cells(name: str) -> None:
    """Of the first layer's input, which is constant: Σ_j σ_ij² r_j² + σ_bias², times t_r/dt, and white; of the
    feedback, whose source moves: every step's noise over its own σ. Within four standard errors of n normals; the
    feedback's noise moves the neurons, but not what is read in the same step.
    """
    spec = spec_on(name, mismatch=False, saturating=False, process=WHITE)
    weights, loud = show(spec, "numpy", learning=False)
    _, quiet = show(spec, "numpy", learning=False, noise=False)
    chip = design_of(spec).chip
    volts = float(chip.voltage_unit)
    root = float(chip.synapse.read_time / (spec.run.dt_ratio * chip.time_base)) ** 0.5
    drive, back = (1 / (point.factor * (1 + 1 / point.gain)) for point in dendrites(chip))
    off = (loud.traces["layer_1"]["basal"].values - quiet.traces["layer_1"]["basal"].values) / (volts * drive)
    rates = random_dataset(spec, 5).train_inputs[:COLUMNS]
    sigma = root * np.sqrt(
        variances(spec, weights, "synapses_1") @ rates.T**2 + variances(spec, weights, "biases_1")[:, None]
    )
    normals = off / sigma.T[:, None, :]
    assert abs(np.mean(normals**2) - 1) < 4 * np.sqrt(2 / normals.size)
    assert abs(np.mean(normals)) < 4 / np.sqrt(normals.size)
    by_unit = np.mean(normals**2, axis=1)
    assert np.abs(by_unit - 1).max() < 4.5 * np.sqrt(2 / normals.shape[1])  # the largest of 28
    assert abs(np.mean(normals[:, 1:] * normals[:, :-1])) < 4 / np.sqrt(normals.size)
    between = np.corrcoef(normals.transpose(0, 2, 1).reshape(-1, normals.shape[1]))
    assert np.abs(between - np.eye(len(between))).max() < 5 / np.sqrt(normals.shape[1])

    output, apical = (loud.traces[p][v].values for p, v in (("controller", "output"), ("layer_1", "apical")))
    begin = spec.run.protocol.settle_steps
    output, apical = output[:, begin:] / volts, apical[:, begin:] / volts
    off = apical / back - output @ weights.feedback[0].T
    sigma = root * np.sqrt(output**2 @ variances(spec, weights, "feedback_1").T)
    some = np.abs(output).max(axis=2) > 1e-3
    normals = off[some] / sigma[some]
    assert abs(np.mean(normals**2) - 1) < 4 * np.sqrt(2 / normals.size)


def test_a_chip_without_noise_reads_without() -> None:
    """Neither with noise = false for the chip, nor for a run; nor cells whose noise is the circuit's."""
    for spec in (spec_on("pcm_crossbar", noise=False), spec_on("brainscales2")):
        model = VirtualChip(spec, backend="numpy").model
        assert not [group.name for group in model.groups if "reading" in group.name]
    spec = spec_on("rram_crossbar", noise=False)
    parameters = VirtualChip(spec, backend="numpy").model.group("synapses_1").parameters
    assert parameters["cycle_spread"].value == 0


@pytest.mark.cpp
@pytest.mark.parametrize("name", ["rram_crossbar", "brainscales2"])
def test_both_engines_store_the_same(name: str) -> None:
    """Three presentations with read noise, drift, noisy steps, dead cells; or rounding at random. What is stored
    may differ by the noise of an update of nothing: c √(|Δ| δ) of a Δ that is rounding, √(1e-17) of a step."""
    changes = {"synapse": {"memory": {"faults": {"fraction": 0.2}}}} if name == "rram_crossbar" else {}
    spec = spec_on(name, **changes)
    spec = attrs.evolve(spec, run=attrs.evolve(spec.run, learn_duration=2.0))
    (_, first), (_, second_) = (show(spec, backend, presentations=3) for backend in ("numpy", "cpp"))
    for group, stored in arrays(first.weights).items():
        np.testing.assert_allclose(arrays(second_.weights)[group], stored, rtol=0, atol=1e-7)
    for part, traces in first.traces.items():
        for variable, trace in traces.items():
            pair = (trace.values, second_.traces[part][variable].values)
            assert relative_difference([pair]) <= 1e-6, f"{part}.{variable}"
    for state, values in first.weights.cells.items():
        np.testing.assert_allclose(second_.weights.cells[state], values, rtol=1e-9, atol=1e-15)
