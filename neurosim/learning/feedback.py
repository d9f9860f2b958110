"""How the error at the output reaches the layers; knows no engine."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray


@attrs.frozen
class FixedDirect:
    """Q_l = W_{l+1}ᵀ ⋯ W_Lᵀ at the start, Q_L = I, never learned (Meulemans et al. 2021, "fixed" rows)."""


@attrs.frozen
class LayerwiseTranspose:
    """The transposed feedforward weights, layer by layer, always up to date: backpropagation's path."""


Feedback = FixedDirect | LayerwiseTranspose


def direct_feedback_weights(forward: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...]:
    """Q_l = Π_{k>l} W_kᵀ for feedforward weights W_1..W_L, each (n_l, n_{l−1}); Q_l is (n_l, n_L)."""
    product = np.eye(forward[-1].shape[0])
    weights = [product]
    for matrix in reversed(forward[1:]):
        product = matrix.T @ product
        weights.append(product)
    return tuple(reversed(weights))
