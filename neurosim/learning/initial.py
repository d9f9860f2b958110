"""The weights a network starts with, drawn from named streams; knows no engine and no device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neurosim.spec.network import Network
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Array]


def initial_weights(network: Network, seed: int) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Feedforward weights and biases of layers 1..L at the start of training.

    Each layer draws from a stream of its own, so that a layer's weights do not depend on the sizes before it.

    Returns
    -------
    forward : W_l, (n_l, n_{l−1}), initial_gain times the distribution `network.initial_weights`.
    biases : b_l, (n_l,), zero.
    """
    draw = _DRAWS[network.initial_weights]
    forward = tuple(
        network.initial_gain * draw(stream(seed, "initial_weights", position + 1), n_out, n_in)
        for position, (n_in, n_out) in enumerate(zip(network.layers[:-1], network.layers[1:], strict=True))
    )
    return forward, tuple(np.zeros(n) for n in network.layers[1:])


def xavier_normal(generator: np.random.Generator, n_out: int, n_in: int) -> Array:
    """Normal with the variance 2/(n_in + n_out) (Glorot and Bengio 2010)."""
    return generator.standard_normal((n_out, n_in)) * np.sqrt(2.0 / (n_in + n_out))


def _xavier_uniform(generator: np.random.Generator, n_out: int, n_in: int) -> Array:
    """Uniform with the same variance (Glorot and Bengio 2010)."""
    bound = np.sqrt(6.0 / (n_in + n_out))
    return generator.uniform(-bound, bound, (n_out, n_in))


def _orthogonal(generator: np.random.Generator, n_out: int, n_in: int) -> Array:
    """Orthonormal rows or columns, whichever are fewer, uniform over such matrices (Saxe et al. 2014)."""
    tall = generator.standard_normal((max(n_out, n_in), min(n_out, n_in)))
    basis, triangle = np.linalg.qr(tall)
    basis = basis * np.where(
        np.diag(triangle) < 0, -1.0, 1.0
    )  # makes the factorisation, and so the law, unique
    return np.ascontiguousarray(basis if n_out >= n_in else basis.T)


_DRAWS: dict[str, Draw] = {
    "xavier_normal": xavier_normal,
    "xavier_uniform": _xavier_uniform,
    "orthogonal": _orthogonal,
}
