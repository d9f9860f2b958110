"""The mean feedback update against impulse responses, another Lyapunov equation, and Theorem 6 of the paper."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import scipy.linalg
import torch

from neurosim.analysis import system_matrix
from neurosim.errors import DataError, SpecError
from neurosim.reference import Parameters, feedforward, output_jacobian, phi_prime, simulate
from neurosim.reference.expected_feedback import expected_feedback, expected_update
from neurosim.spec import MethodSettings, Network, Protocol, Sleep

from .cases import make_data, make_network, make_parameters

METHOD = MethodSettings(
    name="DFC", proportional_gain=0.1, leak=0.25, target_stepsize=0.0, sleep=Sleep(noise=1.0, decay=0.025)
)
TAUS = {"tau_soma_ratio": 0.01, "tau_apical_ratio": 0.3}


def _sample(network: Network) -> tuple[Parameters, torch.Tensor]:
    inputs, _ = make_data(network, "squared_error", batch=1)
    return make_parameters(network), inputs


@pytest.mark.parametrize("basal", [0.0, 0.05])
@pytest.mark.parametrize("settings", [{}, {"integral_gain": 0.7, "derivative_gain": 0.3}])
def test_mean_over_a_night_is_the_sum_over_impulses(basal: float, settings: dict[str, float]) -> None:
    """E[v_fb uᵀ] of a linear loop is the sum over noises (one unit, one step) of what each does alone.

    Every column of one presentation gets one of them, so that its batch mean is the expectation over the number
    of columns. Sums of 10^4 products, rounded.
    """
    network = make_network(4, 5, 4, 3, hidden="linear", tau_basal_ratio=basal, **TAUS)
    method = attrs.evolve(METHOD, **settings)
    parameters, sample = _sample(network)
    # long before the first noise, so that the basal compartments are at rest, too
    protocol = Protocol(dt_ratio=0.004, settle_steps=800 if basal else 1, learn_steps=20)
    units = sum(network.layers[1:])
    columns = 20 * units
    noise = np.zeros((protocol.period, columns, units))
    for step in range(20):
        for unit in range(units):
            noise[protocol.settle_steps + step, step * units + unit, unit] = 1.0
    run = simulate(
        network,
        parameters,
        method,
        protocol,
        sample.expand(columns, -1),
        np.zeros((columns, 3)),
        loss="squared_error",
        apical_noise=noise,
        initial_soma=[v.expand(columns, -1) for v in feedforward(network, parameters, sample).soma],
        accumulate=False,
        learn_feedback=True,
        record_every=protocol.period,
    )
    expected = expected_update(network, parameters, method, sample, dt_ratio=0.004, steps=20)
    assert run.feedback_updates is not None
    for one, ours, q in zip(run.feedback_updates, expected, parameters.feedback, strict=True):
        summed = columns * (one + 0.025 * q) - 0.025 * q
        torch.testing.assert_close(ours, summed, rtol=1e-10, atol=1e-11)


def test_long_nights_tend_to_the_stationary_mean() -> None:
    network = make_network(4, 5, 3, **TAUS)
    parameters, sample = _sample(network)
    options: dict[str, Any] = {"dt_ratio": 0.004}
    stationary = torch.cat(expected_update(network, parameters, METHOD, sample, **options))
    lengths = [2000, 4000, 8000]
    distances = [
        float(
            (
                torch.cat(expected_update(network, parameters, METHOD, sample, steps=n, **options))
                - stationary
            ).norm()
        )
        for n in lengths
    ]
    slope = np.polyfit(np.log(lengths), np.log(distances), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.02)  # the start's share of a mean falls as 1/T


def test_small_steps_tend_to_the_lyapunov_equation_in_continuous_time() -> None:
    """A P + P Aᵀ + σ²/τ² E Eᵀ = 0 with A of `analysis`: the distance falls as h."""
    network = make_network(4, 5, 4, 3, **TAUS)
    parameters, sample = _sample(network)
    rest = feedforward(network, parameters, sample)
    slopes = [phi_prime(name, v)[0].numpy() for name, v in zip(network.activations, rest.soma, strict=True)]
    matrix = system_matrix(
        network,
        METHOD,
        forward=[w.numpy() for w in parameters.forward],
        feedback=[q.numpy() for q in parameters.feedback],
        slopes=slopes,
    )
    apical = slice(12, 24)
    noise = np.zeros(len(matrix))
    noise[apical] = 1 / network.tau_apical_ratio**2
    covariance = scipy.linalg.solve_continuous_lyapunov(matrix, -np.diag(noise))
    control = np.zeros((3, len(matrix)))
    control[:, 9:12] = -METHOD.proportional_gain * np.diag(slopes[-1])
    control[:, 24:] = np.eye(3)
    q = np.concatenate([x.numpy() for x in parameters.feedback])
    limit = -covariance[apical] @ control.T - METHOD.sleep.decay * q
    steps = [2e-3, 1e-3, 5e-4]
    distances = []
    for step in steps:
        update = torch.cat(expected_update(network, parameters, METHOD, sample, dt_ratio=step)).numpy()
        distances.append(np.linalg.norm(update - limit))
    assert distances[-1] < 0.02 * np.linalg.norm(limit)
    assert np.polyfit(np.log(steps), np.log(distances), 1)[0] == pytest.approx(1.0, abs=0.1)


def test_without_a_stationary_state_there_is_no_mean() -> None:
    network = make_network(4, 5, 3, **TAUS)
    parameters, sample = _sample(network)
    pushing = attrs.evolve(parameters, feedback=tuple(-3 * q for q in parameters.feedback))
    update = expected_update(network, pushing, METHOD, sample, dt_ratio=0.004)
    assert all(torch.isnan(u).all() for u in update)
    brief = expected_update(network, pushing, METHOD, sample, dt_ratio=0.004, steps=20)
    assert all(torch.isfinite(u).all() for u in brief)


@pytest.mark.parametrize("hidden", ["linear", "tanh"])
@pytest.mark.parametrize("leak", [1.0, 3.0])
def test_theorem_six(hidden: str, leak: float) -> None:
    """k_p = 0, τ_v ≪ τ_u, α big: E[Q] points to Jᵀ(JJᵀ + γI)⁻¹ for some γ > 0, and fulfils Conditions 2 and 3.

    10° leave room for τ_v/τ_u = 0.01 and for "≈" of the theorem, which drops terms of the order 1/α.
    """
    network = make_network(15, 10, 10, 5, hidden=hidden, **TAUS)
    parameters, sample = _sample(network)
    method = attrs.evolve(METHOD, proportional_gain=0.0, leak=leak)
    found = expected_feedback(network, parameters, method, sample, dt_ratio=0.002)
    assert found.converged
    at_root = attrs.evolve(parameters, feedback=found.feedback)
    left = expected_update(network, at_root, method, sample, dt_ratio=0.002)
    assert max(float(u.abs().max()) for u in left) <= 2 * found.residual  # the same numbers once more
    q = torch.cat(found.feedback)
    jacobian = output_jacobian(network, parameters, feedforward(network, parameters, sample))[0]
    gamma, angle = _best_damping(jacobian, q)
    assert angle < 10
    assert 0.1 < gamma < 100  # neither the pseudo-inverse nor the transpose
    projector = jacobian.T @ torch.linalg.solve(jacobian @ jacobian.T, jacobian)
    assert float((projector @ q).norm() / q.norm()) > 0.99
    assert float(torch.linalg.eigvals(jacobian @ q).real.min()) > 0


def _best_damping(jacobian: torch.Tensor, weights: torch.Tensor) -> tuple[float, float]:
    """γ whose damped pseudo-inverse is nearest in direction, out of a grid, and the angle in degrees."""
    identity = torch.eye(len(jacobian), dtype=torch.float64)
    found = []
    for gamma in np.logspace(-4, 4, 161):
        damped = jacobian.T @ torch.linalg.inv(jacobian @ jacobian.T + gamma * identity)
        cosine = (damped * weights).sum() / damped.norm() / weights.norm()
        found.append((float(torch.rad2deg(torch.acos(cosine.clamp(max=1.0)))), float(gamma)))
    angle, gamma = min(found)
    return gamma, angle


def test_what_cannot_learn_is_refused() -> None:
    network = make_network(4, 5, 3, **TAUS)
    parameters, sample = _sample(network)
    with pytest.raises(SpecError, match="does not learn its feedback"):
        expected_feedback(network, parameters, MethodSettings(), sample, dt_ratio=0.01)
    with pytest.raises(SpecError, match="tau_apical_ratio"):
        expected_feedback(make_network(4, 5, 3), parameters, METHOD, sample, dt_ratio=0.01)
    with pytest.raises(DataError, match="sample"):
        expected_feedback(network, parameters, METHOD, np.zeros((2, 4)), dt_ratio=0.01)
