"""Simulated inversion of whole networks against the solved one, in the setting of the paper."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError, UnstableError
from neurosim.learning.stable_feedback import stable_pair_feedback
from neurosim.reference.inversion import Inverted, inverse_maps, invert_sequentially, pairs_of, propagate

from .cases import degrees

NETWORKS = ((30, 20, 10), (30, 20, 10, 10))


def _setting(
    sizes: tuple[int, ...], *, size: float, seed: int, leak: float, random: bool = False
) -> tuple[list[Tensor], list[Tensor], Tensor, list[Tensor]]:
    """W ~ U(±size), B = −Wᵀ or random within ±0.01 and stable, errors, slopes of tanh."""
    draw = np.random.default_rng(seed)
    forward = [draw.uniform(-size, size, (n, m)) for m, n in pairwise(sizes[1:])]
    feedback = [stable_pair_feedback(w, generator=draw, leak=leak) if random else -w.T for w in forward]
    delta = torch.tensor(draw.standard_normal((6, sizes[-1])))
    slopes = [1 - torch.tanh(torch.tensor(0.5 * draw.standard_normal((6, n)))) ** 2 for n in sizes[1:-1]]
    return [torch.tensor(w) for w in forward], [torch.tensor(b) for b in feedback], delta, slopes


def _worst_angle(sizes: tuple[int, ...], leak: float, **settings: Any) -> tuple[float, Inverted]:
    """Between simulated and solved errors, over layers and samples."""
    forward, feedback, delta, slopes = _setting(sizes, leak=leak, **settings)
    simulated = invert_sequentially(pairs_of(forward, feedback, leak=leak), delta, slopes=slopes)
    solved = propagate(inverse_maps(forward, feedback, leak=leak), delta, slopes=slopes)
    angles = [degrees(x, y).max() for x, y in zip(simulated.deltas[:-1], solved[:-1], strict=True)]
    return float(torch.stack(angles).max()), simulated


@pytest.mark.parametrize("sizes", NETWORKS)
@pytest.mark.parametrize("random", [False, True])
def test_simulated_is_solved_at_a_leak_of_a_hundredth(sizes: tuple[int, ...], random: bool) -> None:
    """Below 0.5° after 1000 explicit steps of 0.5, W ~ U(±0.01), as in the paper's regression tasks.

    All slow modes decay with about α, so e⁻⁵ of the way is missing, in nearly the same direction.
    """
    for seed in range(3):
        worst, _ = _worst_angle(sizes, 0.01, size=0.01, seed=seed, random=random)
        assert 1e-3 < worst < 0.5


@pytest.mark.parametrize("sizes", NETWORKS)
@pytest.mark.parametrize("size", [0.03, 0.1, 0.3])
def test_simulated_is_solved_for_larger_weights(sizes: tuple[int, ...], size: float) -> None:
    """With B = −Wᵀ, faster modes only help."""
    worst, _ = _worst_angle(sizes, 0.01, size=size, seed=0)
    assert worst < 0.5


def test_a_smaller_leak_does_not_settle_in_that_time() -> None:
    """At α = 0.001 and W ~ U(±0.01) T = 500 is half a time constant; what is left is told."""
    worst, slow = _worst_angle((30, 20, 10), 0.001, size=0.01, seed=0)
    assert worst > 3
    _, settled = _worst_angle((30, 20, 10), 0.01, size=0.3, seed=0)
    assert float(slow.unsettled[0].min()) > 1e-3
    assert float(settled.unsettled[0].max()) < 1e-6


def test_both_schemes_end_at_the_solved_errors_when_settled() -> None:
    """Modes at least as fast as α = 0.2 leave e⁻¹⁰⁰ of the way."""
    forward, feedback, delta, slopes = _setting((30, 20, 10, 10), size=0.2, seed=1, leak=0.2)
    solved = propagate(inverse_maps(forward, feedback, leak=0.2), delta, slopes=slopes)
    for scheme in ("explicit", "semi-implicit"):
        got = invert_sequentially(pairs_of(forward, feedback, leak=0.2), delta, slopes=slopes, scheme=scheme)
        for ours, theirs in zip(got.deltas, solved, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


def test_an_error_of_zero_stays_zero() -> None:
    forward, feedback, delta, slopes = _setting((30, 20, 10), size=0.2, seed=1, leak=0.2)
    got = invert_sequentially(pairs_of(forward, feedback, leak=0.2), 0 * delta, slopes=slopes, steps=10)
    assert not got.deltas[0].any()
    assert not got.unsettled[0].any()


def test_weights_too_large_for_the_step_are_refused_by_layer() -> None:
    """Explicit Euler with dt = 0.5 and α = 0.01 allows ‖W‖² up to 2.01."""
    forward, feedback, delta, slopes = _setting((30, 20, 10, 10), size=0.1, seed=0, leak=0.01)
    forward[1] = 2.0 * torch.eye(10, dtype=torch.float64)
    feedback[1] = -forward[1].T
    with pytest.raises(UnstableError, match="layer 3"):
        invert_sequentially(pairs_of(forward, feedback, leak=0.01), delta, slopes=slopes)
    pairs = pairs_of(forward, feedback, leak=0.01)
    invert_sequentially(pairs, delta, slopes=slopes, scheme="semi-implicit", steps=10)
    feedback[0] = forward[0].T
    with pytest.raises(UnstableError, match="layer 2: the pair does not settle"):
        invert_sequentially(pairs_of(forward, feedback, leak=0.01), delta, slopes=slopes)


def test_bad_input_is_named() -> None:
    forward, feedback, delta, slopes = _setting((30, 20, 10), size=0.2, seed=1, leak=0.2)
    with pytest.raises(SpecError, match="1 matrices"):
        pairs_of(forward, [*feedback, *feedback], leak=0.1)
    pairs = pairs_of(forward, feedback, leak=0.1)
    with pytest.raises(SpecError, match=r"1, of layers 1\.\.1"):
        invert_sequentially(pairs, delta, slopes=[*slopes, delta])
    with pytest.raises(DataError, match="slopes"):
        invert_sequentially(pairs, delta, slopes=[slopes[0][:, :3]], steps=1)
    with pytest.raises(DataError, match="delta"):
        invert_sequentially(pairs, slopes[0], slopes=slopes, steps=1)
