"""The table of methods, and the feedback weights that are fixed at the start."""

from functools import reduce

import numpy as np
import pytest

from neurosim.errors import SpecError
from neurosim.learning import (
    METHODS,
    AtSteadyState,
    Controlled,
    FixedDirect,
    Gradient,
    LayerwiseTranspose,
    Method,
    OpenLoop,
    Simulated,
    Solved,
    method_of,
)
from neurosim.learning.feedback import direct_feedback_weights
from neurosim.learning.initial import initial_weights
from neurosim.spec import MethodSettings, Network


@pytest.mark.parametrize(
    ("name", "feedback", "inversion", "plasticity", "dynamical"),
    [
        ("BP", LayerwiseTranspose, OpenLoop, Gradient, False),
        ("DFC", FixedDirect, Simulated, Controlled, True),
        ("DFC-SS", FixedDirect, Simulated, AtSteadyState, True),
        ("DFC-SSA", FixedDirect, Solved, AtSteadyState, False),
    ],
)
def test_parts_of_every_method(
    name: str, feedback: type, inversion: type, plasticity: type, dynamical: bool
) -> None:
    """The table of the facts page, section 1."""
    method = method_of(name)
    assert method == Method(feedback=feedback(), inversion=inversion(), plasticity=plasticity())
    assert method.dynamical is dynamical


def test_every_method_is_a_combination_of_its_own() -> None:
    assert set(METHODS) == {"BP", "DFC", "DFC-SS", "DFC-SSA"}
    assert len(set(METHODS.values())) == len(METHODS)
    assert MethodSettings().name in METHODS


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("DFC-SSS", 'did you mean "DFC-SS'), ("dfc", "DFC"), ("DFCSSA", "DFC-SSA"), ("", "BP")],
)
def test_a_misspelt_method_is_answered(wrong: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        method_of(wrong)
    assert caught.value.where == "method.name"
    assert hint in caught.value.remedy
    assert all(name in caught.value.expected for name in METHODS)


@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (7, 6, 5, 4, 3), (2, 1, 1, 6)])
def test_direct_feedback_is_the_transposed_path_to_the_output(sizes: tuple[int, ...]) -> None:
    """Q_l = (W_L ⋯ W_{l+1})ᵀ; the same product from the other end, so up to rounding."""
    forward, _ = initial_weights(Network(layers=sizes), 3)
    feedback = direct_feedback_weights(forward)
    assert [q.shape for q in feedback] == [(n, sizes[-1]) for n in sizes[1:]]
    np.testing.assert_array_equal(feedback[-1], np.eye(sizes[-1]))
    for l in range(len(feedback) - 1):
        path = reduce(np.matmul, reversed(forward[l + 1 :]))
        np.testing.assert_allclose(feedback[l], path.T, rtol=0, atol=1e-15 * len(sizes) * np.abs(path).max())


def test_in_a_linear_network_direct_feedback_is_the_transposed_jacobian() -> None:
    """So JQ = JJᵀ is positive, and condition 3 holds with room."""
    forward, _ = initial_weights(Network(layers=(6, 5, 4, 3)), 1)
    q = np.vstack(direct_feedback_weights(forward))
    jacobian = np.hstack([forward[2] @ forward[1], forward[2], np.eye(3)])
    np.testing.assert_allclose(q, jacobian.T, rtol=0, atol=1e-15)
    assert np.linalg.eigvalsh(jacobian @ q).min() >= 1  # the output's own block is the identity


def test_feedback_does_not_follow_the_first_layer() -> None:
    """W_1 is on no path from the first layer to the output."""
    forward, _ = initial_weights(Network(layers=(6, 5, 4)), 1)
    changed = (forward[0] + 1, forward[1])
    for a, b in zip(direct_feedback_weights(forward), direct_feedback_weights(changed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_initial_weights_of_two_layers_are_independent() -> None:
    """Correlation within three of its standard errors 1/√n."""
    (first, second), _ = initial_weights(Network(layers=(100, 100, 100)), 5)
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation) < 3 / np.sqrt(first.size)
