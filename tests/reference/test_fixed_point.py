"""The nonlinear steady state against the full equations it must solve, written out here once more."""

import itertools

import attrs
import numpy as np
import pytest
import torch

from neurosim.learning import feedback_shapes, method_of
from neurosim.reference import Parameters, SteadyState, phi, solve_fixed_point
from neurosim.spec import ACTIVATIONS, Deviations, MethodSettings, Network

from .cases import (
    LOSSES,
    make_data,
    make_deviations,
    make_network,
    make_parameters,
    make_target,
    relayed_parameters,
)

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
    rate, apicals = inputs, apicals_by_hand(network, parameters, method, chip, steady.output)
    for l, layer in enumerate(chip.layers):
        soma, basal = steady.soma[l], steady.basal[l]
        drive = rate @ (t(chip.forward_gain[l]) * parameters.forward[l]).T + parameters.biases[l]
        drive = t(layer.basal.leak) * _tanh(basal + t(layer.basal.offset), layer.basal.saturation) - drive
        stopped = ((basal + t(layer.basal.offset)).abs() >= layer.basal.limit * (1 - 1e-12)) & (
            drive * basal < 0
        )
        drive = torch.where(stopped, 0.0, drive)
        pull = t(layer.basal_gain) * _tanh(basal, layer.saturation) + t(layer.offset)
        pull = pull + t(layer.apical_gain) * _tanh(apicals[l], layer.saturation)
        pull = pull - t(layer.leak) * _tanh(soma, layer.saturation)
        pull = torch.where((soma.abs() == layer.limit) & (pull * soma > 0), 0.0, pull)
        scale = 1 + float(soma.abs().max())
        missed["basal"] = max(missed["basal"], float(drive.abs().max()) / scale)
        missed["soma"] = max(missed["soma"], float(pull.abs().max()) / scale)
        rate = steady.rate[l]
        exact = phi(network.activations[l], t(layer.slope) * soma)
        missed["rate"] = max(missed["rate"], float((rate - exact).abs().max()) / scale)
    c = chip.controller
    error = wanted - rate + t(c.error_offset)
    missed["error"] = float((steady.error - error).abs().max())
    raw = method.integral_gain * steady.integrator + method.proportional_gain * t(c.proportional) * error
    scale = 1 + float(raw.abs().max())
    given = raw.clamp(-c.limit, c.limit) + t(c.output_offset)
    missed["output"] = float((steady.output - given).abs().max()) / scale
    slope = t(c.integral) * _tanh(error, c.saturation)
    slope = slope - (method.leak * t(c.leak) + t(c.gain_leak)) * steady.integrator
    at_rail = (steady.integrator.abs() == c.limit) & (slope * steady.integrator > 0)
    missed["integrator"] = float(torch.where(at_rail, 0.0, slope).abs().max())
    return missed


def _tanh(values: torch.Tensor, most: float) -> torch.Tensor:
    return most * torch.tanh(values / most) if np.isfinite(most) else values


def apicals_by_hand(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    chip: Deviations,
    output: torch.Tensor,
) -> list[torch.Tensor]:
    """v_fb of every layer at rest."""
    pairs = zip(chip.feedback_gain, parameters.feedback, strict=True)
    weights = [torch.tensor(gain) * matrix for gain, matrix in pairs]

    def held(l: int, drive: torch.Tensor) -> torch.Tensor:
        part = chip.layers[l].apical
        given = drive / torch.tensor(part.leak)
        if np.isfinite(part.saturation):
            given = part.saturation * torch.atanh((given / part.saturation).clamp(-1, 1))
        return given.clamp(-part.limit, part.limit) - torch.tensor(part.offset)

    if method.name != "DFC-relayed":
        return [held(l, output @ q.T) for l, q in enumerate(weights)]
    drives = [output @ weights[-1].T]
    apicals = [held(len(weights) - 1, drives[0])]
    for l in reversed(range(len(weights) - 1)):
        above = apicals[0] if network.tau_apical_ratio > 0 else drives[0]
        drives.insert(0, above @ weights[l].T)
        apicals.insert(0, held(l, drives[0]))
    return apicals


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


