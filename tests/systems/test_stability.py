"""Stability predicted by the spectrum of the full system against what emulated runs do."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.analysis.stability import largest_stable_step, spectrum, system_matrix
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.experiment.stability import parameters_of, stability_at
from neurosim.io import Dataset
from neurosim.reference import feedforward
from neurosim.result import DIVERGED
from neurosim.spec import Protocol, Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

MATRICES = 200


def _spec() -> Spec:
    return spec_of(
        [4, 6, 5, 3],
        method={"target_stepsize": 1e-6, "proportional_gain": 0.5, "leak": 0.05},
        task={"loss": "squared_error"},
        run={"batch": 1, "dt_ratio": 0.02},
    )


def _largest_real(spec: Spec, weights: Weights, dataset: Dataset) -> float:
    """At the rest state: λ = 1e-6 keeps the controlled state as near to it as matters."""
    inputs = dataset.train_inputs[:1]
    rest = feedforward(spec.network, parameters_of(weights), inputs)
    return stability_at(spec, weights, somas=[soma.numpy() for soma in rest.soma]).max_real


def _at_distance(spec: Spec, weights: Weights, dataset: Dataset, wanted: float, seed: int) -> Weights:
    """Feedback between the stable one and a random one, mixed so that max Re eig is near `wanted`."""
    generator = np.random.default_rng(seed)
    other = tuple(generator.standard_normal(q.shape) * 1.5 for q in weights.feedback)

    def mixed(share: float) -> Weights:
        pairs = zip(weights.feedback, other, strict=True)
        return attrs.evolve(weights, feedback=tuple((1 - share) * a + share * b for a, b in pairs))

    low, high = 0.0, 1.0
    while _largest_real(spec, mixed(high), dataset) < wanted:
        high *= 1.5
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _largest_real(spec, mixed(middle), dataset) < wanted else (low, middle)
    return mixed(high)


def _still_moving(chip: VirtualChip, weights: Weights, dataset: Dataset, real: float) -> Passage:
    steps = int(np.ceil(14 / abs(real) / chip.spec.run.dt_ratio))
    return chip.show(
        stimulus_of(dataset, 1),
        weights=weights,
        protocol=Protocol(dt_ratio=chip.spec.run.dt_ratio, settle_steps=1500, learn_steps=steps),
        learning=False,
    )


@pytest.mark.cpp
def test_runs_settle_where_the_spectrum_says_so_and_nowhere_else() -> None:
    """200 random feedback matrices, max Re eig between ±.05 and ±.4.

    Explicit Euler moves the border by h|μ|²/2: what is predicted is its own criterion, |1 + hμ| < 1.
    After e^14 of the slowest mode a stable loop has come to rest (below 1e-3 of its first rate) and an
    unstable one moves faster than it started.
    """
    spec = _spec()
    dataset = random_dataset(spec, 2)
    chip = VirtualChip(spec, backend="cpp")
    generator = np.random.default_rng(0)
    wrong, stable = [], 0
    for number in range(MATRICES):
        weights = random_weights(spec, number)
        wanted = generator.uniform(0.05, 0.4) * (-1 if number % 2 else 1)
        if _largest_real(spec, weights, dataset) >= wanted:
            continue
        weights = _at_distance(spec, weights, dataset, wanted, number)
        inputs = dataset.train_inputs[:1]
        somas = [s.numpy() for s in feedforward(spec.network, parameters_of(weights), inputs).soma]
        predicted = stability_at(spec, weights, somas=somas)
        settles = spec.run.dt_ratio < predicted.largest_step
        growth = max(abs(np.log(_growth(spec, weights, somas))) / spec.run.dt_ratio, 1e-3)
        passage = _still_moving(chip, weights, dataset, growth)
        moving = float(passage.settling[-1]) if passage.status.kind != DIVERGED else np.inf
        stable += settles
        if (moving < 1e-3) != settles or (not settles and moving < 1.0):
            wrong.append((number, predicted.max_real, predicted.largest_step, moving))
    assert not wrong
    assert 0.3 * MATRICES < stable < 0.7 * MATRICES


def _growth(spec: Spec, weights: Weights, somas: list[np.ndarray]) -> float:
    """|1 + hμ| of the slowest or fastest growing mode, which sets how long to wait."""
    from neurosim.reference import phi_prime
    from neurosim.reference.tensors import double

    slopes = [
        phi_prime(name, double(soma[0])).numpy()
        for name, soma in zip(spec.network.activations, somas, strict=True)
    ]
    matrix = system_matrix(
        spec.network, spec.method, forward=weights.forward, feedback=weights.feedback, slopes=slopes
    )
    return float(np.abs(1 + spec.run.dt_ratio * spectrum(matrix)).max())


@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_a_diverging_run_names_step_time_and_layer(backend: str) -> None:
    """Linear layers and feedback of the wrong sign: nothing holds the loop."""
    spec = attrs.evolve(_spec(), network=attrs.evolve(_spec().network, hidden="linear"))
    weights = random_weights(spec, 1)
    weights = attrs.evolve(weights, feedback=tuple(-5 * q for q in weights.feedback))
    chip = VirtualChip(spec, backend=backend)
    status = chip.show(
        stimulus_of(random_dataset(spec, 2), 1),
        weights=weights,
        protocol=Protocol(dt_ratio=0.02, settle_steps=100, learn_steps=3000),
    ).status
    assert status.kind == DIVERGED
    assert 100 < status.step < 3100
    assert status.time == pytest.approx(status.step * chip.model.dt)
    assert status.part in ("layer_1", "layer_2", "layer_3", "controller")
    assert status.part in status.message
    assert str(status.step) in status.message


def test_the_step_that_is_called_largest_is_the_border() -> None:
    """The linear map of a step grows just above it and shrinks just below."""
    generator = np.random.default_rng(3)
    for _ in range(20):
        matrix = generator.standard_normal((6, 6)) - 4 * np.eye(6)
        largest = largest_stable_step(spectrum(matrix))
        if largest == 0:
            continue
        radii = [np.abs(np.linalg.eigvals(np.eye(6) + f * largest * matrix)).max() for f in (0.999, 1.001)]
        assert radii[0] < 1 < radii[1]
