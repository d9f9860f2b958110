"""The conditions against their definitions with explicit projections and eigenvalues."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError
from neurosim.reference import feedforward, output_jacobian
from neurosim.reference.measures import condition_one, condition_three, condition_two

from ..cases import make_data, make_network, make_parameters


def test_condition_one_is_the_spread_of_layer_norms() -> None:
    rates = [np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[1.0], [0.0]]), np.array([[0.0, 3.0], [0.0, 0.0]])]
    got = condition_one(rates)
    assert float(got[0]) == pytest.approx(np.std([5.0, 1.0, 3.0]) / 3.0, rel=1e-14)
    assert math.isnan(float(got[1]))
    assert float(condition_one(rates[:1])[0]) == 0.0
    with pytest.raises(DataError, match="no layers"):
        condition_one([])


def test_condition_two_is_what_a_projection_leaves() -> None:
    network = make_network(6, 8, 7, 3, output="tanh")
    parameters = make_parameters(network)
    inputs, _ = make_data(network, "squared_error")
    jacobian = output_jacobian(network, parameters, feedforward(network, parameters, inputs))
    draw = np.random.default_rng(0)
    feedback = [draw.standard_normal((n, 3)) for n in network.layers[1:]]
    got = condition_two(jacobian, feedback)
    whole = np.concatenate(feedback)
    for k, j in enumerate(jacobian.numpy()):
        projection = j.T @ np.linalg.inv(j @ j.T) @ j
        expected = np.linalg.norm(projection @ whole) / np.linalg.norm(whole)
        assert float(got[k]) == pytest.approx(expected, rel=1e-10)
    mixed = torch.split(jacobian[0].T @ torch.tensor(draw.standard_normal((3, 3))), [8, 7, 3])
    assert float(condition_two(jacobian[:1], mixed)) == pytest.approx(1.0, rel=1e-13)


def test_condition_two_knows_that_a_silent_output_has_no_row() -> None:
    jacobian = torch.zeros(1, 2, 3, dtype=torch.float64)
    jacobian[0, 0, 0] = 2.0  # the second output is stuck
    feedback = [torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0]])]
    assert float(condition_two(jacobian, feedback)) == pytest.approx(1 / math.sqrt(3), rel=1e-14)
    with pytest.raises(DataError, match="feedback"):
        condition_two(jacobian, feedback[:1])


def test_condition_three_is_the_slowest_decay_of_a_slow_controller() -> None:
    turning = np.array([[0.2, 3.0], [-3.0, 0.2]])  # 0.2 ± 3i
    unstable = np.diag([1.0, -0.5])
    got = condition_three(np.stack([turning, unstable]), integral_gain=1.0, leak=0.1)
    np.testing.assert_allclose(got.numpy(), [0.3, -0.4], rtol=1e-13)
    doubled = condition_three(unstable[None], integral_gain=2.0, leak=0.1)
    assert float(doubled) == pytest.approx(-0.9)
    unknown = condition_three(np.stack([turning, np.nan * unstable]), integral_gain=1.0, leak=0.1)
    assert math.isnan(float(unknown[1]))
    assert float(unknown[0]) == pytest.approx(0.3)


def test_ideal_feedback_fulfils_all_three() -> None:
    """Q = Jᵀ of a linear network: the same for every sample, within its row space, and JJᵀ has no negative one."""
    network = make_network(6, 5, 4, hidden="linear")
    parameters = make_parameters(network)
    inputs, _ = make_data(network, "squared_error")
    jacobian = output_jacobian(network, parameters, feedforward(network, parameters, inputs))
    parameters = attrs.evolve(parameters, feedback=tuple(torch.split(jacobian[0].T, [5, 4])))
    np.testing.assert_allclose(condition_two(jacobian, parameters.feedback).numpy(), 1.0, rtol=1e-13)
    loop = jacobian @ torch.cat(parameters.feedback)
    assert (condition_three(loop, integral_gain=1.0, leak=0.0) > 0).all()
