"""Initial weights: variance, orthogonality, and streams that do not disturb each other."""

import numpy as np
import pytest

from neurosim.learning.initial import initial_weights
from neurosim.spec import Network


@pytest.mark.parametrize("kind", ["xavier_normal", "xavier_uniform"])
def test_variance_is_glorots(kind: str) -> None:
    network = Network(layers=(300, 200), initial_weights=kind, initial_gain=3.0)
    (weights,), (bias,) = initial_weights(network, 1)
    # 60000 draws: the standard deviation is known to 0.3 %; three of those.
    assert weights.std() == pytest.approx(3 * np.sqrt(2 / 500), rel=0.01)
    assert abs(weights.mean()) < 3 * weights.std() / np.sqrt(weights.size)
    assert not bias.any()


@pytest.mark.parametrize("sizes", [(7, 4), (4, 7), (5, 5)])
def test_orthogonal_has_singular_values_of_the_gain(sizes: tuple[int, int]) -> None:
    (weights,), _ = initial_weights(Network(layers=sizes, initial_weights="orthogonal", initial_gain=0.5), 0)
    assert weights.shape == sizes[::-1]
    np.testing.assert_allclose(np.linalg.svd(weights, compute_uv=False), 0.5, rtol=1e-14)


def test_same_seed_same_weights_and_each_layer_its_own_stream() -> None:
    first, _ = initial_weights(Network(layers=(4, 5, 3)), 11)
    again, _ = initial_weights(Network(layers=(4, 5, 3)), 11)
    wider, _ = initial_weights(Network(layers=(9, 5, 3)), 11)
    other, _ = initial_weights(Network(layers=(4, 5, 3)), 12)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.array_equal(first[1], wider[1])
    assert not np.array_equal(first[1], other[1])
