"""Every method of the table, on every chip and task it is compatible with; a new line in the table is tried here."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment import run, verify_weights
from neurosim.experiment.stability import initial_stability
from neurosim.io import Dataset
from neurosim.learning import METHODS, Decoders, method_of
from neurosim.reference.targetprop import fit_decoders
from neurosim.result import DONE, NOT_SETTLED
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, random_weights, spec_of

CHIPS = ("ideal", "subthreshold_180nm")
DYNAMICAL = [name for name, method in METHODS.items() if method.dynamical]
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"name": "digits", "train_samples": 48, "test_samples": 24},
    "autoencoder": {"name": "digits", "reconstruct": True, "train_samples": 48, "test_samples": 24},
    "student_teacher": {"name": "student_teacher", "train_samples": 48, "test_samples": 24},
}
LAYERS = {"digits": [64, 12, 10], "autoencoder": [64, 12, 64], "student_teacher": [15, 8, 8, 5]}
SHORT_NIGHT = {"pretraining_epochs": 2, "epochs": 1}


def _spec(name: str, chip: str, layers: list[int], loss: str) -> Spec:
    merged, decoded = name == "DFC-merged", isinstance(method_of(name).feedback, Decoders)
    network: dict[str, Any] = {"tau_apical_ratio": 0.1 if merged else 0.0}
    if decoded:  # far from singular, so that decoders of this size can undo the layers
        network["initial_weights"] = "orthogonal"
    return spec_of(
        layers,
        network=network,
        method={
            "name": name,
            # large enough that the slowest mode of every loop decays within a test's patience
            "leak": 0.1,
            "proportional_gain": 0.5,
            "target_stepsize": 0.1,
            "learning_rate": 0.1,
            "initial_feedback": "transpose",
        },
        chip={"name": chip},
        task={"loss": loss},
        # circuits have no proportional path that would ask for a short step
        run={"batch": 3, "dt_ratio": 0.02 if name.startswith("DFC") else 0.05, "verify_samples": 3},
    )


def _weights(spec: Spec, dataset: Dataset, seed: int) -> Weights:
    """Random W and b; the method's feedback; decoders fitted, as their learning would have them."""
    started = Weights.initial(attrs.evolve(spec, run=attrs.evolve(spec.run, seed=seed)))
    started = attrs.evolve(started, biases=random_weights(spec, seed).biases)
    if isinstance(method_of(spec.method.name).feedback, Decoders):
        many = np.random.default_rng(seed).uniform(-1, 1, (200, spec.network.layers[0]))
        fitted = fit_decoders(
            forward=started.forward,
            biases=started.biases,
            inputs=many,
            hidden=spec.network.common_hidden,
            centred=True,
        )
        return attrs.evolve(started, feedback=tuple(matrix.numpy() for matrix in fitted.decoders))
    return started


def _verified(name: str, chip: str, loss: str, backend: str, layers: list[int], seed: int) -> None:
    spec = _spec(name, chip, layers, loss)
    dataset = random_dataset(spec, seed)
    weights = _weights(spec, dataset, seed)
    stability = initial_stability(spec, weights, dataset)
    assert stability.max_real < 0, "choose other weights: this loop does not settle at all"
    verification = verify_weights(VirtualChip(spec, backend=backend), weights, dataset)
    names = {check.name.partition(":")[0] for check in verification.checks}
    assert {"stability", "trajectory", "update", "rest state", "steady state"} <= names
    assert not [check for check in verification.checks if not check.passed]


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", DYNAMICAL)
def test_it_settles_where_its_equations_say(name: str, chip: str) -> None:
    """States ≤ 1e-6 once the slowest mode has decayed to 1e-8, trajectories ≤ 1e-9, by `verify_weights`.

    Square hidden layers: the targets of the DTP methods below a smaller layer drift on a chip with offsets.
    """
    square = isinstance(method_of(name).feedback, Decoders)
    layers = [6, 4, 4, 4] if square else [7, 6, 5, 4]
    _verified(name, chip, "squared_error", "numpy", layers, seed=11)


# one of each family; all of them in `make slow`, for each has to be compiled
COMPILED = [
    name if name in ("DI", "SLDI", "DTP-online", "DFC-merged") else pytest.param(name, marks=pytest.mark.slow)
    for name in DYNAMICAL
]


@pytest.mark.cpp
@pytest.mark.parametrize("name", COMPILED)
def test_it_does_so_compiled(name: str) -> None:
    """The same on the other engine, the other loss and a real chip."""
    square = isinstance(method_of(name).feedback, Decoders)
    layers = [6, 4, 4, 4] if square else [7, 6, 5, 4]
    _verified(name, "subthreshold_180nm", "softmax_cross_entropy", "cpp", layers, seed=12)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", METHODS)
def test_it_learns_on_every_task(name: str, task: str) -> None:
    """A short run ends well, with finite losses and changed weights; how well it learns is not asked here."""
    spec = spec_of(
        LAYERS[task],
        network={"tau_apical_ratio": 0.1 if name == "DFC-merged" else 0.0},
        method={
            "name": name,
            "leak": 0.1,
            "proportional_gain": 0.5,
            "learning_rate": 0.05,
            "sleep": SHORT_NIGHT,
            "initial_feedback": "transpose",
        },
        task=TASKS[task],
        run={
            "batch": 12,
            "epochs": 1,
            "settle_duration": 2.0,
            "learn_duration": 2.0,
            "dt_ratio": 0.02,
            "verify_samples": 0,
            "backend": "numpy",
        },
    )
    result = run(spec).result
    assert result.status.kind in (DONE, NOT_SETTLED), result.status.message
    assert np.isfinite(result.learning["test_loss"].values).all()
    assert len(result.learning["test_loss"].values) == 2
    before = Weights.initial(spec)
    layers = [
        f"{'input' if l == 1 else f'layer_{l - 1}'}_to_layer_{l}" for l in range(1, spec.network.depth + 1)
    ]
    for stored, projection in zip(before.forward, layers, strict=True):
        assert np.any(result.connectivity[projection].device["stored"] != stored), projection
