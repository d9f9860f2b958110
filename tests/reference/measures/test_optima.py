"""Optimal updates against pseudo-inverses of Jacobians by all parameters, biases included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.reference import Parameters, loss_gradient, phi
from neurosim.reference.measures import (
    gauss_newton_terms,
    minimum_norm_terms,
    weighted_minimum_norm_terms,
)
from neurosim.reference.training import Shown, Terms
from neurosim.spec import ACTIVATIONS, MethodSettings, Network

from ..cases import make_data, make_network, make_parameters


def _shown(network: Network, *, batch: int = 3) -> Shown:
    inputs, desired = make_data(network, "squared_error", batch=batch)
    method = MethodSettings(name="BP")
    return Shown.of(network, make_parameters(network), method, inputs, desired, loss="squared_error")


def _parameter_jacobian(network: Network, parameters: Parameters, x: Tensor) -> Tensor:
    """∂r_L/∂θ by autograd, θ = W_1, b_1, W_2, …; (n_L, n_θ)."""
    arrays = [a for pair in zip(parameters.forward, parameters.biases, strict=True) for a in pair]

    def output(*theta: Tensor) -> Tensor:
        rate = x
        for activation, w, b in zip(network.activations, theta[::2], theta[1::2], strict=True):
            rate = phi(activation, w @ rate + b)
        return rate

    blocks = torch.func.jacrev(output, argnums=tuple(range(len(arrays))))(*arrays)
    return torch.cat([block.flatten(1) for block in blocks], dim=1)


def _flat(terms: Terms, k: int) -> Tensor:
    """θ of sample k in the same order."""
    parts = []
    for x, r in zip(terms.post, terms.pre, strict=True):
        parts += [torch.outer(x[k], r[k]).flatten(), x[k]]
    return torch.cat(parts)


def _wanted(shown: Shown, k: int) -> Tensor:
    return -loss_gradient("squared_error", shown.rest.output, shown.desired)[k]


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("damping", [0.0, 0.1])
def test_gauss_newton_is_the_damped_pseudo_inverse_by_all_parameters(hidden: str, damping: float) -> None:
    network = make_network(5, 6, 4, 3, hidden=hidden)
    shown = _shown(network)
    terms = gauss_newton_terms(shown, damping=damping)
    for k, x in enumerate(shown.inputs):
        jacobian = _parameter_jacobian(network, shown.parameters, x)
        gram = jacobian @ jacobian.T + damping * torch.eye(3, dtype=torch.float64)
        expected = jacobian.T @ torch.linalg.solve(gram, _wanted(shown, k))
        torch.testing.assert_close(_flat(terms, k), expected, rtol=1e-9, atol=1e-12)


def test_weighted_minimum_norm_reaches_the_target_at_least_cost() -> None:
    """In y = √(‖r_{l−1}‖² + 1) θ_l the weighted problem is a plain one."""
    network = make_network(5, 6, 4, 3)
    shown = _shown(network)
    terms = weighted_minimum_norm_terms(shown)
    for k, x in enumerate(shown.inputs):
        jacobian = _parameter_jacobian(network, shown.parameters, x)
        costs = torch.cat(
            [
                torch.full((m * (n + 1),), float(r[k].square().sum() + 1).__pow__(0.5), dtype=torch.float64)
                for m, n, r in zip(network.layers[1:], network.layers[:-1], shown.pre, strict=True)
            ]
        )
        expected = torch.linalg.pinv(jacobian / costs) @ _wanted(shown, k) / costs
        torch.testing.assert_close(_flat(terms, k), expected, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(jacobian @ _flat(terms, k), _wanted(shown, k), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("damping", [0.0, 0.1])
def test_minimum_norm_has_the_least_displacement_of_the_layers(damping: float) -> None:
    network = make_network(5, 6, 4, 3)
    shown = _shown(network)
    terms, weighted = minimum_norm_terms(shown, damping=damping), weighted_minimum_norm_terms(shown)
    for k, x in enumerate(shown.inputs):
        # a push on v_l is a change of b_l
        blocks = torch.split(_parameter_jacobian(network, shown.parameters, x), [30, 6, 24, 4, 12, 3], dim=1)
        jacobian = torch.cat(blocks[1::2], dim=1)
        gram = jacobian @ jacobian.T + damping * torch.eye(3, dtype=torch.float64)
        expected = jacobian.T @ torch.linalg.solve(gram, _wanted(shown, k))
        got = torch.cat([post[k] for post in terms.post])
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-12)
    if damping == 0:
        for x, y, r in zip(terms.post, weighted.post, shown.pre, strict=True):
            np.testing.assert_allclose(
                (y * (r.square().sum(1, keepdim=True) + 1)).numpy(), x.numpy(), rtol=1e-11
            )
