"""The stepped presentation against the fixed point, a loop written out by hand, and exact invariants."""

import math
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.learning import feedback_shapes, method_of
from neurosim.reference import (
    Simulation,
    Updates,
    feedforward,
    simulate,
    solve_fixed_point,
    steady_state_update,
    target,
)
from neurosim.spec import Deviations, MethodSettings, Protocol, Sleep

from .cases import (
    make_data,
    make_deviations,
    make_network,
    make_parameters,
    relayed_parameters,
)

METHOD = MethodSettings(proportional_gain=1.5, leak=0.1, target_stepsize=0.1)
LOSS = "squared_error"


def _distance(first: Updates, second: Updates) -> float:
    pairs = zip(first.forward + first.biases, second.forward + second.biases, strict=True)
    return math.sqrt(sum(float(((a - b) ** 2).sum()) for a, b in pairs))


def _size(updates: Updates) -> float:
    return max(float(w.abs().max()) for w in updates.forward + updates.biases)


@pytest.mark.parametrize("taus", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("hidden", ["tanh", "softplus"])
@pytest.mark.parametrize("limit", [np.inf, 0.02])
def test_euler_settles_on_the_fixed_point(taus: tuple[float, float], hidden: str, limit: float) -> None:
    network = make_network(5, 7, 3, hidden=hidden, tau_basal_ratio=taus[0], tau_apical_ratio=taus[1])
    parameters = make_parameters(network)
    chip = make_deviations(network, limit=limit, auto_zero=True)
    method = attrs.evolve(METHOD, name="DFC-SS-fixed", learning_rate=0.5, proportional_gain=0.5)
    inputs, desired = make_data(network, LOSS)
    protocol = Protocol(dt_ratio=0.05, settle_steps=400, learn_steps=2500)
    run = simulate(
        network,
        parameters,
        method,
        protocol,
        inputs,
        desired,
        loss=LOSS,
        deviations=chip,
        record_every=100,
    )
    rest = feedforward(network, parameters, inputs, deviations=chip).output
    # 400 steps are 100 τ_v, or 66 of the slowest compartment: settled to rounding.
    torch.testing.assert_close(run.held, rest, rtol=0, atol=1e-13)
    wanted = target(LOSS, run.held, desired, method.target_stepsize)
    steady = solve_fixed_point(network, parameters, method, inputs, wanted, deviations=chip)
    assert bool(steady.saturated.any()) == np.isfinite(limit)
    for ours, solved in zip(run.final.soma, steady.soma, strict=True):
        # 125 τ_u at a slowest loop rate of about 0.3/τ_u: e^-37, and the tolerance of the solution.
        torch.testing.assert_close(ours, solved, rtol=0, atol=1e-11)
    torch.testing.assert_close(run.final.integrator, steady.integrator, rtol=0, atol=1e-11)
    torch.testing.assert_close(run.traces["controller"]["output"][:, -1], steady.output, rtol=0, atol=1e-9)
    assert run.updates is not None
    expected = steady_state_update(network, parameters, inputs, steady, chip).scaled(0.5)
    assert _distance(run.updates, expected) < 1e-11


SETTLING = {
    "P": attrs.evolve(METHOD, integral_gain=0.0, proportional_gain=0.8),
    "PID": attrs.evolve(METHOD, proportional_gain=0.5, derivative_gain=0.2, derivative_filter_ratio=0.2),
    "weak I": attrs.evolve(METHOD, proportional_gain=0.5, integral_gain=0.4),
    "relayed": attrs.evolve(METHOD, name="DFC-relayed", proportional_gain=0.5),
}


@pytest.mark.parametrize("loop", SETTLING)
@pytest.mark.parametrize(("limit", "taus"), [(np.inf, (0.1, 0.05)), (0.02, (0.0, 0.0))])
def test_other_controllers_and_relays_settle_on_theirs(
    taus: tuple[float, float], loop: str, limit: float
) -> None:
    method = SETTLING[loop]
    network = make_network(5, 7, 6, 3, tau_basal_ratio=taus[0], tau_apical_ratio=taus[1])
    parameters = relayed_parameters(network) if loop == "relayed" else make_parameters(network)
    shapes = feedback_shapes(method_of(method.name).feedback, network.layers)
    chip = make_deviations(network, limit=limit, feedback=shapes)
    inputs, desired = make_data(network, LOSS)
    protocol = Protocol(dt_ratio=0.05, settle_steps=250, learn_steps=1600)
    run = simulate(
        network,
        parameters,
        method,
        protocol,
        inputs,
        desired,
        loss=LOSS,
        deviations=chip,
        accumulate=False,
        record_every=1000,
    )
    wanted = target(LOSS, run.held, desired, method.target_stepsize)
    steady = solve_fixed_point(network, parameters, method, inputs, wanted, deviations=chip)
    assert steady.converged.all()
    assert bool(steady.saturated.any()) == np.isfinite(limit)
    if loop == "weak I" and np.isfinite(limit):
        assert bool(((steady.integrator.abs() == limit) & ~steady.at_rail).any())
    # As above: 80 τ_u of loops that settle at 0.25/τ_u or faster, e^-20 of displacements of 0.1.
    for ours, solved in zip(run.final.soma, steady.soma, strict=True):
        torch.testing.assert_close(ours, solved, rtol=0, atol=1e-9)
    if method.integral_gain > 0:  # else it follows by its leak alone, and matters to nobody
        torch.testing.assert_close(run.final.integrator, steady.integrator, rtol=0, atol=1e-9)


def test_buffered_dfc_tends_to_its_steady_state_as_one_over_the_learn_phase() -> None:
    network = make_network(5, 7, 3)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, LOSS)
    lengths = [400, 800, 1600]
    distances = []
    for steps in lengths:
        protocol = Protocol(dt_ratio=0.1, settle_steps=200, learn_steps=steps)
        dfc, ss = (
            simulate(
                network,
                parameters,
                attrs.evolve(METHOD, name=name),
                protocol,
                inputs,
                desired,
                loss=LOSS,
                record_every=steps,
            ).updates
            for name in ("DFC-fixed", "DFC-SS-fixed")
        )
        assert dfc is not None
        assert ss is not None
        distances.append(_distance(dfc, ss))
    slope = np.polyfit(np.log(lengths), np.log(distances), 1)[0]
    # The transient adds a constant to the sum, so its share falls as 1/T; 40 τ_u leave e^-12 of it.
    assert slope == pytest.approx(-1.0, abs=0.02)


