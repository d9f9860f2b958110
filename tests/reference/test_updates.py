"""Updates against autograd, against explicit pseudo-inverses, and against the theorems of the paper."""

import math

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError
from neurosim.reference import (
    Parameters,
    Updates,
    angle,
    bp_update,
    dfc_ssa_update,
    feedforward,
    gauss_newton_update,
    loss,
    minimum_norm_update,
    output_jacobian,
    phi,
    solve_fixed_point,
    steady_state_update,
    target,
)
from neurosim.spec import ACTIVATIONS, Deviations, MethodSettings

from .cases import LOSSES, make_data, make_deviations, make_network, make_parameters, make_target


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_backpropagation_is_autograd(hidden: str, name: str, output: str) -> None:
    network = make_network(5, 7, 6, 3, hidden=hidden, output=output)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, name)
    forward = [w.clone().requires_grad_(True) for w in parameters.forward]
    biases = [b.clone().requires_grad_(True) for b in parameters.biases]
    rate = inputs
    for activation, w, b in zip(network.activations, forward, biases, strict=True):
        rate = phi(activation, rate @ w.T + b)
    gradients = torch.autograd.grad(loss(name, rate, desired).mean(), forward + biases)
    update = bp_update(network, parameters, inputs, desired, loss=name)
    for ours, theirs in zip(update.forward + update.biases, gradients, strict=True):
        torch.testing.assert_close(ours, -theirs, rtol=1e-12, atol=1e-14)


def _one_sample(hidden: str = "linear") -> tuple:
    network = make_network(6, 8, 7, 3, hidden=hidden)
    parameters = make_parameters(network)
    inputs, _ = make_data(network, "squared_error", batch=1)
    delta = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64)
    return network, parameters, inputs, delta


def _weight_jacobian(network, parameters: Parameters, inputs: torch.Tensor) -> torch.Tensor:
    """∂r_L/∂θ by autograd, θ all W: (n_L, n_θ)."""

    def output(*forward: torch.Tensor) -> torch.Tensor:
        rate = inputs[0]
        for activation, w, b in zip(network.activations, forward, parameters.biases, strict=True):
            rate = phi(activation, w @ rate + b)
        return rate

    blocks = torch.func.jacrev(output, argnums=tuple(range(network.depth)))(*parameters.forward)
    return torch.cat([block.flatten(1) for block in blocks], dim=1)


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_gauss_newton_is_the_pseudo_inverse_of_the_weight_jacobian(hidden: str) -> None:
    network, parameters, inputs, delta = _one_sample(hidden)
    expected = torch.linalg.pinv(_weight_jacobian(network, parameters, inputs)) @ delta[0]
    update = gauss_newton_update(network, parameters, inputs, delta)
    torch.testing.assert_close(
        torch.cat([w.flatten() for w in update.forward]), expected, rtol=1e-10, atol=1e-13
    )


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_weighted_minimum_norm_solves_theorem_three(hidden: str) -> None:
    network, parameters, inputs, delta = _one_sample(hidden)
    rates = (inputs, *feedforward(network, parameters, inputs).rate[:-1])
    jacobian = _weight_jacobian(network, parameters, inputs)
    # In y = ‖r_{l−1}‖ ΔW_l the weighted problem is a plain one.
    norms = torch.cat(
        [
            torch.full((w.numel(),), float(torch.linalg.vector_norm(r)), dtype=torch.float64)
            for w, r in zip(parameters.forward, rates, strict=True)
        ]
    )
    expected = torch.linalg.pinv(jacobian / norms) @ delta[0] / norms
    update = minimum_norm_update(network, parameters, inputs, delta)
    got = torch.cat([w.flatten() for w in update.forward])
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(jacobian @ got, delta[0], rtol=1e-12, atol=1e-13)
    assert not any(b.any() for b in update.biases)


def _ssa(network, parameters: Parameters, inputs: torch.Tensor, delta: torch.Tensor, *, linear_post: bool):
    """DFC-SSA in the limit of λ and α to 0."""
    method = MethodSettings(name="DFC-SSA-fixed", leak=1e-9, proportional_gain=1.5)
    wanted = feedforward(network, parameters, inputs).output + 1e-6 * delta
    return dfc_ssa_update(network, parameters, method, inputs, wanted, linear_post=linear_post)


