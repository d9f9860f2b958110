"""How the error at the output reaches the layers, as a shape of wiring; knows no engine and draws no weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

Shapes = tuple[tuple[int, int], ...]


@attrs.frozen
class LayerwiseTranspose:
    """The transposed feedforward weights, layer by layer, always up to date: backpropagation's path."""


@attrs.frozen
class LayerwisePseudoinverse:
    """W_l⁺, layer by layer, always up to date (pseudobackprop; Podlaski and Machens 2020, eq. 4)."""


@attrs.frozen
class FixedLayerwise:
    """B_l (n_{l−1}, n_l), layer by layer, l = 2..L, never learned (Podlaski and Machens 2020, eq. 4 and 5)."""

    initial: str = "transpose"
    sign: int = -1
    """Of the transpose: B_l = sign · W_lᵀ. A loop around W_l B_l needs −1, an open path +1."""


@attrs.frozen
class SingleLoop:
    """B (n_1, n_L), from the output to the first hidden layer, never learned (same paper, figure 2c)."""

    initial: str = "transpose"


@attrs.frozen
class FixedDirect:
    """Q_l (n_l, n_L) from the output to every layer, never learned (Meulemans et al. 2021, "fixed" rows)."""

    initial: str = "transpose"


@attrs.frozen
class LearnedDirect:
    """Q_l (n_l, n_L), learned from noise (same paper, eq. 12 and 13)."""

    initial: str = "random"
    awake: bool = False
    """Learned all the time with a high-passed u (App. C.3), or in a sleep phase of its own."""


@attrs.frozen
class FixedRelayed:
    """R_l (n_l, n_{l+1}) from the apical compartments above, R_L (n_L, n_L) from the controller: v_fb,L = R_L u,
    v_fb,l = R_l v_fb,l+1 (layerwise feedback of App. H); never learned."""

    initial: str = "transpose"


@attrs.frozen
class Decoders:
    """Ω_l (n_{l−1}, n_l), l = 2..L: g_l(h) = Ω_l σ(h), learned as auto-encoder (Bengio 2020).

    Programmed with W_lᵀ at the start, they are near an inverse from the first presentation on.
    """

    initial: str = "transpose"


Feedback = (
    LayerwiseTranspose
    | LayerwisePseudoinverse
    | FixedLayerwise
    | SingleLoop
    | FixedDirect
    | LearnedDirect
    | FixedRelayed
    | Decoders
)


def feedback_shapes(feedback: Feedback, layers: Sequence[int]) -> Shapes:
    """The feedback weights that are stored, (n_post, n_pre) each, for sizes n_0..n_L; none where the path is
    made of the feedforward weights."""
    return _SHAPES[type(feedback)](tuple(layers))


def feedback_ends(feedback: Feedback, layers: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """(source, target) of each of them, as parts of a network."""
    depth = len(layers) - 1
    if isinstance(feedback, FixedDirect | LearnedDirect):
        return tuple(("controller", f"layer_{l}") for l in range(1, depth + 1))
    if isinstance(feedback, FixedRelayed):
        above = [f"layer_{l}" for l in range(2, depth + 1)]
        return tuple((source, f"layer_{l}") for l, source in enumerate([*above, "controller"], start=1))
    if isinstance(feedback, SingleLoop):
        return ((f"layer_{depth}", "layer_1"),) if depth > 1 else ()
    return tuple(
        (f"layer_{l}", f"layer_{l - 1}") for l in range(2, 2 + len(feedback_shapes(feedback, layers)))
    )


def direct_feedback_weights(forward: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...]:
    """Q_l = Π_{k>l} W_kᵀ for feedforward weights W_1..W_L, each (n_l, n_{l−1}); Q_l is (n_l, n_L)."""
    product = np.eye(forward[-1].shape[0])
    weights = [product]
    for matrix in reversed(forward[1:]):
        product = matrix.T @ product
        weights.append(product)
    return tuple(reversed(weights))


def _none(_: tuple[int, ...]) -> Shapes:
    return ()


def _layerwise(layers: tuple[int, ...]) -> Shapes:
    return tuple(pairwise(layers[1:]))


def _single(layers: tuple[int, ...]) -> Shapes:
    return ((layers[1], layers[-1]),) if len(layers) > 2 else ()


def _direct(layers: tuple[int, ...]) -> Shapes:
    return tuple((n, layers[-1]) for n in layers[1:])


def _relayed(layers: tuple[int, ...]) -> Shapes:
    return tuple(pairwise((*layers[1:], layers[-1])))


_SHAPES: dict[type[Any], Callable[[tuple[int, ...]], Shapes]] = {
    LayerwiseTranspose: _none,
    LayerwisePseudoinverse: _none,
    FixedLayerwise: _layerwise,
    SingleLoop: _single,
    FixedDirect: _direct,
    LearnedDirect: _direct,
    FixedRelayed: _relayed,
    Decoders: _layerwise,
}
