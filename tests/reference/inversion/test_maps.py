"""The maps of BP, PBP and NDI against each other and against their definitions."""

import numpy as np
import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference.inversion import inverse_map, inverse_maps, pseudo_inverse_maps, transposed_maps

from .cases import SHAPES, make_pair, normal


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("leak", [0.01, 1.0])
def test_both_forms_of_the_inverse_agree(shape: tuple[int, int], leak: float) -> None:
    """B(WB − αI)⁻¹ = (BW − αI)⁻¹B; the larger system has the condition ‖·‖/α ≲ 1e4, so 1e-10."""
    pair = make_pair(np.random.default_rng(0), shape, leak=leak)
    w, b = pair.forward, pair.feedback
    outer = b @ torch.linalg.inv(w @ b - leak * torch.eye(shape[0], dtype=w.dtype))
    inner = torch.linalg.inv(b @ w - leak * torch.eye(shape[1], dtype=w.dtype)) @ b
    got = inverse_map(w, b, leak=leak)
    assert got.shape == (shape[1], shape[0])
    for form in (outer, inner):
        torch.testing.assert_close(got, form, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_transposed_feedback_tends_to_the_pseudo_inverse(shape: tuple[int, int]) -> None:
    """With B = −Wᵀ the map is W⁺ less α/(σ(σ² + α)) at every singular value: +W⁺ in the limit."""
    w = normal(np.random.default_rng(1), *shape)
    smallest = float(torch.linalg.svdvals(w)[-1])
    (pseudo,) = pseudo_inverse_maps([w])
    for leak in (1e-2, 1e-4, 1e-6):
        missing = torch.linalg.matrix_norm(inverse_map(w, -w.T, leak=leak) - pseudo, 2)
        # The difference of two maps of the size 1/σ, at 1e-14 each, is 1e-8 of its own size or better.
        assert float(missing) == pytest.approx(leak / (smallest * (smallest**2 + leak)), rel=1e-6)
    # Rounding times the squared condition number of W, below 1e3 here.
    torch.testing.assert_close(inverse_map(w, -w.T, leak=0), pseudo, rtol=0, atol=1e-11 / smallest)


def test_square_layers_are_inverted_whatever_the_feedback() -> None:
    """B(WB)⁻¹ = W⁻¹ (eq. 12)."""
    draw = np.random.default_rng(2)
    w, b = normal(draw, 5, 5), normal(draw, 5, 5)
    # Rounding times the condition number of WB, about 1e3.
    torch.testing.assert_close(inverse_map(w, b, leak=0) @ w, torch.eye(5, dtype=w.dtype), rtol=0, atol=1e-11)


def test_maps_lead_down() -> None:
    draw = np.random.default_rng(3)
    forward = [normal(draw, 4, 6), normal(draw, 3, 4)]
    feedback = [-w.T for w in forward]
    for maps in (
        transposed_maps(forward),
        pseudo_inverse_maps(forward),
        inverse_maps(forward, feedback, leak=0.1),
    ):
        assert [tuple(m.shape) for m in maps] == [(6, 4), (4, 3)]
    torch.testing.assert_close(transposed_maps(forward)[1], forward[1].T, rtol=0, atol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_singular_layer_is_named(shape: tuple[int, int]) -> None:
    draw = np.random.default_rng(4)
    w = normal(draw, *shape)
    w[:, 0] = 0.0
    w[0] = 0.0  # so that both WB and BW have lost a rank
    good = normal(draw, 3, shape[0])
    forward, feedback = [w, good], [normal(draw, *shape[::-1]), -good.T]
    with pytest.raises(SpecError) as caught:
        inverse_maps(forward, feedback, leak=0.0)
    assert caught.value.where == "layer 2"
    assert str(shape[0]) in caught.value.what
    assert str(shape[1]) in caught.value.what
    assert "α > 0" in caught.value.remedy
    # The remedy works. The other layer is inverted with α, too.
    assert all(torch.isfinite(m).all() for m in inverse_maps(forward, feedback, leak=0.01))


def test_a_leak_that_meets_an_eigenvalue_is_singular_too() -> None:
    with pytest.raises(SpecError, match="singular"):
        inverse_map(torch.eye(2), 0.5 * torch.eye(2), leak=0.5)


@pytest.mark.parametrize("leak", [-0.1, float("nan"), float("inf")])
def test_bad_leak(leak: float) -> None:
    with pytest.raises(SpecError, match="leak"):
        inverse_map(torch.eye(2), -torch.eye(2), leak=leak)


def test_feedback_that_does_not_fit() -> None:
    w = torch.ones(3, 5)
    with pytest.raises(SpecError) as caught:
        inverse_maps([w], [w], leak=0.1)
    assert caught.value.where == "layer 2"
    assert "(5, 3)" in caught.value.expected
    assert "(3, 5)" in caught.value.expected
    assert "(3, 5)" in caught.value.got
    assert "transpose" in caught.value.remedy
    with pytest.raises(SpecError, match="1 matrices"):
        inverse_maps([w], [w.T, w.T], leak=0.1)
    for maps in (transposed_maps, pseudo_inverse_maps):
        with pytest.raises(SpecError, match="layer 2"):
            maps([torch.ones(3)])