def test_settling_changes_no_weight() -> None:
    network = make_network(5, 7, 3)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, LOSS)
    protocol = Protocol(dt_ratio=0.1, settle_steps=30, learn_steps=0)
    for updates in ("buffered", "continuous"):
        run = simulate(
            network,
            parameters,
            attrs.evolve(METHOD, weight_updates=updates),
            protocol,
            inputs,
            desired,
            loss=LOSS,
            deviations=make_deviations(network),
        )
        assert run.updates is not None
        assert _size(run.updates) == 0.0
        before = run.traces["controller"]
        assert not before["output"][:, :30].any()
        assert not before["error"][:, :30].any()
        assert len(run.steps) == protocol.period


@pytest.mark.parametrize("updates", ["buffered", "continuous"])
def test_no_target_step_no_update(updates: str) -> None:
    network = make_network(5, 7, 3)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, LOSS)
    method = attrs.evolve(METHOD, target_stepsize=0.0, weight_updates=updates)
    protocol = Protocol(dt_ratio=0.1, settle_steps=200, learn_steps=50)
    run = simulate(network, parameters, method, protocol, inputs, desired, loss=LOSS)
    assert run.updates is not None
    assert _size(run.updates) < 1e-14  # what 100 τ_v of settling leave is rounding


def test_continuous_updates_tend_to_buffered_ones_as_the_rate_falls() -> None:
    network = make_network(5, 7, 3)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, LOSS)
    protocol = Protocol(dt_ratio=0.1, settle_steps=100, learn_steps=100)
    rates, distances = [1e-1, 1e-2, 1e-3], []
    for rate in rates:
        both = [
            simulate(
                network,
                parameters,
                attrs.evolve(METHOD, learning_rate=rate, weight_updates=updates),
                protocol,
                inputs,
                desired,
                loss=LOSS,
                deviations=make_deviations(network),
            ).updates
            for updates in ("buffered", "continuous")
        ]
        assert both[0] is not None
        assert both[1] is not None
        distances.append(_distance(both[0], both[1]) / rate)
    slope = np.polyfit(np.log(rates), np.log(distances), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)


def test_injected_noise_comes_with_learning_only() -> None:
    """The device's own is there all the time; σ is added in squares, from the first learn step on."""
    network = make_network(5, 7, 3, tau_apical_ratio=0.3)
    inputs, desired = make_data(network, LOSS)
    method = attrs.evolve(METHOD, name="DFC", sleep=Sleep(noise=0.4), target_stepsize=0.0)
    protocol = Protocol(dt_ratio=0.01, settle_steps=3, learn_steps=1)
    ideal = Deviations.ideal(network)
    loud = [attrs.evolve(layer, apical_noise=np.full_like(layer.leak, 0.3)) for layer in ideal.layers]
    noise = np.random.default_rng(0).standard_normal((4, 5, 10))
    ends = {}
    for learn in (False, True):
        run = simulate(
            network,
            attrs.evolve(
                make_parameters(network), feedback=tuple(torch.zeros(n, 3).double() for n in (7, 3))
            ),
            method,
            protocol,
            inputs,
            desired,
            loss=LOSS,
            deviations=attrs.evolve(ideal, layers=tuple(loud)),
            apical_noise=noise,
            learn_feedback=learn,
        )
        ends[learn] = torch.cat(run.final.apical, dim=1).numpy()
    # v_fb of the last step: what earlier kicks left, and a kick √h a ξ/τ with a = 0.3, or √(0.3² + 0.4²)
    expected = np.sqrt(0.01) / 0.3 * (0.5 - 0.3) * noise[3]
    np.testing.assert_allclose(ends[True] - ends[False], expected, rtol=1e-12, atol=1e-14)


