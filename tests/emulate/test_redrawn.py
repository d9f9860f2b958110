"""Another chip on an engine that is built already, against the same chip built for itself."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.errors import DataError, SpecError
from neurosim.spec import Protocol, Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

COLUMNS = 2
PROTOCOL = Protocol(dt_ratio=0.02, settle_steps=60, learn_steps=80)


def lot(seed: int) -> Spec:
    chip = {"name": "subthreshold_180nm", "seed": seed, "noise": False}
    return spec_of([5, 4, 3], chip=chip, run={"batch": COLUMNS})


WEIGHTS: Weights = random_weights(lot(1), 3)


def show(chip: VirtualChip) -> Passage:
    stimulus = stimulus_of(random_dataset(lot(1), 2), COLUMNS)
    return chip.show(stimulus, weights=WEIGHTS, protocol=PROTOCOL, traced=(0, 1))


def test_a_redrawn_chip_is_the_chip_built_for_itself() -> None:
    """All traces and the weights it learned; volts over volts and back cost a rounding, which some 140 steps of a
    loop that contracts keep."""
    first, second = (VirtualChip(lot(seed), backend="numpy") for seed in (1, 2))
    own, other = show(second), show(first.redrawn(second.deviations))
    for part, traces in own.traces.items():
        for name, trace in traces.items():
            got = other.traces[part][name].values
            np.testing.assert_allclose(got, trace.values, rtol=1e-11, atol=1e-13, err_msg=f"{part}.{name}")
    for a, b in zip(own.weights.forward, other.weights.forward, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
    assert not np.allclose(show(first).traces["layer_1"]["soma"].values, own.traces["layer_1"]["soma"].values)


def test_a_chip_in_every_column_differs_in_neurons() -> None:
    """Column c is what chip c shows there, with the first chip's synapses."""
    chips = [VirtualChip(lot(seed), backend="numpy") for seed in (1, 2)]
    mixed = [
        attrs.evolve(
            c.deviations,
            forward_gain=chips[0].deviations.forward_gain,
            feedback_gain=chips[0].deviations.feedback_gain,
        )
        for c in chips
    ]
    together = show(chips[0].redrawn(*mixed)).traces["layer_2"]["soma"].values
    for column, deviations in enumerate(mixed):
        alone = show(chips[0].redrawn(deviations)).traces["layer_2"]["soma"].values
        # weights are learned from both columns, but reach the synapses after the presentation
        np.testing.assert_allclose(together[column], alone[column], rtol=1e-11, atol=1e-13)


def test_chips_must_fit_the_columns() -> None:
    chip = VirtualChip(lot(1), backend="numpy")
    with pytest.raises(DataError, match="chips do not fit the columns"):
        chip.redrawn(*[chip.deviations] * 3)


def test_a_circuit_beside_the_network_is_not_redrawn_silently() -> None:
    spec = attrs.evolve(lot(1), method=attrs.evolve(lot(1).method, name="DI"))
    chip = VirtualChip(spec, backend="numpy")
    with pytest.raises(SpecError, match="cannot be redrawn"):
        chip.redrawn(chip.deviations)
