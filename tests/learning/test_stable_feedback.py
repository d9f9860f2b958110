"""The smoothed spectral abscissa against its definition, and the feedback weights it makes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from neurosim.errors import SpecError, UnstableError
from neurosim.learning import stable_feedback
from neurosim.learning.stable_feedback import (
    loop_matrix,
    smoothed_abscissa,
    smoothed_loop_abscissa,
    stable_chain_feedback,
    stable_pair_feedback,
    transposed_feedback,
)

Array = NDArray[np.float64]

SHAPES = ((4, 9), (6, 6), (9, 4), (3, 30), (30, 3))
"""(n_l, n_{l−1})."""


def _abscissa(matrix: Array) -> float:
    return float(np.linalg.eigvals(matrix).real.max())


def _differences(function: Callable[[Array], float], at: Array, step: float) -> Array:
    """The gradient by central differences."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        move = np.zeros_like(at)
        move[index] = step
        gradient[index] = (function(at + move) - function(at - move)) / (2 * step)
    return gradient


@pytest.mark.parametrize("smoothing", [1e-3, 0.1, 10.0])
def test_abscissa_solves_its_definition(smoothing: float) -> None:
    """tr P(s) = 1/ε with P from scipy's own solver; s is found to 1e-12 ε, and tr P'/tr P ≤ 2/ε."""
    matrix = np.random.default_rng(0).standard_normal((9, 9))
    s = smoothed_abscissa(matrix, smoothing=smoothing).value
    assert s > _abscissa(matrix) + 0.5 * smoothing
    p = scipy.linalg.solve_continuous_lyapunov(matrix - s * np.eye(9), -np.eye(9))
    assert np.trace(p) == pytest.approx(1 / smoothing, rel=1e-8)


def test_abscissa_of_a_multiple_of_the_identity() -> None:
    """P = I/(2(s − m)): s = m + nε/2, gradient I/n. There both bounds of the root meet."""
    for n in (1, 5):
        got = smoothed_abscissa(-0.3 * np.eye(n), smoothing=0.01)
        assert got.value == pytest.approx(-0.3 + n * 0.005, abs=1e-13)
        np.testing.assert_allclose(got.gradient, np.eye(n) / n, atol=1e-12)


def test_abscissa_tends_to_the_spectral_one() -> None:
    matrix = np.random.default_rng(1).standard_normal((7, 7))
    gaps = [smoothed_abscissa(matrix, smoothing=e).value - _abscissa(matrix) for e in (1e-2, 1e-4, 1e-6)]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 1e-4