def test_feedback_can_learn_only_with_a_time_constant_and_where_it_is_meant_to() -> None:
    with pytest.raises(SpecError, match=r"network\.tau_apical_ratio[\s\S]*asleep"):
        _short(method=attrs.evolve(METHOD, name="DFC"), learn_feedback=True)
    with pytest.raises(SpecError, match="DFC-fixed does not learn its feedback"):
        _short(learn_feedback=True)
    assert _short().feedback_updates is None


def test_a_method_that_is_solved_awake_can_be_simulated_asleep() -> None:
    network = make_network(5, 7, 3, tau_apical_ratio=0.3)
    inputs, desired = make_data(network, LOSS)
    noise = np.random.default_rng(0).standard_normal((30, 5, 10))
    runs = [
        simulate(
            network,
            make_parameters(network),
            attrs.evolve(METHOD, name=name),
            Protocol(dt_ratio=0.1, settle_steps=10, learn_steps=20),
            inputs,
            desired,
            loss=LOSS,
            apical_noise=noise,
            accumulate=False,
            learn_feedback=True,
        ).feedback_updates
        for name in ("DFC", "DFC-SSA")
    ]
    for one, other in zip(*(run or () for run in runs), strict=True):
        assert torch.equal(one, other)
        assert one.any()


def test_no_learn_phase_changes_no_feedback() -> None:
    network = make_network(5, 7, 3, tau_apical_ratio=0.3)
    inputs, desired = make_data(network, LOSS)
    run = simulate(
        network,
        make_parameters(network),
        attrs.evolve(METHOD, name="DFC"),
        Protocol(dt_ratio=0.1, settle_steps=5, learn_steps=0),
        inputs,
        desired,
        loss=LOSS,
        learn_feedback=True,
    )
    assert run.feedback_updates is not None
    assert not any(update.any() for update in run.feedback_updates)


def _short(**options: Any) -> Simulation:
    network = make_network(5, 7, 3)
    inputs, desired = make_data(network, LOSS)
    protocol = Protocol(dt_ratio=0.1, settle_steps=10, learn_steps=20)
    method = options.pop("method", METHOD)
    return simulate(
        network, make_parameters(network), method, protocol, inputs, desired, loss=LOSS, **options
    )


def test_thinned_traces_are_every_so_manieth_step() -> None:
    full, thin = _short(), _short(record_every=7)
    assert thin.steps.tolist() == [0, 7, 14, 21, 28]
    for part, variables in full.traces.items():
        for variable, values in variables.items():
            assert torch.equal(values[:, ::7], thin.traces[part][variable])
    assert torch.equal(full.traces["layer_2"]["rate"][:, 10], full.held)


def test_integrator_is_recorded_before_the_step_that_changes_it() -> None:
    controller = _short().traces["controller"]
    assert not controller["integrator"][:, :11].any()
    # From zero the first step gives h e.
    torch.testing.assert_close(controller["integrator"][:, 11], 0.1 * controller["error"][:, 10])
    torch.testing.assert_close(controller["output"][:, 10], 1.5 * controller["error"][:, 10])


def test_initial_soma_is_where_it_starts() -> None:
    start = [torch.full((5, n), 0.25, dtype=torch.float64) for n in (7, 3)]
    run = _short(initial_soma=start)
    assert torch.equal(run.traces["layer_1"]["soma"][:, 0], start[0])


def test_updates_can_be_left_out() -> None:
    assert _short(accumulate=False).updates is None


def test_method_without_dynamics_and_wrong_shapes_are_refused() -> None:
    with pytest.raises(SpecError, match="DFC-SSA-fixed has no dynamics"):
        _short(method=MethodSettings(name="DFC-SSA-fixed"))
    with pytest.raises(DataError, match="soma_noise"):
        _short(soma_noise=np.zeros((30, 5, 9)))
    with pytest.raises(DataError, match="initial_soma"):
        _short(initial_soma=[np.zeros((5, 3)), np.zeros((5, 3))])
    with pytest.raises(DataError, match="initial_soma"):
        _short(initial_soma=[np.zeros((5, 7))])
    with pytest.raises(SpecError, match="record_every"):
        _short(record_every=0)