@pytest.mark.parametrize("linear_post", [False, True])
def test_linear_dfc_is_weighted_minimum_norm_once_layers_get_their_rates(linear_post: bool) -> None:
    network, parameters, inputs, delta = _one_sample()
    rates = (inputs, *feedforward(network, parameters, inputs).rate[:-1])
    update = _ssa(network, parameters, inputs, delta, linear_post=linear_post)
    best = minimum_norm_update(network, parameters, inputs, delta)
    for ours, theirs in zip(update.forward, best.forward, strict=True):
        single = (Updates(forward=(w,), biases=()) for w in (ours, theirs))
        assert angle(*single) < 0.01  # each layer as it is: Theorem 3
    scaled = [w / torch.linalg.vector_norm(r) ** 2 for w, r in zip(update.forward, rates, strict=True)]
    assert angle(Updates(forward=tuple(scaled), biases=update.biases), best) < 0.01
    assert angle(update, best) > 1  # without Condition 1 and without the rates it is not


def _impose_condition_one(parameters: Parameters, inputs: torch.Tensor) -> Parameters:
    """Scale each layer of a linear network without biases so that ‖r_l‖ = ‖r_0‖ for l < L."""
    norm = torch.linalg.vector_norm(inputs)
    rate, forward = inputs, []
    for w in parameters.forward[:-1]:
        forward.append(w * norm / torch.linalg.vector_norm(rate @ w.T))
        rate = rate @ forward[-1].T
    return Parameters.from_arrays(
        forward=[*forward, parameters.forward[-1]], biases=[0 * b for b in parameters.biases]
    )


def test_condition_one_makes_linear_dfc_gauss_newton() -> None:
    network, parameters, inputs, delta = _one_sample()
    parameters = _impose_condition_one(parameters, inputs)
    update = _ssa(network, parameters, inputs, delta, linear_post=True)
    assert angle(update, gauss_newton_update(network, parameters, inputs, delta)) < 0.01  # Theorem 2
    assert angle(update, minimum_norm_update(network, parameters, inputs, delta)) < 0.01


def test_feedback_within_the_row_space_of_the_jacobian_is_all_it_takes() -> None:
    network, parameters, inputs, delta = _one_sample("tanh")
    jacobian = output_jacobian(network, parameters, feedforward(network, parameters, inputs))[0]
    mix = torch.tensor([[2.0, 0.3, 0.1], [-0.2, 1.0, 0.4], [0.3, -0.1, 0.5]], dtype=torch.float64)
    mixed = torch.split(jacobian.T @ mix, list(network.layers[1:]))
    parameters = attrs.evolve(parameters, feedback=mixed)
    update = _ssa(network, parameters, inputs, delta, linear_post=True)
    best = minimum_norm_update(network, parameters, inputs, delta)
    for ours, theirs in zip(update.forward, best.forward, strict=True):
        assert angle(*(Updates(forward=(w,), biases=()) for w in (ours, theirs))) < 0.01  # Condition 2


def test_small_steps_make_the_solved_and_the_linear_update_agree() -> None:
    network = make_network(6, 8, 7, 4)
    parameters = make_parameters(network)
    method = MethodSettings(leak=0.01)
    inputs, desired = make_data(network, "squared_error")
    angles = []
    for stepsize in (1e-2, 1e-3, 1e-4):
        wanted = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=stepsize)
        steady = solve_fixed_point(network, parameters, method, inputs, wanted)
        exact = steady_state_update(network, parameters, inputs, steady)
        angles.append(angle(exact, dfc_ssa_update(network, parameters, method, inputs, wanted)))
    slope = np.polyfit(np.log([1e-2, 1e-3, 1e-4]), np.log(angles), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)  # an error O(λ²) of an update O(λ)


