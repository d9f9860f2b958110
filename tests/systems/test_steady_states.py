"""Emulated steady states against the Newton fixed point, on networks of every shape."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip
from neurosim.experiment import verify_weights
from neurosim.experiment.stability import initial_stability
from tests.systems.nets import random_dataset, random_weights, spec_of, stable_weights

HIDDEN = ("tanh", "sigmoid", "softplus", "linear")
LOSSES = ("squared_error", "softmax_cross_entropy")
GAINS_AND_LEAKS = ((0.0, 1.0), (0.5, 1e-2), (5.0, 1e-4))


def _cases() -> list[tuple[int, str, str]]:
    return [
        (depth, hidden, LOSSES[(depth + position) % 2])
        for depth in (1, 2, 3, 4)
        for position, hidden in enumerate(HIDDEN)
    ]


def _check(depth: int, hidden: str, loss: str, backend: str) -> None:
    seed = 100 * depth + HIDDEN.index(hidden)
    widths = np.random.default_rng(seed).integers(3, 41, depth + 2)
    failures = []
    for gain, leak in GAINS_AND_LEAKS:
        spec = spec_of(
            [int(n) for n in widths],
            network={"hidden": hidden},
            method={"proportional_gain": gain, "leak": leak, "target_stepsize": 0.2},
            task={"loss": loss},
            run={"batch": 4, "dt_ratio": 0.01, "verify_samples": 4},
        )
        dataset = random_dataset(spec, seed)
        weights = stable_weights(spec, dataset, seed)
        stability = initial_stability(spec, weights, dataset)
        if spec.run.dt_ratio > 0.8 * stability.largest_step:
            run = attrs.evolve(spec.run, dt_ratio=0.5 * stability.largest_step)
            spec = attrs.evolve(spec, run=run)
        chip = VirtualChip(spec, backend=backend)
        verification = verify_weights(chip, weights, dataset)
        names = {check.name for check in verification.checks}
        assert {"rest state", "steady state: soma", "steady state: controller", "trajectory"} <= names
        failures += [(gain, leak, check) for check in verification.checks if not check.passed]
    assert not failures


# One network for each depth and nonlinearity, other ones for each engine; those that settle soonest run on numpy.
# All of them on both in `make slow`.
@pytest.mark.parametrize(("depth", "hidden", "loss"), [_cases()[n] for n in (1, 6, 8, 15)])
def test_settled_states_solve_the_equations_numpy(depth: int, hidden: str, loss: str) -> None:
    """≤ 1e-6 of the largest state: the slowest mode is left to decay to 1e-8. Trajectories ≤ 1e-9."""
    _check(depth, hidden, loss, "numpy")


@pytest.mark.cpp
@pytest.mark.parametrize(("depth", "hidden", "loss"), [_cases()[n] for n in (3, 4, 10, 13)])
def test_settled_states_solve_the_equations_cpp(depth: int, hidden: str, loss: str) -> None:
    """The same through compiled code; one program serves all three controllers of a network."""
    _check(depth, hidden, loss, "cpp")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
@pytest.mark.parametrize(("depth", "hidden", "loss"), _cases())
def test_every_network_on_both_engines(depth: int, hidden: str, loss: str, backend: str) -> None:
    """All sixteen networks."""
    _check(depth, hidden, loss, backend)


BOTH = {"tau_apical_ratio": 0.1, "tau_basal_ratio": 0.05}


@pytest.mark.parametrize(
    ("network", "backend"),
    [
        ({"tau_apical_ratio": 0.05}, "numpy"),
        ({"tau_basal_ratio": 0.1}, "numpy"),
        (BOTH, "numpy"),
        pytest.param(BOTH, "cpp", marks=pytest.mark.cpp),  # the only one compiled, to save builds
    ],
)
def test_compartments_with_time_constants(network: dict[str, float], backend: str) -> None:
    """They change the way, not the steady state; drawn devices change that too, and it is solved for them."""
    spec = spec_of(
        [6, 7, 5, 4],
        network=network,
        method={"proportional_gain": 1.0, "leak": 0.01, "target_stepsize": 0.2},
        chip={"name": "subthreshold_180nm"},
        task={"loss": "softmax_cross_entropy"},
        run={"batch": 4, "dt_ratio": 0.01, "verify_samples": 4},
    )
    chip = VirtualChip(spec, backend=backend)
    verification = verify_weights(chip, random_weights(spec, 3), random_dataset(spec, 3))
    assert [check for check in verification.checks if not check.passed] == []
