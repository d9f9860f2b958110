"""Angles of updates that are never built, against those of the updates; angles of weights against arccos."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference import Updates, angle
from neurosim.reference.measures import feedback_angles, layer_angles, sample_angles, vector_angles
from neurosim.reference.training import Terms

BATCH = 4
POST, PRE = (6, 5, 3), (7, 6, 5)


def _draw(seed: int, sizes: tuple[int, ...]) -> tuple[Tensor, ...]:
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(BATCH, n, generator=draw, dtype=torch.float64) for n in sizes)


def _terms(seed: int) -> Terms:
    return Terms(post=_draw(seed, POST), pre=_draw(seed + 100, PRE))


def _sample(terms: Terms, k: int) -> Updates:
    return Terms(
        post=tuple(x[k : k + 1] for x in terms.post), pre=tuple(r[k : k + 1] for r in terms.pre)
    ).mean()


def test_angles_of_samples_are_those_of_their_updates() -> None:
    first, second = _terms(0), _terms(1)
    got = sample_angles(first, second)
    expected = [angle(_sample(first, k), _sample(second, k), biases=True) for k in range(BATCH)]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)


def test_angles_of_nearly_parallel_updates_keep_their_digits() -> None:
    """Turned by t in the plane of two orthogonal updates; acos of a scalar product would give 0 below 1e-8."""
    first = _terms(0)
    for turn in (1e-10, 1e-6, 0.1):
        # orthogonal: the same pre, and post with opposite signs in halves of equal weight
        post = tuple(torch.cat([x, x], dim=1) for x in first.post)
        other = tuple(torch.cat([x, -x], dim=1) for x in first.post)
        turned = tuple(math.cos(turn) * x + math.sin(turn) * y for x, y in zip(post, other, strict=True))
        whole, second = Terms(post=post, pre=first.pre), Terms(post=turned, pre=first.pre)
        got = sample_angles(whole, second)
        # rounding of the entries is 1e-16 of them
        np.testing.assert_allclose(got.numpy(), math.degrees(turn), rtol=1e-5)
    back = Terms(post=tuple(-2.0 * x for x in first.post), pre=first.pre)
    np.testing.assert_allclose(sample_angles(first, back).numpy(), 180.0, rtol=1e-12)
    assert (sample_angles(first, first) == 0).all()
    # different splits of the same product, post preᵀ = (2 post)(pre/2)ᵀ, differ by their biases only
    split = Terms(post=tuple(2.0 * x for x in first.post), pre=tuple(0.5 * r for r in first.pre))
    expected = [angle(_sample(first, k), _sample(split, k), biases=True) for k in range(BATCH)]
    np.testing.assert_allclose(sample_angles(first, split).numpy(), expected, rtol=1e-10)


def test_no_update_has_no_angle() -> None:
    first = _terms(0)
    silent = Terms(post=tuple(torch.cat([0 * x[:1], x[1:]]) for x in first.post), pre=first.pre)
    got = sample_angles(first, silent)
    assert math.isnan(float(got[0]))
    assert (got[1:] == 0).all()
    with pytest.raises(DataError, match="different networks"):
        sample_angles(first, Terms(post=first.post[:2], pre=first.pre[:2]))


def test_layers_are_compared_by_their_post_synaptic_terms() -> None:
    first, second = _terms(0), _terms(1)
    got = layer_angles(first, second)
    assert got.shape == (3, BATCH)
    for l, (x, y) in enumerate(zip(first.post, second.post, strict=True)):
        cosine = (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))
        np.testing.assert_allclose(got[l].numpy(), np.degrees(np.arccos(cosine.numpy())), rtol=1e-10)
    assert float(vector_angles([[1.0, 0.0]], [[0.0, 2.0]])) == pytest.approx(90.0, rel=1e-15)


def test_feedback_is_compared_with_the_negative_transpose() -> None:
    draw = np.random.default_rng(0)
    forward = [draw.standard_normal((5, 6)), draw.standard_normal((3, 5))]
    exact = [-3.0 * w.T for w in forward]
    assert feedback_angles(forward, exact) == pytest.approx((0.0, 0.0), abs=1e-13)  # the rounding of 3 W
    assert feedback_angles(forward, exact, sign=1) == pytest.approx((180.0, 180.0), rel=1e-14)
    noisy = [b + 0.5 * draw.standard_normal(b.shape) for b in exact]
    for got, w, b in zip(feedback_angles(forward, noisy), forward, noisy, strict=True):
        # tr(B(−W)) over the Frobenius norms
        cosine = np.trace(b @ -w) / (np.linalg.norm(b) * np.linalg.norm(w))
        assert got == pytest.approx(math.degrees(math.acos(cosine)), rel=1e-10)
    with pytest.raises(DataError, match="do not fit"):
        feedback_angles(forward, forward)
    with pytest.raises(DataError, match="do not fit"):
        feedback_angles(forward, exact[:1])
