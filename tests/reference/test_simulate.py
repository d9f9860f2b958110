"""The stepped presentation against the fixed point, a loop written out by hand, and exact invariants."""

import math
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference import (
    Simulation,
    Updates,
    feedforward,
    phi,
    simulate,
    solve_fixed_point,
    steady_state_update,
    target,
)
from neurosim.spec import Deviations, MethodSettings, Protocol

from .cases import make_data, make_deviations, make_network, make_parameters

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
    method = attrs.evolve(METHOD, name="DFC-SS", learning_rate=0.5, proportional_gain=0.5)
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
            for name in ("DFC", "DFC-SS")
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


def _by_hand(
    network: Any,
    parameters: Any,
    method: MethodSettings,
    protocol: Protocol,
    inputs: np.ndarray,
    desired: np.ndarray,
    chip: Deviations,
    noises: tuple[np.ndarray, np.ndarray],
) -> dict[str, Any]:
    """The presentation step by step in numpy, on vectors of all layers, written from the brief alone."""
    h, tv = protocol.dt_ratio, network.tau_soma_ratio
    tb, ta = network.tau_basal_ratio, network.tau_apical_ratio
    depth, columns = network.depth, len(inputs)
    weights = [w.numpy() for w in parameters.forward]
    biases = [b.numpy() for b in parameters.biases]
    feedback = [q.numpy() * g for q, g in zip(parameters.feedback, chip.feedback_gain, strict=True)]
    v, basal, apical = ([np.zeros((columns, n)) for n in network.layers[1:]] for _ in range(3))
    starts = np.cumsum([0, *network.layers[1:]])
    u_int = np.zeros((columns, network.layers[-1]))
    change = [np.zeros_like(w) for w in weights]
    change_b = [np.zeros_like(b) for b in biases]
    held = [0.0] * depth
    c, limit = chip.controller, chip.controller.limit
    outputs = []

    def act(l: int, x: np.ndarray) -> np.ndarray:
        return phi(network.activations[l], torch.tensor(chip.layers[l].slope * x)).numpy()

    for k in range(protocol.settle_steps + protocol.learn_steps):
        rates = [inputs, *(act(l, v[l]) for l in range(depth))]
        learning = k >= protocol.settle_steps
        u = np.zeros_like(u_int)
        if k == protocol.settle_steps:
            wanted = rates[-1] - method.target_stepsize * (rates[-1] - desired)
            u_int = np.zeros_like(u_int)
        if learning:
            e = wanted - rates[-1] + c.error_offset
            u = np.clip(u_int + method.proportional_gain * c.proportional * e, -limit, limit)
            u_int = np.clip(u_int + h * (e - method.leak * c.leak * u_int), -limit, limit)
        outputs.append(u)
        new_weights, new_biases = [w.copy() for w in weights], [b.copy() for b in biases]
        for l, x in enumerate(chip.layers):
            drive = rates[l] @ (chip.forward_gain[l] * weights[l]).T + biases[l]
            back = u @ feedback[l].T
            part = slice(starts[l], starts[l + 1])
            soma_noise, apical_noise = noises[0][k][:, part], noises[1][k][:, part]
            b_now = basal[l] if tb > 0 else drive
            a_now = apical[l] if ta > 0 else back
            difference = act(l, v[l]) - act(l, b_now) + x.comparator_offset
            pull = -x.leak * v[l] + x.basal_gain * b_now + x.apical_gain * a_now + x.offset
            v[l] = v[l] + h / tv * pull + x.soma_noise * np.sqrt(h) * soma_noise
            if tb > 0:
                basal[l] = b_now + h / tb * (drive - b_now)
            if ta > 0:
                apical[l] = a_now + h / ta * (back - a_now) + x.apical_noise / ta * np.sqrt(h) * apical_noise
            else:
                v[l] = v[l] + x.apical_gain * x.apical_noise / tv * np.sqrt(h) * apical_noise
            if not learning:
                continue
            if k == protocol.settle_steps:
                held[l] = difference
            post = difference - held[l] if chip.auto_zero else difference
            if method.name == "DFC-SS" and k < protocol.settle_steps + protocol.learn_steps - 1:
                continue
            share = method.learning_rate / columns
            share /= protocol.learn_steps if method.name == "DFC" else 1
            change[l] += share * post.T @ rates[l]
            change_b[l] += share * post.sum(0)
            if method.weight_updates == "continuous":
                new_weights[l] += share * post.T @ rates[l]
                new_biases[l] += share * post.sum(0)
        weights, biases = new_weights, new_biases
    return {"v": v, "u_int": u_int, "W": change, "b": change_b, "u": np.stack(outputs, axis=1)}


@pytest.mark.parametrize("taus", [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3), (0.1, 0.3)])
@pytest.mark.parametrize(
    ("name", "updates"), [("DFC", "buffered"), ("DFC", "continuous"), ("DFC-SS", "buffered")]
)
@pytest.mark.parametrize("auto_zero", [False, True])
def test_every_step_is_that_of_a_loop_by_hand(
    taus: tuple[float, float], name: str, updates: str, auto_zero: bool
) -> None:
    network = make_network(5, 7, 6, 3, output="sigmoid", tau_basal_ratio=taus[0], tau_apical_ratio=taus[1])
    parameters = make_parameters(network)
    chip = make_deviations(network, limit=0.1, auto_zero=auto_zero)
    method = attrs.evolve(METHOD, name=name, weight_updates=updates, learning_rate=0.3)
    protocol = Protocol(dt_ratio=0.05, settle_steps=20, learn_steps=30)
    inputs, desired = make_data(network, LOSS)
    draw = np.random.default_rng(5)
    noises = tuple(draw.standard_normal((50, len(inputs), 16)) for _ in range(2))
    run = simulate(
        network,
        parameters,
        method,
        protocol,
        inputs,
        desired,
        loss=LOSS,
        deviations=chip,
        soma_noise=noises[0],
        apical_noise=noises[1],
    )
    hand = _by_hand(network, parameters, method, protocol, inputs.numpy(), desired.numpy(), chip, noises)
    # 50 steps of the same operations: rounding only.
    close = {"rtol": 1e-12, "atol": 1e-14}
    for ours, theirs in zip(run.final.soma, hand["v"], strict=True):
        np.testing.assert_allclose(ours, theirs, **close)
    np.testing.assert_allclose(run.final.integrator, hand["u_int"], **close)
    np.testing.assert_allclose(run.traces["controller"]["output"], hand["u"], **close)
    assert run.updates is not None
    for ours, theirs in zip(run.updates.forward + run.updates.biases, hand["W"] + hand["b"], strict=True):
        np.testing.assert_allclose(ours, theirs, **close)


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
    with pytest.raises(SpecError, match="DFC-SSA has no dynamics"):
        _short(method=MethodSettings(name="DFC-SSA"))
    with pytest.raises(DataError, match="soma_noise"):
        _short(soma_noise=np.zeros((30, 5, 9)))
    with pytest.raises(DataError, match="initial_soma"):
        _short(initial_soma=[np.zeros((5, 3)), np.zeros((5, 3))])
    with pytest.raises(DataError, match="initial_soma"):
        _short(initial_soma=[np.zeros((5, 7))])
    with pytest.raises(SpecError, match="record_every"):
        _short(record_every=0)
