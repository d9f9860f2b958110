"""Lemma 1 against the nonlinear fixed point, and its special cases."""

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference import effective_leak, feedforward, lemma_one, output_jacobian, solve_fixed_point
from neurosim.spec import ACTIVATIONS, MethodSettings

from .cases import LOSSES, make_data, make_network, make_parameters, make_target, relayed_parameters

CONTROLLERS = {
    "PI": MethodSettings(proportional_gain=1.5, leak=0.01),
    "P": MethodSettings(proportional_gain=1.5, integral_gain=0.0),
    "PID": MethodSettings(proportional_gain=0.5, leak=0.1, integral_gain=0.3, derivative_gain=0.4),
    "relayed": MethodSettings(name="DFC-relayed", proportional_gain=1.5, leak=0.01),
}


@pytest.mark.parametrize(
    ("hidden", "controller"),
    [
        ("tanh", "PI"),
        ("sigmoid", "PI"),
        ("softplus", "PI"),
        ("tanh", "P"),
        ("tanh", "PID"),
        ("tanh", "relayed"),
    ],
)
@pytest.mark.parametrize("loss", LOSSES)
def test_error_of_lemma_one_is_quadratic_in_the_target_step(hidden: str, controller: str, loss: str) -> None:
    network = make_network(6, 8, 7, 4, hidden=hidden)
    parameters = relayed_parameters(network) if controller == "relayed" else make_parameters(network)
    method = CONTROLLERS[controller]
    inputs, desired = make_data(network, loss)
    steps = np.logspace(-3, -1.5, 6)
    errors = []
    for stepsize in steps:
        wanted = make_target(network, parameters, inputs, desired, loss=loss, stepsize=float(stepsize))
        exact = solve_fixed_point(network, parameters, method, inputs, wanted)
        linear = lemma_one(network, parameters, method, inputs, wanted)
        assert exact.converged.all()
        errors.append(float(torch.linalg.vector_norm(exact.output - linear.output)))
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.1)  # O(λ²) of Lemma 1


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_linear_network_makes_lemma_one_exact(controller: str) -> None:
    network = make_network(6, 8, 7, 4, hidden="linear")
    parameters = relayed_parameters(network) if controller == "relayed" else make_parameters(network)
    method = CONTROLLERS[controller]
    inputs, desired = make_data(network, "squared_error")
    exact = solve_fixed_point(network, parameters, method, inputs, desired)
    linear = lemma_one(network, parameters, method, inputs, desired)
    torch.testing.assert_close(linear.output, exact.output, rtol=1e-10, atol=1e-12)
    for moved, soma, basal in zip(linear.displacement, exact.soma, exact.basal, strict=True):
        torch.testing.assert_close(moved, soma - basal, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_solution_solves_its_equation(hidden: str) -> None:
    network = make_network(6, 8, 7, 4, hidden=hidden)
    parameters = make_parameters(network)
    method = MethodSettings(proportional_gain=1.5, leak=0.3)
    inputs, desired = make_data(network, "squared_error")
    rest = feedforward(network, parameters, inputs)
    linear = lemma_one(network, parameters, method, inputs, desired)
    jacobian = output_jacobian(network, parameters, rest)
    reached = (jacobian @ torch.cat(linear.displacement, dim=1)[:, :, None])[:, :, 0]
    delta = desired - rest.output
    # J Q u + α̃ u = δ_L: rounding of sums of a few dozen numbers about 1.
    torch.testing.assert_close(reached + effective_leak(method) * linear.output, delta, rtol=0, atol=1e-13)


def test_effective_leak_of_pure_controllers() -> None:
    assert effective_leak(MethodSettings(proportional_gain=0, leak=0.2)) == 0.2
    assert effective_leak(MethodSettings(proportional_gain=3, leak=0)) == 0
    assert effective_leak(MethodSettings(proportional_gain=4, leak=1e12)) == pytest.approx(0.25, rel=1e-11)
    assert effective_leak(MethodSettings(proportional_gain=4, integral_gain=0, leak=0)) == 0.25
    assert effective_leak(MethodSettings(proportional_gain=0, integral_gain=2, leak=0.2)) == 0.1
    # 0.2/(0.5 + 0.2·2.5)
    assert effective_leak(MethodSettings(proportional_gain=2.5, integral_gain=0.5, leak=0.2)) == 0.2


def test_a_controller_without_gain_is_refused() -> None:
    """A derivative alone does nothing at rest."""
    with pytest.raises(SpecError, match=r"method\.integral_gain or method\.proportional_gain"):
        MethodSettings(proportional_gain=0, integral_gain=0, derivative_gain=1)


@pytest.mark.parametrize("gain", [0.5, 4.0])
def test_leakier_integrators_leave_a_proportional_controller(gain: float) -> None:
    network = make_network(6, 8, 4)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error")
    method = MethodSettings(proportional_gain=gain, leak=1e12)
    steady = solve_fixed_point(network, parameters, method, inputs, desired)
    # u = k_p e up to 1/(α k_p).
    torch.testing.assert_close(steady.output, gain * steady.error, rtol=1e-10, atol=1e-12)
    assert float(steady.integrator.abs().max()) < 1e-11


def test_integrator_without_leak_leaves_no_error() -> None:
    network = make_network(6, 8, 4)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error")
    method = MethodSettings(proportional_gain=2.0, leak=0.0)
    steady = solve_fixed_point(network, parameters, method, inputs, desired)
    assert float(steady.error.abs().max()) < 1e-12
    assert torch.equal(steady.integrator, steady.output)
    pure = attrs.evolve(method, proportional_gain=0.0)
    other = solve_fixed_point(network, parameters, pure, inputs, desired)
    torch.testing.assert_close(
        steady.output, other.output, rtol=1e-10, atol=1e-12
    )  # k_p moves nothing at α = 0
