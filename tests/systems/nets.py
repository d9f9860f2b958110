"""Networks, specs and small data sets that the system tests share."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.emulate.weights import projections
from neurosim.experiment.stability import initial_stability
from neurosim.io import Dataset
from neurosim.learning import feedback_shapes, method_of
from neurosim.learning.feedback import direct_feedback_weights
from neurosim.result import Result
from neurosim.spec import Deviations, Spec, write_spec
from neurosim.spec.reader import parse_spec


def spec_of(layers: list[int], **tables: dict[str, Any]) -> Spec:
    """A spec for these layers; keyword arguments are tables, `network` without layers."""
    given = dict(tables)
    network = {"layers": layers, **given.pop("network", {})}
    return parse_spec({"network": network, **given})


def random_dataset(spec: Spec, seed: int, samples: int = 12) -> Dataset:
    """Inputs U(−1, 1); desired one-hot for classes, else U(−1, 1)."""
    generator = np.random.default_rng(seed)
    n_in, n_out = spec.network.layers[0], spec.network.layers[-1]
    inputs = generator.uniform(-1, 1, (samples, n_in))
    if spec.task.loss == "softmax_cross_entropy":
        desired = np.eye(n_out)[generator.integers(0, n_out, samples)]
    else:
        desired = generator.uniform(-1, 1, (samples, n_out))
    return Dataset(
        name="random",
        train_inputs=inputs,
        train_desired=desired,
        test_inputs=inputs,
        test_desired=desired,
        train_labels=None,
        test_labels=None,
        scale=1.0,
        n_classes=None,
    )


def random_weights(spec: Spec, seed: int) -> Weights:
    """Xavier-like W, small biases, fixed direct feedback."""
    generator = np.random.default_rng(seed)
    sizes = spec.network.layers
    forward = tuple(generator.standard_normal((m, n)) * np.sqrt(2 / (m + n)) for n, m in pairwise(sizes))
    return Weights(
        forward=forward,
        biases=tuple(0.1 * generator.standard_normal(n) for n in sizes[1:]),
        feedback=direct_feedback_weights(forward),
    )


def stable_weights(spec: Spec, dataset: Dataset, seed: int) -> Weights:
    """Random weights whose feedback to the hidden layers is halved until the spectrum says stable.

    A large proportional gain around a chain of equal lags oscillates, as any such loop does.
    """
    weights = random_weights(spec, seed)
    for _ in range(12):
        stability = initial_stability(spec, weights, dataset)
        if stability.max_real < 0:
            return weights
        *hidden, last = weights.feedback
        weights = attrs.evolve(weights, feedback=(*(0.5 * q for q in hidden), last))
    raise AssertionError(f"no stable feedback found: {stability}")


def untouched(spec: Spec, weights: Weights) -> Result:
    """What a run on an ideal chip that did nothing would leave, without the chip's scales."""
    shapes = feedback_shapes(method_of(spec.method.name).feedback, spec.network.layers)
    deviations = Deviations.ideal(spec.network, feedback=shapes)
    connectivity = projections(spec, weights, deviations=deviations)
    return Result(spec=write_spec(spec), seed=1, backend="torch", connectivity=connectivity)


def stimulus_of(dataset: Dataset, columns: int, presentations: int = 1) -> Stimulus:
    """The first samples in order."""
    order = np.resize(np.arange(len(dataset.train_inputs)), (presentations, columns)).astype(np.int32)
    return Stimulus(
        inputs=dataset.train_inputs, desired=dataset.train_desired, order=order, scale=dataset.scale
    )


def trace_pairs(
    chip: VirtualChip, seen: Passage, told: Mapping[str, Mapping[str, Tensor]]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Every trace that torch tells of beside the chip's, in activation units."""
    volts = float(chip.chip.voltage_unit)
    return [
        (trace.values / (volts if trace.unit == "V" else 1.0), values.numpy())
        for part, variables in told.items()
        for name, values in variables.items()
        for trace in [seen.traces[part][name]]
    ]