@pytest.mark.parametrize("smoothing", [1e-2, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_gradient_against_finite_differences(smoothing: float, seed: int) -> None:
    """Relative 1e-5; central differences of step h are off by h² and by rounding/h, 1e-8 together."""
    matrix = np.random.default_rng(seed).standard_normal((6, 6))
    expected = _differences(lambda m: smoothed_abscissa(m, smoothing=smoothing).value, matrix, 1e-5)
    got = smoothed_abscissa(matrix, smoothing=smoothing).gradient
    assert np.linalg.norm(got - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("sizes", [(6, 4), (3, 5), (5, 4, 3), (4, 3, 5, 2)])
@pytest.mark.parametrize("tau", [1.0, 0.2])
def test_gradient_of_the_feedback_alone(sizes: tuple[int, ...], tau: float) -> None:
    draw = np.random.default_rng(2)
    forward = [draw.standard_normal((n, m)) for m, n in pairwise(sizes)]
    feedback = draw.standard_normal((sizes[0], sizes[-1]))

    def value(b: Array) -> float:
        return smoothed_loop_abscissa(forward, b, leak=0.1, smoothing=0.05, tau_soma=tau).value

    got = smoothed_loop_abscissa(forward, feedback, leak=0.1, smoothing=0.05, tau_soma=tau).gradient
    expected = _differences(value, feedback, 1e-5)
    assert got.shape == feedback.shape
    assert np.linalg.norm(got - expected) < 1e-5 * np.linalg.norm(expected)


def test_matrix_of_a_pair_as_the_facts_write_it() -> None:
    draw = np.random.default_rng(3)
    w, b = draw.standard_normal((3, 5)), draw.standard_normal((5, 3))
    expected = np.block([[-np.eye(5) / 0.2, b / 0.2], [w, -0.7 * np.eye(3)]])
    np.testing.assert_array_equal(loop_matrix([w], b, leak=0.7, tau_soma=0.2), expected)


def test_transposes() -> None:
    draw = np.random.default_rng(4)
    w2, w3, w4 = draw.standard_normal((4, 5)), draw.standard_normal((3, 4)), draw.standard_normal((2, 3))
    np.testing.assert_array_equal(transposed_feedback([w2]), -w2.T)
    np.testing.assert_allclose(transposed_feedback([w2, w3, w4]), -(w4 @ w3 @ w2).T, rtol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0.01, 0.3])
@pytest.mark.parametrize("leak", [0.0, 0.001])
def test_random_pairs_are_stable_at_every_leak_from_theirs_on(
    shape: tuple[int, int], size: float, leak: float
) -> None:
    """(1+α)²(α − Re μ) > (Im μ)² for the eigenvalues μ of WB that can differ from zero, and with the margin."""
    for seed in range(2):
        draw = np.random.default_rng(seed)
        w = draw.uniform(-size, size, shape)
        b = stable_pair_feedback(w, generator=draw, leak=leak)
        assert b.shape == shape[::-1]
        mu = np.linalg.eigvals(w @ b if shape[0] <= shape[1] else b @ w)
        for larger in (leak, leak + 1e-3, leak + 0.1, leak + 3.0):
            assert np.all((1 + larger) ** 2 * (larger - mu.real) > mu.imag**2)
        slowest = ((-(1 + leak) + np.sqrt((1 - leak) ** 2 + 4 * mu)) / 2).real.max()
        drawn = np.random.default_rng(seed)
        drawn.uniform(size=shape)
        gain = np.linalg.norm(w, 2) * np.linalg.norm(drawn.uniform(-0.01, 0.01, shape[::-1]), 2)
        # 1e-9: the slow modes are of matrices of the size 1, known to 1e-15 or, if ill conditioned, 1e-12.
        assert slowest <= -0.1 * min(gain, 0.5) + 1e-9


def test_small_random_weights_are_left_as_drawn_where_the_leak_suffices() -> None:
    """W and B within ±0.01 and α = 0.01: the paper's R-Init of the regression tasks."""
    draw = np.random.default_rng(5)
    w = draw.uniform(-0.01, 0.01, (10, 20))
    b = stable_pair_feedback(w, generator=np.random.default_rng(6), leak=0.01)
    drawn = np.random.default_rng(6).uniform(-0.01, 0.01, (20, 10))
    np.testing.assert_allclose(b, drawn, rtol=0, atol=1e-17)
    # Without leak they are not stable as drawn, and what is made of them is as small.
    assert _abscissa(w @ drawn) > 0
    stable = stable_pair_feedback(w, generator=np.random.default_rng(6))
    assert _abscissa(w @ stable) < 0
    assert np.sqrt(np.mean(stable**2)) < 0.01


def test_stable_random_feedback_is_no_transpose() -> None:
    """It stays between what was drawn (90°) and −Wᵀ (0°)."""
    draw = np.random.default_rng(7)
    w = draw.uniform(-0.2, 0.2, (10, 20))
    b = stable_pair_feedback(w, generator=draw)
    angle = np.degrees(np.arccos(-np.sum(b * w.T) / np.linalg.norm(b) / np.linalg.norm(w)))
    assert 40 < angle < 85


@pytest.mark.parametrize("sizes", [(20, 10, 10), (12, 4, 9), (4, 6, 8, 5)])
@pytest.mark.parametrize("tau", [1.0, 0.2])
def test_random_chains_are_stable(sizes: tuple[int, ...], tau: float) -> None:
    """At the leak asked for and all larger ones, through a bottleneck and with more outputs than units too."""
    draw = np.random.default_rng(8)
    forward = [draw.standard_normal((n, m)) / np.sqrt(m) for m, n in pairwise(sizes)]
    b = stable_chain_feedback(forward, generator=draw, leak=0.001, tau_soma=tau, scale=0.1)
    for leak in (0.001, 0.1, 2.0):
        matrix = loop_matrix(forward, b, leak=leak, tau_soma=tau)
        assert _abscissa(matrix) < -0.999 * min(leak, 0.002)


def test_a_margin_can_be_asked_for() -> None:
    draw = np.random.default_rng(9)
    w = draw.standard_normal((4, 8)) / 2
    b = stable_pair_feedback(w, generator=draw, leak=0.0, margin=0.2)
    assert _abscissa(loop_matrix([w], b, leak=0.0)) <= -0.2 + 1e-12


def test_lost_ranks_do_not_count() -> None:
    """Modes that no feedback reaches decay with α alone; the others are made stable without leak."""
    draw = np.random.default_rng(10)
    w = np.outer(draw.standard_normal(5), draw.standard_normal(6))
    b = stable_pair_feedback(w, generator=draw)
    assert np.trace(w @ b) < 0  # the one eigenvalue that is not zero
    np.testing.assert_array_equal(
        stable_pair_feedback(0 * w, generator=np.random.default_rng(1)),
        np.random.default_rng(1).uniform(-0.01, 0.01, (6, 5)),
    )


def test_the_generator_decides() -> None:
    w = np.random.default_rng(11).standard_normal((4, 6))
    first, again, other = (stable_pair_feedback(w, generator=np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_only_a_part_of_a_large_layer_is_worked_on() -> None:
    """1000 units: B changes on the 20 directions that W reads and B drives, in a fraction of a second."""
    w = np.random.default_rng(12).uniform(-0.03, 0.03, (10, 1000))
    b = stable_pair_feedback(w, generator=np.random.default_rng(13))
    drawn = np.random.default_rng(13).uniform(-0.01, 0.01, (1000, 10))
    assert _abscissa(w @ b) < 0
    basis, _ = np.linalg.qr(np.hstack([w.T, drawn]))
    change = b - drawn
    np.testing.assert_allclose(basis @ (basis.T @ change), change, rtol=0, atol=1e-14)


def test_a_descent_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable_feedback, "_MOST_STEPS", 2)
    draw = np.random.default_rng(14)
    with pytest.raises(UnstableError) as caught:
        stable_pair_feedback(draw.standard_normal((4, 6)), generator=draw, scale=1.0)
    assert "transpose" in caught.value.remedy


def test_bad_input_is_named() -> None:
    draw = np.random.default_rng(15)
    w = draw.standard_normal((3, 5))
    with pytest.raises(SpecError) as caught:
        loop_matrix([w], w, leak=0.1)
    assert "(5, 3)" in caught.value.expected
    assert "(3, 5)" in caught.value.expected
    assert "(3, 5)" in caught.value.got
    assert caught.value.remedy
    for forward in ([w, w], [], [np.ones(3)]):
        with pytest.raises(SpecError, match="follow each other"):
            stable_chain_feedback(forward, generator=draw)
    for margin in (0.0, -1.0, 0.6, float("nan")):
        with pytest.raises(SpecError, match="margin"):
            stable_pair_feedback(w, generator=draw, leak=0.1, margin=margin)
    with pytest.raises(SpecError, match="spectrum"):
        smoothed_abscissa(w, smoothing=0.1)
    with pytest.raises(SpecError, match="spectrum"):
        smoothed_abscissa(np.full((2, 2), np.nan), smoothing=0.1)
    with pytest.raises(SpecError, match="smoothing"):
        smoothed_abscissa(np.eye(2), smoothing=0.0)
