"""Weights in a chip's memory get older: while they are shown, from passage to passage, until they are written again."""

from __future__ import annotations

from functools import cache

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights, design_of
from neurosim.experiment.trajectory import follow
from neurosim.spec.streams import stream
from tests.emulate.test_memory import COLUMNS, arrays, memory, shown, spec_on
from tests.systems.nets import random_dataset, random_weights, stimulus_of

QUICK = {"reference_time": "1 ms"}
"""So that phase-change cells drift within a presentation of 4 ms."""


@cache
def quick_chip() -> VirtualChip:
    return VirtualChip(spec_on("pcm_crossbar", **memory(**QUICK)), backend="numpy")


def test_weights_drift_by_the_power_of_their_age() -> None:
    """w (t/t₀)^−ν with the exponents of `drift_exponent`, each cell since it was written; feedback is never written
    again. The engine's own weights are those: its trajectory is the reference's with them."""
    chip = quick_chip()
    spec = chip.spec
    before = chip.written(random_weights(spec, 3))
    after = shown(chip, before, 5, learning=False)
    age = 1e-3 + 5 * 4e-3
    conducts = arrays(chip.storage.held(after))
    for group, array in design_of(spec).arrays.items():
        np.testing.assert_allclose(after.cells[f"{group}.age"], age, rtol=1e-12, atol=0)
        stored = arrays(before)[group]
        np.testing.assert_array_equal(arrays(after)[group], stored)
        exponent = array.memory.drift_exponent(stored / array.full_scale, stream(1, "memory", group, "fates"))
        np.testing.assert_allclose(conducts[group], stored * (age / 1e-3) ** -exponent, rtol=1e-12, atol=0)
    checks, _, _ = follow(chip, after, stimulus_of(random_dataset(spec, 5), COLUMNS))
    assert all(check.passed for check in checks)


def test_a_written_cell_is_young_again() -> None:
    """What learning changes answers from what it had drifted to, and starts to age anew; dt after the last step."""
    chip = quick_chip()
    start = shown(chip, chip.written(random_weights(chip.spec, 3)), 5, learning=False)
    after = shown(chip, start, 2, noise=False)
    assert np.allclose(after.cells["synapses_1.age"], chip.model.dt, rtol=1e-9)
    assert np.allclose(after.cells["feedback_1.age"], 1e-3 + 7 * 4e-3, rtol=1e-12)
    still = shown(chip, start, 2, learning=False, ageing=False)
    assert np.allclose(still.cells["synapses_1.age"], start.cells["synapses_1.age"], rtol=1e-12)


@pytest.mark.parametrize("name", ["pcm_crossbar", "brainscales2"])
def test_two_passages_are_one(name: str) -> None:
    """Ages and fates are carried on: the same as without the break but for e^−20 of where neurons start, and, with
    ages that are sums, for rounding. Without what is random, which each run draws for itself."""
    changes = memory(**QUICK) if name == "pcm_crossbar" else {}
    spec = spec_on(name, method={"learning_rate": 0.2}, **changes)
    spec = attrs.evolve(spec, run=attrs.evolve(spec.run, settle_duration=8.0))
    chip, whole = VirtualChip(spec, backend="numpy"), stimulus_of(random_dataset(spec, 5), COLUMNS, 4)
    start = chip.written(random_weights(spec, 3))

    def show(weights: Weights, first: int, last: int) -> Weights:
        part = attrs.evolve(whole, order=whole.order[first:last])
        return chip.show(part, weights=weights, protocol=spec.run.protocol, noise=False).weights

    at_once, twice = show(start, 0, 4), show(show(start, 0, 2), 2, 4)
    for group, one in arrays(at_once).items():
        np.testing.assert_allclose(arrays(twice)[group], one, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(
            twice.cells[f"{group}.age"], at_once.cells[f"{group}.age"], rtol=1e-9, atol=1e-15
        )
