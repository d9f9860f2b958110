"""Converters at the chip's door: what goes in and what is read is on their grids, and nothing is clipped unseen."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip, cost_of
from neurosim.emulate.door import Door
from neurosim.errors import DataError
from neurosim.experiment.verify import verify_weights
from neurosim.spec import Protocol, Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

PROTOCOL = Protocol(dt_ratio=0.02, settle_steps=60, learn_steps=40)


def spec_with(
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
    *,
    loss: str = "squared_error",
) -> Spec:
    chip = {"name": "ideal", "input_converter": inputs or {}, "output_converter": outputs or {}}
    return spec_of([5, 4, 3], chip=chip, task={"loss": loss}, run={"batch": 2})


def stimulus(spec: Spec) -> Stimulus:
    return stimulus_of(random_dataset(spec, 2), 2)


def test_a_chip_with_converters_is_one_that_is_shown_rounded_samples() -> None:
    """3 bits with a sign: multiples of 4/3. The same run bit for bit, since the circuits are the same."""
    coarse, plain = spec_with({"bits": 3, "full_scale": 4.0}), spec_with()
    given = stimulus(plain)
    rounded = attrs.evolve(
        given,
        inputs=np.rint(given.scale * given.inputs * 0.75) * 4.0 / 3.0,
        scale=1.0,
        desired=np.rint(given.desired * 0.75) * 4.0 / 3.0,
    )
    assert abs(rounded.inputs - given.scale * given.inputs).max() > 0.1
    weights = random_weights(plain, 3)
    shown = [
        VirtualChip(spec, backend="numpy").show(samples, weights=weights, protocol=PROTOCOL)
        for spec, samples in ((coarse, given), (plain, rounded))
    ]
    for name, values in shown[0].endings.items():
        np.testing.assert_array_equal(values, shown[1].endings[name])


def test_samples_are_converted_once_and_twice_alike() -> None:
    chip = VirtualChip(spec_with({"bits": 5, "full_scale": 4.0}), backend="numpy")
    given = stimulus(chip.spec)
    once = chip.door.given(given)
    assert chip.door.given(given).inputs is once.inputs
    np.testing.assert_array_equal(Door(chip.chip, loss="squared_error").given(once).inputs, once.inputs)
    for presentation in range(given.n_presentations):
        assert abs(once.shown(presentation) - given.shown(presentation)).max() <= 0.5 * 4 / 15 + 1e-15


@pytest.mark.parametrize("full_scale", [1e-3, 0.1])
def test_what_a_converter_cannot_give_is_refused(full_scale: float) -> None:
    chip = VirtualChip(spec_with({"bits": 8, "full_scale": full_scale}), backend="numpy")
    with pytest.raises(DataError, match="beyond the range of the chip's input converter"):
        chip.show(stimulus(chip.spec), weights=random_weights(chip.spec, 3), protocol=PROTOCOL)


def test_outputs_are_read_on_the_grid() -> None:
    door = VirtualChip(spec_with(outputs={"bits": 4, "full_scale": 7.0}), backend="numpy").door
    np.testing.assert_array_equal(door.read(np.array([-9.0, -0.4, 0.6, 3.2, 9.0])), [-7, 0, 1, 3, 7])


@pytest.mark.parametrize("loss", ["squared_error", "softmax_cross_entropy"])
def test_a_chip_with_converters_verifies(loss: str) -> None:
    """The reference is shown what the chip's circuits see."""
    spec = spec_with({"bits": 4, "full_scale": 4.0}, loss=loss)
    chip = VirtualChip(spec, backend="numpy")
    verification = verify_weights(chip, random_weights(spec, 3), random_dataset(spec, 4), samples=2)
    assert all(check.passed for check in verification.checks), verification.checks


def test_the_cost_counts_what_the_chip_has() -> None:
    spec = spec_with({"bits": 6}, {"bits": 9})
    assert {row.part for row in cost_of(spec).rows} >= {"DAC (6 bits)", "ADC (9 bits)"}
    assert {row.part for row in cost_of(spec, dac_bits=8).rows} >= {"DAC (8 bits)", "ADC (9 bits)"}
