"""Angles between updates, and between feedback and forward weights, in degrees; knows no method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.tensors import double
from neurosim.reference.training.terms import Terms


def sample_angles(first: Terms, second: Terms) -> Tensor:
    """Between the updates of all W and b in one vector, sample by sample, (B,); NaN where one of them is zero.

    2 atan2(‖x − y‖, ‖x + y‖) of the unit vectors, without building them: post preᵀ − post' pre'ᵀ is
    (post − post') preᵀ + post' (pre − pre')ᵀ, which keeps its digits where both are nearly the same.

    Raises
    ------
    DataError : terms of different networks.
    """
    _check_alike(first, second)
    one, other = _unit(first), _unit(second)
    opposite = Terms(post=tuple(-x for x in other.post), pre=other.pre)
    return _degrees(_distance(one, other), _distance(one, opposite))


def layer_angles(first: Terms, second: Terms) -> Tensor:
    """Between the post-synaptic terms of each layer, (L, B): of errors δ_l (Podlaski and Machens 2020, figure 3d)."""
    _check_alike(first, second)
    return torch.stack([vector_angles(x, y) for x, y in zip(first.post, second.post, strict=True)])


def vector_angles(first: Any, second: Any) -> Tensor:
    """Between the rows of two matrices (B, n), (B,); NaN where one of them is zero."""
    x, y = (torch.nn.functional.normalize(double(v), dim=1, eps=0.0) for v in (first, second))
    return _degrees(torch.linalg.vector_norm(x - y, dim=1), torch.linalg.vector_norm(x + y, dim=1))


def feedback_angles(forward: Sequence[Any], feedback: Sequence[Any], *, sign: int = -1) -> tuple[float, ...]:
    """∠(B_l, sign · W_lᵀ) for l = 2..L, all entries of a matrix in one vector (figure 3e, where it is −W_lᵀ).

    forward : W_2..W_L, feedback : B_2..B_L.

    Raises
    ------
    DataError : matrices that are not each other's transposes in shape.
    """
    pairs = [(double(w), double(b)) for w, b in zip(forward, feedback, strict=False)]
    if len(forward) != len(feedback) or any(w.T.shape != b.shape for w, b in pairs):
        raise DataError(
            "feedback weights do not fit the forward weights",
            where="feedback",
            expected=str([tuple(double(w).T.shape) for w in forward]),
            got=str([tuple(double(b).shape) for b in feedback]),
        )
    return tuple(float(vector_angles(b.reshape(1, -1), sign * w.T.reshape(1, -1))) for w, b in pairs)


def _check_alike(first: Terms, second: Terms) -> None:
    shapes = [[tuple(x.shape) for x in (*terms.post, *terms.pre)] for terms in (first, second)]
    if shapes[0] != shapes[1]:
        raise DataError("terms of different networks", expected=str(shapes[0]), got=str(shapes[1]))


def _unit(terms: Terms) -> Terms:
    """Divided by the norm of the sample's whole update, biases included."""
    squares = [
        x.square().sum(1) * (r.square().sum(1) + 1.0) for x, r in zip(terms.post, terms.pre, strict=True)
    ]
    norm = torch.stack(squares).sum(0).sqrt()
    return Terms(post=tuple(x / norm[:, None] for x in terms.post), pre=terms.pre)


def _distance(first: Terms, second: Terms) -> Tensor:
    """‖post preᵀ − post' pre'ᵀ‖ over all layers and biases, (B,)."""
    total = torch.zeros_like(first.post[0][:, 0])
    for x, r, y, s in zip(first.post, first.pre, second.post, second.pre, strict=True):
        apart, gap = x - y, r - s
        total = total + apart.square().sum(1) * (r.square().sum(1) + 1.0)
        total = total + y.square().sum(1) * gap.square().sum(1)
        total = total + 2.0 * (apart * y).sum(1) * (gap * r).sum(1)
    return total.clamp(min=0.0).sqrt()


def _degrees(apart: Tensor, together: Tensor) -> Tensor:
    return torch.rad2deg(2.0 * torch.atan2(apart, together))
