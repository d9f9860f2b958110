"""Shapes, the default feedback weights, and that nobody shares memory."""

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.learning import FixedDirect, FixedRelayed
from neurosim.reference import Parameters, bp_update, feedforward, lemma_one, solve_fixed_point
from neurosim.spec import MethodSettings

from .cases import make_network, make_parameters


def test_feedback_defaults_to_the_product_of_transposes() -> None:
    p = make_parameters(make_network(4, 5, 6, 3))
    w = p.forward
    torch.testing.assert_close(p.feedback[0], w[1].T @ w[2].T)
    torch.testing.assert_close(p.feedback[1], w[2].T)
    assert torch.equal(p.feedback[2], torch.eye(3, dtype=torch.float64))


def test_arrays_are_copied() -> None:
    weights, bias = np.ones((2, 3), dtype=np.float32), np.zeros(2)
    p = Parameters.from_arrays(forward=[weights], biases=[bias])
    weights[:] = 7
    assert p.forward[0].dtype == torch.float64
    assert float(p.forward[0].max()) == 1.0
    assert p.sizes == (3, 2)


@pytest.mark.parametrize(
    ("forward", "biases"),
    [
        ([np.ones((2, 3)), np.ones((2, 3))], [np.ones(2), np.ones(2)]),
        ([np.ones((2, 3))], [np.ones(3)]),
        ([np.ones((2, 3))], []),
        ([np.ones(3)], [np.ones(3)]),
        ([], []),
    ],
)
def test_shapes_that_do_not_fit_are_refused(forward: list, biases: list) -> None:
    with pytest.raises(SpecError, match="shapes do not fit"):
        Parameters.from_arrays(forward=forward, biases=biases)


def test_another_network_is_refused() -> None:
    p = make_parameters(make_network(4, 5, 3))
    with pytest.raises(SpecError, match=r"parameters\.forward"):
        feedforward(make_network(4, 6, 3), p, np.zeros((1, 4)))
    with pytest.raises(DataError, match="inputs"):
        feedforward(make_network(4, 5, 3), p, np.zeros((1, 5)))


def test_feedback_is_checked_by_who_needs_it() -> None:
    network = make_network(4, 5, 6, 3)
    p = make_parameters(network)
    p.check_feedback(FixedDirect(), network)
    with pytest.raises(SpecError, match=r"parameters\.feedback[\s\S]*\(5, 6\), \(6, 3\), \(3, 3\)"):
        p.check_feedback(FixedRelayed(), network)
    inputs, desired = np.zeros((1, 4)), np.zeros((1, 3))
    for feedback in ((), p.feedback[:1]):
        other = attrs.evolve(p, feedback=feedback)
        other.check_network(network)
        feedforward(network, other, inputs)
        bp_update(network, other, inputs, desired, loss="squared_error")
        with pytest.raises(SpecError, match=r"parameters\.feedback"):
            lemma_one(network, other, MethodSettings(), inputs, desired)
        with pytest.raises(SpecError, match=r"parameters\.feedback"):
            solve_fixed_point(network, other, MethodSettings(), inputs, desired)
