"""Where a pair of layers comes to rest: closed forms, the equations themselves, and long simulations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.learning.stable_feedback import loop_matrix
from neurosim.reference.inversion import (
    Pair,
    PairState,
    inverse_map,
    is_stable,
    largest_step,
    settle_pair,
    simulate_pair,
    steady_state,
    system_matrix,
)

from .cases import SHAPES, gain_pair, make_pair, normal

TAUS = ((1.0, 1.0), (0.2, 1.0), (1.5, 0.7))


def _stable_pair(draw: np.random.Generator, shape: tuple[int, int], **settings: Any) -> Pair:
    while True:
        pair = make_pair(draw, shape, **settings)
        if is_stable(pair):
            return pair


def _slopes(pair: Pair, at: PairState, delta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The right-hand sides as the facts write them, without time constants."""
    state_leak, control_leak = (pair.leak, 1.0) if pair.swapped else (1.0, pair.leak)
    return (
        -state_leak * at.state + at.control @ pair.feedback.T,
        -control_leak * at.control + at.state @ pair.forward.T - delta,
    )


@pytest.mark.parametrize(
    ("shape", "swapped", "leak"),
    [(shape, swapped, leak) for shape in SHAPES for swapped in (False, True) for leak in (1e-6, 0.3)]
    + [((4, 7), False, 0.0), ((6, 6), False, 0.0), ((6, 6), True, 0.0), ((7, 4), True, 0.0)],
)
def test_the_steady_state_solves_the_equations(shape: tuple[int, int], swapped: bool, leak: float) -> None:
    draw = np.random.default_rng(0)
    pair = _stable_pair(draw, shape, leak=leak, swapped=swapped)
    delta = normal(draw, 5, shape[0])
    rest = steady_state(pair, delta)
    # Rounding of sums whose terms are at most u: 1e-13 of the largest.
    size = max(1.0, float(rest.control.abs().max()))
    for slope in _slopes(pair, rest, delta):
        assert float(slope.abs().max()) < 1e-12 * size


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scheme", ["explicit", "semi-implicit"])
@pytest.mark.parametrize("taus", TAUS)
def test_a_long_simulation_ends_in_the_steady_state(
    shape: tuple[int, int], scheme: str, taus: tuple[float, float]
) -> None:
    """Schemes and time constants move no fixed point; both end within rounding once all modes are gone."""
    draw = np.random.default_rng(1)
    settings = {"leak": 0.3, "tau_state": taus[0], "tau_control": taus[1]}
    pair = _stable_pair(draw, shape, **settings)
    delta = normal(draw, 3, shape[0])
    slowest = -float(torch.linalg.eigvals(system_matrix(pair)).real.max())
    dt = 0.5 * largest_step(pair, scheme=scheme)
    end = settle_pair(pair, delta, dt=dt, steps=int(40 / (slowest * dt)), scheme=scheme)
    rest = steady_state(pair, delta)
    torch.testing.assert_close(end.state, rest.state, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(end.control, rest.control, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("shape", SHAPES)
def test_swapped_leaks_rest_at_the_same_state(shape: tuple[int, int]) -> None:
    """αx = Bu with u = Wx − δ is (BW − αI)x = Bδ, the plain pair's x; to 1e-10."""
    draw = np.random.default_rng(2)
    for leak in (0.01, 0.1, 1.0):
        pair = make_pair(draw, shape, leak=leak)
        other = Pair(forward=pair.forward, feedback=pair.feedback, leak=leak, swapped=True)
        delta = normal(draw, 4, shape[0])
        torch.testing.assert_close(
            steady_state(other, delta).state, steady_state(pair, delta).state, rtol=1e-10, atol=1e-10
        )
        # And the equation solved as it stands, by the other population.
        w, b = pair.forward, pair.feedback
        full = torch.linalg.solve(w @ b / leak - torch.eye(shape[0], dtype=w.dtype), delta.T)
        torch.testing.assert_close(steady_state(other, delta).state.T, b @ full / leak, rtol=1e-9, atol=1e-10)


def test_an_expanding_layer_with_swapped_leaks_needs_no_leak() -> None:
    """Simulated at α = 0 it ends at (BW)⁻¹Bδ, with B = −Wᵀ at W⁺δ. The plain pair does not rest."""
    draw = np.random.default_rng(3)
    w = normal(draw, 7, 4, size=0.5)
    delta = normal(draw, 3, 7)
    pair = Pair(forward=w, feedback=-w.T, leak=0.0, swapped=True)
    assert is_stable(pair)
    dt = 0.5 * largest_step(pair, scheme="explicit")
    slowest = -float(torch.linalg.eigvals(system_matrix(pair)).real.max())
    end = settle_pair(pair, delta, dt=dt, steps=int(40 / (slowest * dt)))  # e⁻⁴⁰ of the way is left
    torch.testing.assert_close(end.state, delta @ torch.linalg.pinv(w).T, rtol=0, atol=1e-10)
    torch.testing.assert_close(end.state, steady_state(pair, delta).state, rtol=0, atol=1e-10)

    plain = Pair(forward=w, feedback=-w.T, leak=0.0)
    assert not is_stable(plain)
    run = simulate_pair(plain, delta, dt=dt, steps=int(40 / (slowest * dt)))
    # u drifts at the speed of the part of δ that W does not reach.
    lost = delta - delta @ torch.linalg.pinv(w).T @ w.T
    torch.testing.assert_close((run.control[:, -1] - run.control[:, -2]) / dt, -lost, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("shape", "swapped"), [((7, 4), False), ((4, 7), True)])
def test_no_leak_where_it_is_needed_is_an_error(shape: tuple[int, int], swapped: bool) -> None:
    pair = make_pair(np.random.default_rng(4), shape, leak=0.0, swapped=swapped)
    with pytest.raises(SpecError) as caught:
        steady_state(pair, torch.ones(2, shape[0]))
    assert f"{shape[0]} units to {shape[1]}" in caught.value.what
    assert "α > 0" in caught.value.remedy
    assert ("unswapped" if swapped else " swapped") in caught.value.remedy


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("scheme", ["explicit", "semi-implicit"])
def test_small_steps_follow_the_matrix_exponential(swapped: bool, scheme: str) -> None:
    """Both schemes are of first order: halving dt halves the error."""
    draw = np.random.default_rng(5)
    pair = make_pair(draw, (3, 4), leak=0.2, tau_state=0.5, tau_control=1.3, swapped=swapped)
    delta = normal(draw, 2, 3)
    matrix = system_matrix(pair)
    drive = torch.cat([torch.zeros(2, 4), -delta / 1.3], dim=1).T
    rest = -torch.linalg.solve(matrix, drive)
    exact = (rest - torch.linalg.matrix_exp(2.0 * matrix) @ rest).T
    errors = []
    for steps in (1000, 2000):
        end = simulate_pair(pair, delta, dt=2.0 / steps, steps=steps, scheme=scheme).final
        errors.append(float((torch.cat([end.state, end.control], dim=1) - exact).abs().max()))
    assert errors[0] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.05)


def test_system_matrix_is_that_of_the_initialisation() -> None:
    """The numpy matrix whose abscissa the initialisation lowers, in time units of τ_u = 1."""
    pair = make_pair(np.random.default_rng(6), (3, 5), leak=0.1, tau_state=0.2)
    theirs = loop_matrix([pair.forward.numpy()], pair.feedback.numpy(), leak=0.1, tau_soma=0.2)
    np.testing.assert_allclose(system_matrix(pair).numpy(), theirs, rtol=1e-15)


def test_trajectory_keeps_all_times_and_can_go_on() -> None:
    pair = make_pair(np.random.default_rng(7), (3, 5), leak=0.1)
    delta = torch.ones(2, 3)
    run = simulate_pair(pair, delta, dt=0.1, steps=20)
    assert run.state.shape == (2, 21, 5)
    assert run.control.shape == (2, 21, 3)
    assert not run.state[:, 0].any()
    half = settle_pair(pair, delta, dt=0.1, steps=10)
    assert torch.equal(half.state, run.state[:, 10])
    assert torch.equal(settle_pair(pair, delta, dt=0.1, steps=10, start=half).control, run.final.control)
    assert not run.diverged.any()


def test_divergence_is_data() -> None:
    run = simulate_pair(gain_pair(50.0, leak=0.0), [[1.0], [0.0]], dt=0.5, steps=1000)
    assert run.diverged.tolist() == [True, False]


def test_semi_implicit_uses_the_new_control() -> None:
    """One step from rest: u = −δ dt, and x = B u dt at once, where explicit Euler leaves x at 0."""
    pair = gain_pair(4.0, leak=0.5)
    semi = settle_pair(pair, [[1.0]], dt=0.1, steps=1, scheme="semi-implicit")
    assert float(semi.control) == pytest.approx(-0.1, rel=1e-15)
    assert float(semi.state) == pytest.approx(-2.0 * -0.1 * 0.1, rel=1e-15)
    assert float(settle_pair(pair, [[1.0]], dt=0.1, steps=1).state) == 0.0


def test_bad_input_is_named() -> None:
    w = torch.ones(3, 5)
    with pytest.raises(SpecError, match=r"B \(5, 3\) for W \(3, 5\)"):
        Pair(forward=w, feedback=w, leak=0.1)
    for settings in ({"leak": -1.0}, {"leak": 0.1, "tau_state": 0.0}, {"leak": 0.1, "tau_control": -1.0}):
        with pytest.raises(SpecError, match=next(reversed(settings))):
            Pair(forward=w, feedback=w.T, **settings)
    pair = Pair(forward=w, feedback=w.T, leak=0.1)
    for call in (steady_state, lambda p, d: simulate_pair(p, d, dt=0.1, steps=1)):
        with pytest.raises(DataError, match="3"):
            call(pair, torch.ones(2, 5))
    with pytest.raises(SpecError, match="semi-implicit"):
        simulate_pair(pair, torch.ones(2, 3), dt=0.1, steps=1, scheme="semiimplicit")
    with pytest.raises(SpecError, match="dt > 0"):
        simulate_pair(pair, torch.ones(2, 3), dt=0.0, steps=1)
    start = PairState(state=torch.ones(2, 3), control=torch.ones(2, 3))
    with pytest.raises(DataError, match=r"start\.state"):
        simulate_pair(pair, torch.ones(2, 3), dt=0.1, steps=1, start=start)


def test_steady_state_is_the_map_applied() -> None:
    pair = make_pair(np.random.default_rng(8), (4, 6), leak=0.05)
    delta = normal(np.random.default_rng(9), 3, 4)
    expected = delta @ inverse_map(pair.forward, pair.feedback, leak=0.05).T
    torch.testing.assert_close(steady_state(pair, delta).state, expected, rtol=1e-11, atol=1e-12)
