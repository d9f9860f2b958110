"""The criterion and the modes from the spectrum of WB, against the eigenvalues of the whole system."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from neurosim.reference.inversion import Pair, is_stable, loop_eigenvalues, modes, system_matrix

from .cases import SHAPES, Complex, farthest_match, gain_pair, make_pair, normal


def _spectrum(pair: Pair) -> Complex:
    return torch.linalg.eigvals(system_matrix(pair)).numpy()


def _random_pair(draw: np.random.Generator, **settings: Any) -> Pair:
    """Any sizes up to 7, gains over three decades, α over four; about half of them are stable."""
    shape = tuple(int(n) for n in draw.integers(1, 8, 2))
    settings.setdefault("leak", float(10.0 ** draw.uniform(-3, 1)))
    w = normal(draw, *shape)
    b = normal(draw, *shape[::-1], size=10.0 ** draw.uniform(-2, 1)) - draw.uniform(0, 1) * w.T
    return Pair(forward=w, feedback=b, **settings)


def test_the_criterion_is_exact() -> None:
    """On 1000 random W, B, α it says what the spectrum of [[−I, B], [W, −αI]] says, and is not one-sided.

    Within 1e-9 of the border rounding of the spectrum decides; no draw comes that close.
    """
    draw = np.random.default_rng(0)
    stable = 0
    for _ in range(1000):
        pair = _random_pair(draw)
        abscissa = _spectrum(pair).real.max()
        assert abs(abscissa) > 1e-9
        assert is_stable(pair) == (abscissa < 0)
        mu = torch.linalg.eigvals(pair.forward @ pair.feedback).numpy()
        literal = (1 + pair.leak) ** 2 * (pair.leak - mu.real) > mu.imag**2
        assert bool(literal.all()) == (abscissa < 0)
        stable += abscissa < 0
    assert 250 < stable < 750


@pytest.mark.parametrize("swapped", [False, True])
def test_the_criterion_is_exact_for_any_time_constants(swapped: bool) -> None:
    draw = np.random.default_rng(1)
    stable = 0
    for _ in range(300):
        taus = {"tau_state": 10.0 ** draw.uniform(-1, 1), "tau_control": 10.0 ** draw.uniform(-1, 1)}
        pair = _random_pair(draw, swapped=swapped, **taus)
        abscissa = _spectrum(pair).real.max()
        assert is_stable(pair) == (abscissa < 0)
        stable += abscissa < 0
    assert 60 < stable < 240


def test_an_imaginary_part_can_destabilise_a_loop_with_negative_real_parts() -> None:
    """μ = −k ± iω with (1+α)²(α + k) = ω² lies on the border."""
    leak, k = 0.1, 0.4
    border = (1 + leak) * (leak + k) ** 0.5
    for omega, expected in ((0.999 * border, True), (1.001 * border, False)):
        rotation = torch.tensor([[-k, omega], [-omega, -k]])
        pair = Pair(forward=torch.eye(2), feedback=rotation, leak=leak)
        assert is_stable(pair) is expected
        assert (_spectrum(pair).real.max() < 0) is np.bool_(expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("taus", [(1.0, 1.0), (0.2, 1.0), (3.0, 0.5)])
def test_modes_are_the_spectrum(shape: tuple[int, int], swapped: bool, taus: tuple[float, float]) -> None:
    """All of it, the modes without feedback included; the condition of these eigenvalues is below 1e4."""
    draw = np.random.default_rng(2)
    for leak in (0.0, 0.05, 2.0):
        pair = make_pair(draw, shape, leak=leak, swapped=swapped, tau_state=taus[0], tau_control=taus[1])
        assert farthest_match(modes(pair), _spectrum(pair)) < 1e-9


def test_modes_as_the_facts_write_them() -> None:
    """λ = [−(1+α) ± √((1−α)² + 4μ)]/2 for τ = 1."""
    pair = make_pair(np.random.default_rng(3), (5, 5), leak=0.3)
    mu = loop_eigenvalues(pair)
    root = np.sqrt((1 - 0.3) ** 2 + 4 * mu)
    expected = np.concatenate([(-1.3 + root) / 2, (-1.3 - root) / 2])
    np.testing.assert_allclose(modes(pair), expected, rtol=1e-13)


def test_slow_modes_keep_their_digits() -> None:
    """λ = −(α + k) to first order, however slow: the square root alone would lose it."""
    (slow, fast) = sorted(modes(gain_pair(1e-14, leak=1e-14)), key=abs)
    assert slow.real == pytest.approx(-2e-14, rel=1e-12)
    assert fast.real == pytest.approx(-1.0, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_negative_transposes_are_always_stable(shape: tuple[int, int]) -> None:
    """WB = −WWᵀ has no positive eigenvalue and no imaginary part (paper, sec. 3.2)."""
    draw = np.random.default_rng(4)
    for size in (1e-3, 1.0, 1e3):
        w = normal(draw, *shape, size=size)
        assert is_stable(Pair(forward=w, feedback=-w.T, leak=1e-3))
        assert not is_stable(Pair(forward=w, feedback=w.T, leak=1e-9))


def test_without_leak_only_the_larger_layer_has_modes_to_lose() -> None:
    w = normal(np.random.default_rng(5), 7, 4)
    for forward, swapped, expected in (
        (w, False, False),
        (w, True, True),
        (w.T, False, True),
        (w.T, True, False),
    ):
        pair = Pair(forward=forward, feedback=-forward.T, leak=0.0, swapped=swapped)
        assert is_stable(pair) is expected
