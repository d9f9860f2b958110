"""What reaches the weights, when, and how fast it becomes the steady-state update."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights
from neurosim.spec import Protocol, Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of


def _spec(**method: Any) -> Spec:
    settings = {"learning_rate": 1.0, "target_stepsize": 0.2, "leak": 0.1, "proportional_gain": 0.5, **method}
    return spec_of(
        [6, 8, 5, 3],
        method=settings,
        task={"loss": "squared_error"},
        run={"batch": 4, "dt_ratio": 0.02, "settle_duration": 8.0},
    )


def _change(spec: Spec, protocol: Protocol, weights: Weights) -> np.ndarray:
    chip = VirtualChip(spec, backend="numpy")
    stimulus = stimulus_of(random_dataset(spec, 8), chip.model.n_columns)
    after = chip.show(stimulus, weights=weights, protocol=protocol).weights
    pairs = zip((*after.forward, *after.biases), (*weights.forward, *weights.biases), strict=True)
    return np.concatenate([(a - b).ravel() for a, b in pairs])


@pytest.mark.parametrize("name", ["DFC-fixed", "DFC-SS-fixed"])
@pytest.mark.parametrize("updates", ["buffered", "continuous"])
def test_settling_alone_changes_no_weight(name: str, updates: str) -> None:
    """Exactly: nothing is accumulated before the learn phase, however large the learning rate."""
    spec = _spec(name=name, weight_updates=updates, learning_rate=1e6)
    protocol = Protocol(dt_ratio=0.02, settle_steps=50, learn_steps=0)
    assert not _change(spec, protocol, random_weights(spec, 1)).any()


@pytest.mark.parametrize("name", ["DFC-fixed", "DFC-SS-fixed"])
def test_a_target_equal_to_the_output_teaches_nothing(name: str) -> None:
    """λ = 0. A settled soma stays within some ulp of its basal compartment, so the update is rounding."""
    spec = _spec(name=name, target_stepsize=0.0)
    taught = attrs.evolve(spec, method=attrs.evolve(spec.method, target_stepsize=0.2))
    protocol = Protocol(dt_ratio=0.02, settle_steps=800, learn_steps=300)
    weights = random_weights(spec, 1)
    idle, busy = (_change(s, protocol, weights) for s in (spec, taught))
    assert np.abs(idle).max() <= 1e-13 * np.abs(busy).max()


def test_auto_zero_makes_an_untaught_chip_learn_exactly_nothing() -> None:
    """Once the state no longer moves by a bit, the comparator's own difference is taken away exactly; a droop of
    what is held would be an error to learn from, and so would what an output stage's offset does at first."""
    spec = attrs.evolve(
        _spec(target_stepsize=0.0),
        chip={
            "name": "subthreshold_180nm",
            "noise": False,
            "controller": {"offset_residue": 0.0, "output_stage": {"present": False}},
            "hold": {"present": False},
        },
    )
    protocol = Protocol(dt_ratio=0.02, settle_steps=3000, learn_steps=300)
    assert not _change(spec, protocol, random_weights(spec, 1)).any()


def test_buffered_updates_become_the_steady_state_update_as_one_over_the_length() -> None:
    """The transient's share of the mean falls like 1/T: slope −1 ± .1 over a factor of 8 in T."""
    spec = _spec()
    weights = random_weights(spec, 1)
    lengths = np.array([1000, 2000, 4000, 8000])
    steady = _change(
        attrs.evolve(spec, method=attrs.evolve(spec.method, name="DFC-SS-fixed")),
        Protocol(dt_ratio=0.02, settle_steps=800, learn_steps=8000),
        weights,
    )
    errors = [
        np.linalg.norm(
            _change(spec, Protocol(dt_ratio=0.02, settle_steps=800, learn_steps=int(n)), weights) - steady
        )
        for n in lengths
    ]
    slope = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


def test_continuous_updates_meet_buffered_ones_as_the_rate_falls() -> None:
    """They differ by what the moving weights change meanwhile: relative difference ∝ η, slope 1 ± .1."""
    weights = random_weights(_spec(), 1)
    protocol = Protocol(dt_ratio=0.02, settle_steps=400, learn_steps=300)
    rates, gaps = (0.1, 0.01), []
    for rate in rates:
        buffered, continuous = (
            _change(_spec(learning_rate=rate, weight_updates=kind), protocol, weights)
            for kind in ("buffered", "continuous")
        )
        gaps.append(np.linalg.norm(buffered - continuous) / np.linalg.norm(buffered))
    slope = np.log(gaps[0] / gaps[1]) / np.log(rates[0] / rates[1])
    assert slope == pytest.approx(1, abs=0.1)
