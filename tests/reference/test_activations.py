"""The nonlinearities against autograd and against high precision at the ends."""

import math

import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference import phi, phi_prime
from neurosim.spec import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_that_of_autograd(name: str) -> None:
    x = torch.linspace(-15, 15, 301, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(phi(name, x).sum(), x)
    # Rounding of autograd's own 1 − tanh², a few units in the last place of 1.
    torch.testing.assert_close(phi_prime(name, x), slope, rtol=0, atol=1e-15)


@pytest.mark.parametrize("x", [-700.0, -40.0, 25.0, 700.0])
def test_softplus_and_its_slope_keep_their_digits_far_out(x: float) -> None:
    at = torch.tensor([x], dtype=torch.float64)
    exact = math.log1p(math.exp(-abs(x))) + max(x, 0.0)
    assert phi("softplus", at).item() == pytest.approx(exact, rel=1e-15, abs=0)
    exact_slope = math.exp(x) / (1 + math.exp(x))
    assert phi_prime("softplus", at).item() == pytest.approx(exact_slope, rel=1e-14, abs=0)


@pytest.mark.parametrize("x", [-30.0, 30.0])
def test_slope_of_saturated_tanh_is_not_lost(x: float) -> None:
    slope = phi_prime("tanh", torch.tensor([x], dtype=torch.float64)).item()
    assert slope == pytest.approx(1 / math.cosh(x) ** 2, rel=1e-13, abs=0)


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(SpecError, match="tanh"):
        phi("tahn", torch.zeros(1))
