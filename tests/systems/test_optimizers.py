"""The optimisers on the chip against torch's, presentation by presentation."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.emulate import VirtualChip, Weights
from neurosim.reference import Parameters, simulate
from neurosim.reference.circuit import simulate_circuit
from neurosim.reference.optimizers import Stepper
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, spec_of, stimulus_of

COLUMNS, PRESENTATIONS = 2, 3
CHOICES: dict[str, dict[str, Any]] = {
    "sgd": {"name": "sgd", "weight_decay": 0.01},
    "adam": {"name": "adam", "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4, "weight_decay": 0.01},
    "fixed_norm": {"name": "fixed_norm", "weight_decay": 0.01},
}


def _spec(method: str, optimizer: str) -> Spec:
    return spec_of(
        [5, 4, 4, 3],
        method={
            "name": method,
            "leak": 0.1,
            "proportional_gain": 0.5,
            "learning_rate": 0.02,
            "initial_feedback": "transpose",
            "optimizer": CHOICES[optimizer],
        },
        # torch starts every presentation from silence, the chip where the last one ended: e^−40 of that is left
        run={"batch": COLUMNS, "settle_duration": 8.0, "learn_duration": 2.0, "dt_ratio": 0.02},
    )


# the statements are the same for all methods; compiled, one network that has every kind of weights
WHERE = [("DFC-fixed", "numpy"), ("DI", "numpy"), ("DTP", "numpy")]


@pytest.mark.parametrize("optimizer", CHOICES)
@pytest.mark.parametrize(("method", "backend"), [*WHERE, pytest.param("DTP", "cpp", marks=pytest.mark.cpp)])
def test_the_chip_steps_as_torch_does(method: str, optimizer: str, backend: str) -> None:
    """Weights after three presentations, ≤ 1e-9: float64 all the way; Adam divides by no less than ε = 1e-4."""
    spec = _spec(method, optimizer)
    chip, start = VirtualChip(spec, backend=backend), Weights.initial(spec)
    stimulus = stimulus_of(random_dataset(spec, 5), COLUMNS, PRESENTATIONS)
    seen = chip.show(stimulus, weights=start, protocol=spec.run.protocol)
    now, stepper = _parameters(start), Stepper(spec.method.optimizer)
    run = simulate if method == "DFC-fixed" else simulate_circuit
    for p in range(PRESENTATIONS):
        told = run(
            spec.network,
            now,
            spec.method,
            spec.run.protocol,
            stimulus.shown(p),
            stimulus.desired[stimulus.order[p]],
            loss=spec.task.loss,
            record_every=1000,
        )
        assert told.updates is not None
        now = stepper.step(
            now,
            told.updates.scaled(1 / spec.method.learning_rate),
            forward_rate=spec.method.learning_rate,
            feedback_updates=told.feedback_updates if method == "DTP" else None,
            feedback_rate=spec.method.sleep.learning_rate,
        )
    pairs = [
        (got, wanted.numpy())
        for group in ("forward", "biases", "feedback")
        for got, wanted in zip(getattr(seen.weights, group), getattr(now, group), strict=True)
    ]
    assert relative_difference(pairs) <= 1e-9
    assert any(np.any(a != b) for a, b in zip(seen.weights.forward, start.forward, strict=True))
    for name, value in stepper.state().items() if optimizer == "adam" else ():
        np.testing.assert_allclose(seen.optimizer[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("method", ["DFC-fixed", "DTP"])
def test_two_passages_are_one(method: str) -> None:
    """Adam's memory is carried on: the same as without the break, but for e^−40 of where the neurons start."""
    spec = _spec(method, "adam")
    chip, start = VirtualChip(spec, backend="numpy"), Weights.initial(spec)
    whole = stimulus_of(random_dataset(spec, 5), COLUMNS, 4)
    at_once = chip.show(whole, weights=start, protocol=spec.run.protocol)
    parts = [attrs.evolve(whole, order=whole.order[:2]), attrs.evolve(whole, order=whole.order[2:])]
    first = chip.show(parts[0], weights=start, protocol=spec.run.protocol)
    second = chip.show(parts[1], weights=first.weights, protocol=spec.run.protocol, optimizer=first.optimizer)
    for group in ("forward", "biases", "feedback"):
        for a, b in zip(getattr(at_once.weights, group), getattr(second.weights, group), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def _parameters(weights: Weights) -> Parameters:
    return Parameters.from_arrays(forward=weights.forward, biases=weights.biases, feedback=weights.feedback)