CONTROLLERS = {
    "P": MethodSettings(integral_gain=0.0, leak=0.2),
    "strong I": MethodSettings(integral_gain=3.0, leak=0.2),
    "weak I": MethodSettings(integral_gain=0.3, proportional_gain=0.5, leak=0.2),
    "only weak I": MethodSettings(integral_gain=0.3, proportional_gain=0.0, leak=0.2),
    "weak I without leak": MethodSettings(integral_gain=0.3, proportional_gain=0.5, leak=0.0),
    "PID": MethodSettings(integral_gain=0.7, derivative_gain=0.5, leak=0.05),
    "relayed": MethodSettings(name="DFC-relayed", leak=0.05),
}


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("limit", [np.inf, 0.1])
@pytest.mark.parametrize("hidden", ["tanh", "softplus"])
def test_every_equation_holds_for_other_controllers_and_relays(
    controller: str, limit: float, hidden: str
) -> None:
    """With K_I < 1 the integrator reaches its rail before the output does, which some outputs here do."""
    method = CONTROLLERS[controller]
    network = make_network(6, 8, 7, 4, hidden=hidden)
    parameters = relayed_parameters(network) if controller == "relayed" else make_parameters(network)
    shapes = feedback_shapes(method_of(method.name).feedback, network.layers)
    chip = make_deviations(network, limit=limit, feedback=shapes)
    inputs, desired = make_data(network, "squared_error", batch=30)
    steady = solve_fixed_point(network, parameters, method, inputs, desired, deviations=chip)
    assert steady.converged.all()
    assert bool(steady.saturated.any()) == np.isfinite(limit)
    missed = violations(network, parameters, method, chip, inputs, desired, steady)
    assert max(missed.values()) <= 1e-12, missed
    wound_up = (steady.integrator.abs() == limit) & ~steady.at_rail
    expected = np.isfinite(limit) and method.integral_gain < 1 and method.proportional_gain > 0
    assert bool(wound_up.any()) == expected


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("soma_limit", [np.inf, 0.6])
def test_every_equation_holds_where_couplings_saturate(controller: str, soma_limit: float) -> None:
    """Linear up to about 1, where the somata are; some of them are at their rails. The integrator's input
    saturates too, which its own equation is inverted for by Newton's steps."""
    method = CONTROLLERS[controller]
    network = make_network(6, 8, 7, 4, output="linear")
    parameters = relayed_parameters(network) if controller == "relayed" else make_parameters(network)
    shapes = feedback_shapes(method_of(method.name).feedback, network.layers)
    chip = make_deviations(network, limit=0.4, feedback=shapes, saturation=1.5, soma_limit=soma_limit)
    inputs, desired = make_data(network, "squared_error", batch=30)
    wanted = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.2)
    steady = solve_fixed_point(network, parameters, method, inputs, wanted, deviations=chip)
    solved = steady.converged
    assert solved.double().mean() >= 0.9  # a soma at a rail can leave an output that nothing moves
    kept = attrs.evolve(
        steady,
        soma=tuple(v[solved] for v in steady.soma),
        rate=tuple(r[solved] for r in steady.rate),
        basal=tuple(b[solved] for b in steady.basal),
        output=steady.output[solved],
        integrator=steady.integrator[solved],
        error=steady.error[solved],
    )
    missed = violations(network, parameters, method, chip, inputs[solved], wanted[solved], kept)
    # Rounding; the integrator is S(e)/α of an e that Newton's steps found, and loses what 1/α and atanh cost.
    by_integrator = {"integrator", "output"}
    assert max(value for name, value in missed.items() if name not in by_integrator) <= 1e-12, missed
    assert max(missed[name] for name in by_integrator) <= 1e-9, missed
    reached = max(float(v.abs().max()) for v in steady.soma)
    assert reached == soma_limit if np.isfinite(soma_limit) else reached > 0.6


def test_a_derivative_moves_no_steady_state() -> None:
    network = make_network(6, 8, 4)
    inputs, desired = make_data(network, "squared_error")
    with_it, without = (
        solve_fixed_point(
            network, make_parameters(network), MethodSettings(derivative_gain=gain), inputs, desired
        )
        for gain in (0.7, 0.0)
    )
    assert torch.equal(with_it.output, without.output)
    assert torch.equal(with_it.integrator, without.integrator)


def test_an_integrator_without_effect_winds_up_or_leaks() -> None:
    network = make_network(6, 8, 4)
    inputs, desired = make_data(network, "squared_error")
    alone = MethodSettings(integral_gain=0.0, leak=0.0)
    ends = {
        leak: solve_fixed_point(
            network, make_parameters(network), attrs.evolve(alone, leak=leak), inputs, desired
        )
        for leak in (0.0, 0.5)
    }
    assert torch.equal(ends[0.0].output, ends[0.5].output)
    assert torch.equal(ends[0.0].integrator, ends[0.0].error.sign() * torch.inf)
    # e/α with e of rounding 1e-15
    torch.testing.assert_close(ends[0.5].integrator, ends[0.5].error / 0.5, rtol=1e-12, atol=1e-13)


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
