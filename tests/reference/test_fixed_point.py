"""The nonlinear steady state against the full equations it must solve, written out here once more."""

import itertools

import attrs
import numpy as np
import pytest
import torch

from neurosim.reference import Parameters, SteadyState, phi, solve_fixed_point
from neurosim.spec import ACTIVATIONS, Deviations, MethodSettings, Network

from .cases import LOSSES, make_data, make_deviations, make_network, make_parameters, make_target

SIZES = [(6, 8, 4), (6, 8, 7, 4), (6, 8, 7, 6, 4), (6, 8, 7, 6, 5, 4)]


def violations(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    chip: Deviations,
    inputs: torch.Tensor,
    wanted: torch.Tensor,
    steady: SteadyState,
) -> dict[str, float]:
    """By how much each equation of the spec is missed, worst case."""
    t = torch.tensor
    missed = {"soma": 0.0, "basal": 0.0, "rate": 0.0}
    rate = inputs
    for l, layer in enumerate(chip.layers):
        soma, basal = steady.soma[l], steady.basal[l]
        drive = rate @ (t(chip.forward_gain[l]) * parameters.forward[l]).T + parameters.biases[l]
        apical = steady.output @ (t(chip.feedback_gain[l]) * parameters.feedback[l]).T
        pull = t(layer.basal_gain) * basal + t(layer.apical_gain) * apical + t(layer.offset)
        scale = 1 + float(soma.abs().max())
        missed["basal"] = max(missed["basal"], float((basal - drive).abs().max()) / scale)
        missed["soma"] = max(missed["soma"], float((pull - t(layer.leak) * soma).abs().max()) / scale)
        rate = steady.rate[l]
        exact = phi(network.activations[l], t(layer.slope) * soma)
        missed["rate"] = max(missed["rate"], float((rate - exact).abs().max()) / scale)
    c = chip.controller
    error = wanted - rate + t(c.error_offset)
    missed["error"] = float((steady.error - error).abs().max())
    raw = steady.integrator + method.proportional_gain * t(c.proportional) * error
    scale = 1 + float(raw.abs().max())
    missed["output"] = float((steady.output - raw.clamp(-c.limit, c.limit)).abs().max()) / scale
    slope = error - method.leak * t(c.leak) * steady.integrator
    at_rail = (steady.integrator.abs() == c.limit) & (slope * steady.integrator > 0)
    missed["integrator"] = float(torch.where(at_rail, 0.0, slope).abs().max())
    return missed


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("mismatched", [False, True])
def test_every_equation_holds(sizes: tuple[int, ...], hidden: str, loss: str, mismatched: bool) -> None:
    network = make_network(*sizes, hidden=hidden)
    parameters = make_parameters(network, seed=len(sizes))
    chip = make_deviations(network) if mismatched else Deviations.ideal(network)
    inputs, desired = make_data(network, loss)
    wanted = make_target(network, parameters, inputs, desired, loss=loss, stepsize=0.1)
    for gain, leak in itertools.product((0.0, 1.5, 5.0), (1e-4, 0.01, 1.0)):
        method = MethodSettings(proportional_gain=gain, leak=leak)
        steady = solve_fixed_point(network, parameters, method, inputs, wanted, deviations=chip)
        assert steady.converged.all()
        assert not steady.saturated.any()
        assert float(steady.residual.max()) <= 1e-12
        missed = violations(network, parameters, method, chip, inputs, wanted, steady)
        # Rounding of sums of at most 8 numbers about 1.
        assert max(missed.values()) <= 1e-12, missed


@pytest.mark.parametrize("output", ["tanh", "sigmoid", "softplus"])
def test_saturating_outputs_and_far_targets_converge(output: str) -> None:
    network = make_network(6, 20, 20, 4, output=output, gain=2.0)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error", batch=50)  # the whole way to the desired output
    method = MethodSettings(proportional_gain=1.5, leak=0.01)
    steady = solve_fixed_point(network, parameters, method, inputs, desired)
    assert steady.converged.all()
    missed = violations(network, parameters, method, Deviations.ideal(network), inputs, desired, steady)
    assert max(missed.values()) <= 1e-12, missed


@pytest.mark.parametrize("gain", [0.0, 1.5])
@pytest.mark.parametrize("leak", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("hidden", ["tanh", "softplus"])
def test_rails_hold_and_press_outwards(gain: float, leak: float, hidden: str) -> None:
    network = make_network(6, 8, 7, 4, hidden=hidden)
    parameters = make_parameters(network)
    chip = make_deviations(network, limit=0.05)
    inputs, desired = make_data(network, "squared_error", batch=30)
    method = MethodSettings(proportional_gain=gain, leak=leak)
    steady = solve_fixed_point(network, parameters, method, inputs, desired, deviations=chip)
    assert steady.converged.all()
    assert 0 < int(steady.at_rail.sum()) < steady.at_rail.numel()  # both kinds are tested
    assert steady.saturated.any()
    assert torch.all(steady.output.abs() <= 0.05)
    assert torch.all((steady.output * steady.error)[steady.at_rail] > 0)
    missed = violations(network, parameters, method, chip, inputs, desired, steady)
    assert max(missed.values()) <= 1e-12, missed


def test_strong_loops_against_near_rails_are_solved_where_newton_alone_gets_stuck() -> None:
    network = make_network(20, 16, 10, 11, 4, 2, output="tanh", gain=3.0)
    parameters = make_parameters(network)
    chip = make_deviations(network, limit=0.1)
    inputs, desired = make_data(network, "squared_error", batch=100)
    wanted = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.5)
    method = MethodSettings(proportional_gain=0.0, leak=1.0)
    steady = solve_fixed_point(network, parameters, method, inputs, wanted, deviations=chip)
    assert steady.iterations > 20  # Newton's method alone takes a handful, or leaves a third of these samples
    assert steady.converged.all()
    missed = violations(network, parameters, method, chip, inputs, wanted, steady)
    assert max(missed.values()) <= 1e-12, missed


def test_wide_rails_change_nothing() -> None:
    network = make_network(6, 8, 7, 4)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error")
    free, railed = (
        solve_fixed_point(
            network,
            parameters,
            MethodSettings(),
            inputs,
            desired,
            deviations=make_deviations(network, limit=limit),
        )
        for limit in (np.inf, 50.0)
    )
    torch.testing.assert_close(free.output, railed.output, rtol=1e-11, atol=1e-12)


def test_nothing_to_do_is_done_in_no_step() -> None:
    network = make_network(6, 8, 4)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error")
    rest = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.0)
    steady = solve_fixed_point(network, parameters, MethodSettings(), inputs, rest)
    assert steady.iterations == 0
    assert not steady.output.any()


def test_what_cannot_be_reached_is_marked_not_raised() -> None:
    network = make_network(2, 2, output="sigmoid")
    parameters = make_parameters(network)
    beyond = torch.tensor([[2.0, 2.0], [0.5, 0.5]], dtype=torch.float64)  # a sigmoid ends at 1
    method = MethodSettings(leak=0.0)
    steady = solve_fixed_point(network, parameters, method, torch.zeros(2, 2), beyond, max_iterations=30)
    assert steady.converged.tolist() == [False, True]
    limited = attrs.evolve(
        Deviations.ideal(network), controller=attrs.evolve(Deviations.ideal(network).controller, limit=3.0)
    )
    railed = solve_fixed_point(network, parameters, method, torch.zeros(2, 2), beyond, deviations=limited)
    assert railed.converged.all()
    assert railed.output[0].tolist() == [3.0, 3.0]
