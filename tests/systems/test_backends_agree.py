"""The engines against each other and a batch against its samples one by one."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.emulate import Passage, VirtualChip
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

ROUNDING = 1e-9
"""Thousands of float64 steps of a contracting loop, summed in another order."""


def _spec(**method: Any) -> Spec:
    return spec_of(
        [7, 9, 6, 4],
        method={"learning_rate": 0.5, "target_stepsize": 0.3, "leak": 0.01, **method},
        chip={"name": "subthreshold_180nm"},
        task={"loss": "softmax_cross_entropy"},
        run={"batch": 4, "settle_duration": 2.0, "learn_duration": 3.0},
    )


def _show(spec: Spec, backend: str, *, noise: bool = True, presentations: int = 3) -> Passage:
    chip = VirtualChip(spec, backend=backend)
    stimulus = stimulus_of(random_dataset(spec, 5), chip.model.n_columns, presentations)
    return chip.show(
        stimulus,
        weights=random_weights(spec, 5),
        protocol=spec.run.protocol,
        noise=noise,
        traced=(0, presentations),
    )


def _numbers(passage: Passage) -> list[np.ndarray]:
    traces = [trace.values for part in passage.traces.values() for trace in part.values()]
    return [*traces, *passage.endings.values(), *passage.weights.forward, *passage.weights.biases]


@pytest.mark.cpp
@pytest.mark.parametrize("updates", ["buffered", "continuous"])
def test_numpy_and_cpp_give_the_same_run_with_noise_mismatch_and_learning(updates: str) -> None:
    """Three presentations on, weights having changed twice, noise drawn by both from the same counters."""
    spec = _spec(weight_updates=updates)
    first, second = (_show(spec, backend) for backend in ("numpy", "cpp"))
    for a, b in zip(_numbers(first), _numbers(second), strict=True):
        assert relative_difference([(a, b)]) <= ROUNDING


@pytest.mark.cpp
def test_large_products_are_the_same_in_slices() -> None:
    """210 rows, 300 inputs, 20 columns: more than OpenBLAS takes at once without copies; the last slice is shorter."""
    spec = spec_of(
        [5, 300, 210, 4], run={"batch": 20, "settle_duration": 1.0, "learn_duration": 1.0, "dt_ratio": 0.05}
    )
    first, second = (_show(spec, backend) for backend in ("numpy", "cpp"))
    for a, b in zip(_numbers(first), _numbers(second), strict=True):
        assert relative_difference([(a, b)]) <= ROUNDING


@pytest.mark.cpp
def test_dfc_and_dfc_ss_share_one_compiled_program() -> None:
    """When a synapse listens is a number of the schedule, not another program."""
    chips = [VirtualChip(_spec(name=name), backend="cpp") for name in ("DFC-fixed", "DFC-SS-fixed")]
    assert chips[0].model.hash == chips[1].model.hash
    assert chips[1].build_seconds == 0.0


@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_a_column_of_a_batch_is_the_run_of_its_sample(backend: str) -> None:
    """Without noise, which every column has of its own. Batch 1 goes through other BLAS calls (gemv, ger)."""
    spec = _spec()
    weights, dataset = random_weights(spec, 5), random_dataset(spec, 5)
    together = VirtualChip(spec, backend=backend)
    alone = VirtualChip(attrs.evolve(spec, run=attrs.evolve(spec.run, batch=1)), backend=backend)

    def show(chip: VirtualChip, samples: list[int]) -> Passage:
        stimulus = attrs.evolve(stimulus_of(dataset, len(samples)), order=np.array([samples], np.int32))
        return chip.show(stimulus, weights=weights, protocol=spec.run.protocol, noise=False, traced=(0, 1))

    batch = show(together, [0, 1, 2, 3])
    updates = [np.zeros_like(w) for w in weights.forward]
    for column in range(4):
        single = show(alone, [column])
        pairs = [
            (batch.traces[part][name].values[column], trace.values[0])
            for part, variables in single.traces.items()
            for name, trace in variables.items()
        ]
        assert relative_difference(pairs) <= ROUNDING
        for total, after, before in zip(updates, single.weights.forward, weights.forward, strict=True):
            total += (after - before) / 4
    changes = [after - before for after, before in zip(batch.weights.forward, weights.forward, strict=True)]
    assert relative_difference(zip(changes, updates, strict=True)) <= ROUNDING


@pytest.mark.cpp
def test_noise_that_is_turned_off_for_one_run_goes_on_in_the_next() -> None:
    """Both engines leave out the code of what is off; states that wander are as they were where nothing moves them."""
    spec, found = _spec(), []
    for backend in ("numpy", "cpp"):
        chip = VirtualChip(spec, backend=backend)
        how: dict[str, Any] = {"protocol": spec.run.protocol, "traced": (0, 3)}
        stimulus = stimulus_of(random_dataset(spec, 5), chip.model.n_columns, 3)
        loud = chip.show(stimulus, weights=random_weights(spec, 5), **how)
        kinds = ("soma_white", "soma_flicker")
        some = chip.show(stimulus, weights=loud.weights, wander=loud.wander, noise=kinds, passage=1, **how)
        last = chip.show(stimulus, weights=some.weights, wander=some.wander, passage=2, **how)
        found.append([*_numbers(loud), *_numbers(some), *_numbers(last), *last.wander.values()])
    for a, b in zip(*found, strict=True):
        assert relative_difference([(a, b)]) <= ROUNDING
