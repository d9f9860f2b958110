"""The single loop: its rest, its spectrum and its simulation against each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.learning.stable_feedback import loop_matrix, transposed_feedback
from neurosim.reference import phi
from neurosim.reference.inversion import (
    LoopState,
    Pair,
    SingleLoop,
    at_rest,
    chain_matrix,
    is_stable,
    largest_real_part,
    linear_steady_state,
    simulate_loop,
    simulate_pair,
    solve_steady_state,
    steady_state,
    system_matrix,
)

from .cases import farthest_match, normal

CHAINS = ((6, 4), (7, 5, 3), (4, 6, 5, 7))
"""n_1..n_L."""


def _loop(
    sizes: tuple[int, ...], *, seed: int = 0, gain: float = 0.6, noise: float = 0.2, **settings: Any
) -> SingleLoop:
    """B = −(W_L⋯W_2)ᵀ and some noise; a gain of 0.6 is small enough for a stable loop."""
    draw = np.random.default_rng(seed)
    forward = [gain * draw.standard_normal((n, m)) / np.sqrt(m) for m, n in pairwise(sizes)]
    feedback = transposed_feedback(forward)
    feedback += noise * draw.standard_normal(feedback.shape) / np.sqrt(feedback.size)
    return SingleLoop(forward=forward, feedback=feedback, **settings)


def _path(loop: SingleLoop) -> Tensor:
    path = loop.forward[0]
    for w in loop.forward[1:]:
        path = w @ path
    return path


def _zero(loop: SingleLoop) -> LoopState:
    return at_rest(loop, torch.zeros(1, loop.sizes[-1], dtype=torch.float64))


@pytest.mark.parametrize("sizes", CHAINS)
def test_linear_rest_is_where_a_long_simulation_ends(sizes: tuple[int, ...]) -> None:
    """A time of 40 over the slowest decay rate leaves e⁻⁴⁰; what remains is rounding of small sums."""
    loop = _loop(sizes, leak=0.3, activation="linear")
    delta = normal(np.random.default_rng(1), 3, sizes[-1])
    rest = linear_steady_state(loop, delta)
    slowest = -float(largest_real_part(chain_matrix(loop, _zero(loop))))
    assert slowest > 0.1
    run = simulate_loop(loop, delta, dt=0.2, steps=int(40 / (slowest * 0.2)))
    assert not run.diverged.any()
    torch.testing.assert_close(run.final.control, rest.control, rtol=1e-9, atol=1e-11)
    for ours, theirs in zip(run.final.deltas, rest.deltas, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("sizes", CHAINS)
def test_linear_rest_as_the_facts_write_it(sizes: tuple[int, ...]) -> None:
    """u = (PB − αI)⁻¹δ_L, δ_l = W_l⋯W_2 B u; to rounding times the condition of PB − αI, below 1e3."""
    loop = _loop(sizes, leak=0.05, activation="linear")
    delta = normal(np.random.default_rng(2), 4, sizes[-1])
    control = torch.linalg.solve(
        _path(loop) @ loop.feedback - 0.05 * torch.eye(sizes[-1], dtype=delta.dtype), delta.T
    ).T
    rest = linear_steady_state(loop, delta)
    torch.testing.assert_close(rest.control, control, rtol=1e-10, atol=1e-11)
    for ours, theirs in zip(rest.deltas, at_rest(loop, control).deltas, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-11)
    newton = solve_steady_state(loop, delta)
    assert newton.converged.all()
    torch.testing.assert_close(newton.state.control, control, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
@pytest.mark.parametrize("sizes", CHAINS)
def test_newton_finds_where_the_nonlinear_simulation_settles(sizes: tuple[int, ...], activation: str) -> None:
    loop = _loop(sizes, leak=0.3, activation=activation, tau_state=0.5)
    delta = normal(np.random.default_rng(3), 4, sizes[-1])
    solution = solve_steady_state(loop, delta)
    assert solution.converged.all()
    assert solution.iterations < 20
    slowest = -float(largest_real_part(chain_matrix(loop, solution.state)).max())
    assert slowest > 0.1
    # e⁻³⁵ of the way and rounding.
    run = simulate_loop(loop, delta, dt=0.2, steps=int(35 / (slowest * 0.2)))
    torch.testing.assert_close(run.final.control, solution.state.control, rtol=1e-9, atol=1e-10)
    # And the equations themselves, written out.
    last = delta.new_zeros(())
    for position, (w, x) in enumerate(zip(loop.forward, solution.state.deltas, strict=True)):
        drive = phi(activation, x) @ w.T
        if position + 1 < len(solution.state.deltas):
            torch.testing.assert_close(solution.state.deltas[position + 1], drive, rtol=0, atol=1e-12)
        last = drive
    torch.testing.assert_close(0.3 * solution.state.control, last - delta, rtol=0, atol=1e-11)


def test_newton_converges_quadratically() -> None:
    """A wrong Jacobian would gain a constant factor a step: here 1e-12 takes a handful."""
    loop = _loop((20, 10, 10), leak=0.01)
    solution = solve_steady_state(loop, 0.1 * normal(np.random.default_rng(4), 50, 10))
    assert solution.converged.all()
    assert solution.iterations <= 8


def test_large_errors_against_saturation_are_solved_or_marked() -> None:
    """A leak lets u grow until −αu takes up what tanh cannot give: a root exists for any δ_L if α > 0."""
    loop = _loop((20, 10, 10), leak=0.01)
    delta = 5.0 * normal(np.random.default_rng(5), 50, 10)
    assert solve_steady_state(loop, delta).converged.all()
    without = SingleLoop(forward=loop.forward, feedback=loop.feedback, leak=0.0)
    unsolved = solve_steady_state(without, 100 * delta)
    assert not unsolved.converged.any()
    assert float(unsolved.residual.min()) > 1.0


def test_where_newton_gets_stuck_a_slow_controller_finds_the_way() -> None:
    """Some of these 50 samples need it, as the many steps tell; all roots are roots of the written equation."""
    loop = _loop((20, 20, 20, 10), leak=0.001, gain=1.0, noise=0.0)
    delta = normal(np.random.default_rng(0), 50, 10)
    solution = solve_steady_state(loop, delta)
    assert solution.converged.all()
    assert solution.iterations > 30
    drive = torch.tanh(solution.state.deltas[-1]) @ loop.forward[-1].T
    # The tolerance, 1e-12 of the largest error, here about 3.
    torch.testing.assert_close(0.001 * solution.state.control, drive - delta, rtol=0, atol=1e-11)


def test_small_errors_make_the_loop_linear() -> None:
    """tanh x = x − x³/3: the difference falls with the third power of the error."""
    loop = _loop((7, 5, 3), leak=0.1)
    delta = normal(np.random.default_rng(6), 1, 3)
    sizes = (1e-1, 1e-2)
    differences = [
        float(
            (
                solve_steady_state(loop, size * delta).state.control
                - linear_steady_state(loop, size * delta).control
            )
            .abs()
            .max()
        )
        for size in sizes
    ]
    assert np.log10(differences[0] / differences[1]) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("sizes", CHAINS)
def test_the_chain_matrix_is_the_jacobian_of_the_dynamics(sizes: tuple[int, ...]) -> None:
    """By autograd, at a random state, with time constants."""
    loop = _loop(sizes, leak=0.2, tau_state=0.4, tau_control=1.7)
    state = normal(np.random.default_rng(7), 2, sum(sizes))

    def slope(values: Tensor) -> Tensor:
        *deltas, control = torch.split(values, list(sizes))
        drives = [loop.feedback @ control]
        drives += [w @ torch.tanh(x) for w, x in zip(loop.forward, deltas, strict=True)]
        moved = [(drive - x) / 0.4 for drive, x in zip(drives[:-1], deltas, strict=True)]
        return torch.cat([*moved, (drives[-1] - 0.2 * control) / 1.7])

    *deltas, control = torch.split(state, list(sizes), dim=1)
    matrices = chain_matrix(loop, LoopState(deltas=tuple(deltas), control=control))
    assert matrices.shape == (2, sum(sizes), sum(sizes))
    for matrix, values in zip(matrices, state, strict=True):
        torch.testing.assert_close(matrix, torch.func.jacrev(slope)(values), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [(6, 6), (5, 5, 5), (4, 4, 4, 4)])
def test_the_linear_spectrum_follows_from_the_eigenvalues_of_the_whole_path(sizes: tuple[int, ...]) -> None:
    """(λ + 1)^{L−1} (λ + α) = μ for every eigenvalue μ of PB. Multiplicity makes roots uncertain: 1e-7."""
    loop = _loop(sizes, leak=0.3, activation="linear")
    hidden = len(sizes) - 1
    polynomial = np.poly([-1.0] * hidden + [-0.3])
    mu = torch.linalg.eigvals(_path(loop) @ loop.feedback).numpy()
    roots = [np.roots(np.concatenate([polynomial[:-1], [polynomial[-1] - m]])) for m in mu]
    spectrum = torch.linalg.eigvals(chain_matrix(loop, _zero(loop))[0]).numpy()
    assert farthest_match(np.concatenate(roots), spectrum) < 1e-7


@pytest.mark.parametrize("leak", [0.0, 0.1, 1.0])
def test_the_loop_can_be_unstable_where_every_layer_is_stable(leak: float) -> None:
    """Two hidden layers, PB = −k: stable iff k < 2(1+α)² (Routh), though pairs with B = −Wᵀ always are."""
    limit = 2.0 * (1.0 + leak) ** 2
    for factor, stable in ((0.99, True), (1.01, False)):
        root = (factor * limit) ** 0.25
        w = torch.tensor([[root]], dtype=torch.float64)
        loop = SingleLoop(forward=(w, w), feedback=-(w @ w).T, leak=leak)
        assert (float(largest_real_part(chain_matrix(loop, _zero(loop)))) < 0) is stable
        assert is_stable(Pair(forward=w, feedback=-w.T, leak=leak))


def test_with_one_hidden_layer_it_is_a_pair() -> None:
    loop = _loop((6, 4), leak=0.1, activation="linear", tau_state=0.3, tau_control=1.2)
    pair = Pair(forward=loop.forward[0], feedback=loop.feedback, leak=0.1, tau_state=0.3, tau_control=1.2)
    torch.testing.assert_close(chain_matrix(loop, _zero(loop))[0], system_matrix(pair), rtol=0, atol=0)
    delta = normal(np.random.default_rng(8), 3, 4)
    torch.testing.assert_close(linear_steady_state(loop, delta).control, steady_state(pair, delta).control)
    ours, theirs = simulate_loop(loop, delta, dt=0.1, steps=50), simulate_pair(pair, delta, dt=0.1, steps=50)
    torch.testing.assert_close(ours.first, theirs.state, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(ours.control, theirs.control, rtol=1e-13, atol=1e-15)


def test_matrix_is_that_of_the_initialisation() -> None:
    """In time units of τ_u = 1."""
    loop = _loop((7, 5, 3), leak=0.1, activation="linear", tau_state=0.2)
    theirs = loop_matrix([w.numpy() for w in loop.forward], loop.feedback.numpy(), leak=0.1, tau_soma=0.2)
    np.testing.assert_allclose(chain_matrix(loop, _zero(loop))[0].numpy(), theirs, rtol=1e-15)


def test_simulation_can_go_on_and_tells_divergence() -> None:
    loop = _loop((7, 5, 3), leak=0.1)
    delta = normal(np.random.default_rng(9), 2, 3)
    whole = simulate_loop(loop, delta, dt=0.1, steps=20)
    half = simulate_loop(loop, delta, dt=0.1, steps=10)
    rest = simulate_loop(loop, delta, dt=0.1, steps=10, start=half.final)
    assert torch.equal(rest.final.control, whole.final.control)
    assert whole.first.shape == (2, 21, 7)
    w = torch.tensor([[30.0]], dtype=torch.float64)
    wild = SingleLoop(forward=(w, w), feedback=-(w @ w).T, leak=0.1, activation="linear")
    assert simulate_loop(wild, [[1.0]], dt=0.1, steps=1000).diverged.all()


def test_bad_input_is_named() -> None:
    w2, w3 = torch.ones(5, 7), torch.ones(3, 5)
    with pytest.raises(SpecError) as caught:
        SingleLoop(forward=(w2, w3), feedback=torch.ones(3, 7), leak=0.1)
    assert "(7, 3)" in caught.value.expected
    assert "(3, 7)" in caught.value.got
    assert caught.value.remedy == "transpose B"
    with pytest.raises(SpecError, match=r"leave W_1 out"):
        SingleLoop(forward=(w3, w2), feedback=torch.ones(7, 3), leak=0.1)
    with pytest.raises(SpecError, match="activation"):
        SingleLoop(forward=(w2, w3), feedback=torch.ones(7, 3), leak=0.1, activation="tahn")
    loop = _loop((4, 6, 5, 7), leak=0.0)
    with pytest.raises(SpecError, match="7 outputs that control 4 units"):
        linear_steady_state(loop, torch.ones(1, 7))
    for call in (linear_steady_state, solve_steady_state, lambda l, d: simulate_loop(l, d, dt=0.1, steps=1)):
        with pytest.raises(DataError, match="7"):
            call(loop, torch.ones(1, 4))
    with pytest.raises(SpecError, match="dt > 0"):
        simulate_loop(loop, torch.ones(1, 7), dt=-0.1, steps=1)
