"""Feedback learned from noise on the chip: the same steps as in torch, and what they lead to."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.emulate import Rates, VirtualChip, Weights
from neurosim.reference import Parameters, simulate
from neurosim.spec import Spec, asleep
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of, trace_pairs
from tests.systems.wandering import wander_given, white_normals

COLUMNS = 3


def _spec(name: str, **tables: dict[str, Any]) -> Spec:
    method = {"name": name, "sleep": {"duration": 0.2, "settle_duration": 0.2}, **tables.pop("method", {})}
    return spec_of([6, 5, 4, 3], method=method, run={"batch": COLUMNS}, **tables)


@pytest.mark.parametrize("chip", ["ideal", "subthreshold_180nm"])
@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_a_night_on_the_chip_is_a_night_in_torch(chip: str, backend: str) -> None:
    """Traces and ΔQ with the same noise: the same float64 steps in another order, ≤ 1e-9 over some 200 of them.
    Without noise of sampling, which the torch simulation does not draw."""
    spec = asleep(_spec("DFC", chip={"name": chip, "hold": {"present": False}}))
    dataset, weights = random_dataset(spec, 3), random_weights(spec, 4)
    night = VirtualChip(spec, backend=backend, sleeps=True)
    stimulus, protocol = stimulus_of(dataset, COLUMNS), spec.run.protocol
    rate = 0.3
    soma_noise, apical_noise = white_normals(night, protocol.period, passage=7, sleeps=True)
    seen = night.show(
        stimulus,
        weights=weights,
        protocol=protocol,
        learning=Rates(forward=1.0, feedback=rate),
        passage=7,
        traced=(0, 1),
    )
    told = simulate(
        spec.network,
        _parameters(weights),
        spec.method,
        protocol,
        stimulus.shown(0),
        stimulus.desired[stimulus.order[0]],
        loss=spec.task.loss,
        deviations=night.deviations,
        soma_noise=soma_noise,
        apical_noise=apical_noise,
        wander=wander_given(night, protocol, passage=7, sleeps=True) if night.chip.noise else None,
        accumulate=False,
        learn_feedback=True,
    )
    assert relative_difference(trace_pairs(night, seen, told.traces)) <= 1e-9
    assert told.feedback_updates is not None
    changes = [
        ((after - before) / rate, update.numpy())
        for after, before, update in zip(
            seen.weights.feedback, weights.feedback, told.feedback_updates, strict=True
        )
    ]
    assert relative_difference(changes) <= 1e-9
    assert all(np.any(change) for change, _ in changes)
    for group in ("forward", "biases"):  # asleep nothing else changes
        for after, before in zip(getattr(seen.weights, group), getattr(weights, group), strict=True):
            np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_both_plasticities_at_once(backend: str) -> None:
    """DFC-merged: forward and feedback updates of one presentation with noise, against torch."""
    spec = spec_of(
        [6, 5, 4, 3],
        network={"tau_apical_ratio": 0.1},
        method={"name": "DFC-merged", "leak": 0.1, "sleep": {"noise": 0.3, "learning_rate": 0.02}},
        run={"batch": COLUMNS, "settle_duration": 3.0, "learn_duration": 3.0},
    )
    dataset, weights = random_dataset(spec, 3), random_weights(spec, 4)
    chip = VirtualChip(spec, backend=backend)
    stimulus, protocol = stimulus_of(dataset, COLUMNS), spec.run.protocol
    seen = chip.show(stimulus, weights=weights, protocol=protocol, passage=2)
    told = simulate(
        spec.network,
        _parameters(weights),
        spec.method,
        protocol,
        stimulus.shown(0),
        stimulus.desired[stimulus.order[0]],
        loss=spec.task.loss,
        deviations=chip.deviations,
        apical_noise=white_normals(chip, protocol.period, passage=2)[1],
        learn_feedback=True,
    )
    assert told.updates is not None
    assert told.feedback_updates is not None
    expected = {
        "forward": [x.numpy() for x in told.updates.forward],
        "biases": [x.numpy() for x in told.updates.biases],
        "feedback": [spec.method.sleep.learning_rate * x.numpy() for x in told.feedback_updates],
    }
    for group, updates in expected.items():
        pairs = [
            (after - before, update)
            for after, before, update in zip(
                getattr(seen.weights, group), getattr(weights, group), updates, strict=True
            )
        ]
        assert relative_difference(pairs) <= 1e-8, group  # a small difference of larger weights


def test_noise_off_leaves_only_the_decay() -> None:
    """Without noise nothing moves u, so that ΔQ = −η β Q, up to what the settle phase left over (e^−20 of it)."""
    spec = asleep(_spec("DFC"))
    spec = attrs.evolve(spec, run=attrs.evolve(spec.run, settle_duration=0.6))
    weights = random_weights(spec, 4)
    night = VirtualChip(spec, backend="numpy", sleeps=True)
    seen = night.show(
        stimulus_of(random_dataset(spec, 3), COLUMNS),
        weights=weights,
        protocol=spec.run.protocol,
        learning=Rates(forward=0.0, feedback=0.5),
        noise=False,
    )
    for after, before in zip(seen.weights.feedback, weights.feedback, strict=True):
        np.testing.assert_allclose(after, before * (1 - 0.5 * spec.method.sleep.decay), rtol=1e-6, atol=1e-9)


def _parameters(weights: Weights) -> Parameters:
    return Parameters.from_arrays(forward=weights.forward, biases=weights.biases, feedback=weights.feedback)