@pytest.mark.parametrize("name", LOSSES)
def test_no_target_step_no_update(name: str) -> None:
    network = make_network(6, 8, 7, 4)
    parameters = make_parameters(network)
    method = MethodSettings(target_stepsize=0.0)
    inputs, desired = make_data(network, name)
    wanted = make_target(network, parameters, inputs, desired, loss=name, stepsize=0.0)
    steady = solve_fixed_point(network, parameters, method, inputs, wanted)
    for update in (
        steady_state_update(network, parameters, inputs, steady),
        dfc_ssa_update(network, parameters, method, inputs, wanted),
    ):
        assert max(float(w.abs().max()) for w in update.forward + update.biases) < 1e-15


def test_auto_zero_takes_away_what_mismatch_adds() -> None:
    network = make_network(6, 8, 7, 4)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error")
    method = MethodSettings(leak=0.01)
    chip = make_deviations(network, auto_zero=True)
    chip = attrs.evolve(
        chip, controller=attrs.evolve(chip.controller, error_offset=np.zeros(network.layers[-1]))
    )
    rest = feedforward(network, parameters, inputs, deviations=chip).output
    steady = solve_fixed_point(network, parameters, method, inputs, rest, deviations=chip)
    zeroed = steady_state_update(network, parameters, inputs, steady, chip)
    raw = steady_state_update(network, parameters, inputs, steady, attrs.evolve(chip, auto_zero=False))
    assert max(float(w.abs().max()) for w in zeroed.forward) < 1e-14
    assert max(float(w.abs().max()) for w in raw.forward) > 1e-3

    nudge = target("squared_error", rest, desired, 0.05)
    nudged = solve_fixed_point(network, parameters, method, inputs, nudge, deviations=chip)
    ideal_target = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.05)
    ideal = steady_state_update(
        network,
        parameters,
        inputs,
        solve_fixed_point(network, parameters, method, inputs, ideal_target),
        Deviations.ideal(network),
    )
    with_zero = steady_state_update(network, parameters, inputs, nudged, chip)
    without = steady_state_update(network, parameters, inputs, nudged, attrs.evolve(chip, auto_zero=False))
    assert angle(with_zero, ideal) < angle(without, ideal)


def test_angle_of_nearly_parallel_updates_keeps_its_digits() -> None:
    x = torch.randn(30, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.randn(30, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y -= (x * y).sum() / (x * x).sum() * x
    y *= torch.linalg.vector_norm(x) / torch.linalg.vector_norm(y)
    bias = (torch.zeros(30, dtype=torch.float64),)
    first = Updates(forward=(x,), biases=bias)
    # acos would give 0 below 1e-6 degrees; here rounding of the unit vectors is 1e-16 rad.
    for turn in (1e-10, 1e-5, 1.0, 3.0):
        second = Updates(forward=(5 * (math.cos(turn) * x + math.sin(turn) * y),), biases=bias)
        assert angle(first, second) == pytest.approx(math.degrees(turn), rel=1e-5)
    assert angle(first, first.scaled(-2.0)) == pytest.approx(180.0, abs=1e-12)
    assert math.isnan(angle(first, first.scaled(0.0)))
    moved = attrs.evolve(first, biases=(torch.ones(30, dtype=torch.float64),))
    assert angle(first, moved) == 0.0
    assert angle(first, moved, biases=True) > 1.0


def test_angle_refuses_updates_of_different_networks() -> None:
    small, large = (Updates(forward=(torch.ones(n, n),), biases=()) for n in (2, 3))
    with pytest.raises(DataError, match="sizes"):
        angle(small, large)


def test_silent_inputs_get_no_update() -> None:
    network, parameters, _, delta = _one_sample("tanh")
    silent = torch.zeros(1, 6, dtype=torch.float64)
    for weighted in (True, False):
        update = minimum_norm_update(network, parameters, silent, delta, weighted=weighted)
        assert not update.forward[0].any()
        assert all(torch.isfinite(w).all() for w in update.forward)
        moved = _weight_jacobian(network, parameters, silent) @ torch.cat(
            [w.flatten() for w in update.forward]
        )
        torch.testing.assert_close(moved, delta[0], rtol=1e-12, atol=1e-13)
