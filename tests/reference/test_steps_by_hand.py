"""Every step of a presentation against a loop written out by hand in numpy, from the equations alone."""

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.learning import feedback_shapes, method_of
from neurosim.reference import Parameters, phi, simulate
from neurosim.spec import DendriteDeviations, Deviations, MethodSettings, Network, Protocol, Sleep

from .cases import make_data, make_deviations, make_network, make_parameters, relayed_parameters

METHOD = MethodSettings(proportional_gain=1.5, leak=0.1, target_stepsize=0.1)
LOSS = "squared_error"


def _by_hand(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    protocol: Protocol,
    inputs: np.ndarray,
    desired: np.ndarray,
    chip: Deviations,
    noises: tuple[np.ndarray, np.ndarray],
) -> dict[str, Any]:
    """The presentation step by step in numpy, on vectors of all layers, written from the equations alone."""
    h, tv = protocol.dt_ratio, network.tau_soma_ratio
    tb, ta = network.tau_basal_ratio, network.tau_apical_ratio
    depth, columns = network.depth, len(inputs)
    weights = [w.numpy() for w in parameters.forward]
    biases = [b.numpy() for b in parameters.biases]
    feedback = [q.numpy() * g for q, g in zip(parameters.feedback, chip.feedback_gain, strict=True)]
    sleep, learns = method.sleep, method.name in ("DFC", "DFC-merged")
    change_q = [np.zeros_like(q) for q in feedback]
    slow, e_f, tau_f = 0.0, 0.0, method.derivative_filter_ratio
    v, basal, apical = ([np.zeros((columns, n)) for n in network.layers[1:]] for _ in range(3))
    starts = np.cumsum([0, *network.layers[1:]])
    u_int = np.zeros((columns, network.layers[-1]))
    change = [np.zeros_like(w) for w in weights]
    change_b = [np.zeros_like(b) for b in biases]
    held, held_apical = [0.0] * depth, [0.0] * depth
    c, limit = chip.controller, chip.controller.limit
    outputs = []
    delivered = np.zeros_like(u_int)

    def tanh(x: np.ndarray, most: float) -> np.ndarray:
        return most * np.tanh(x / most) if np.isfinite(most) else x

    def stopped(part: DendriteDeviations, x: np.ndarray) -> np.ndarray:
        return np.clip(x, -part.limit - part.offset, part.limit - part.offset)

    def resting(part: DendriteDeviations, drive: np.ndarray) -> np.ndarray:
        x = drive / part.leak
        if np.isfinite(part.saturation):
            x = part.saturation * np.arctanh(np.clip(x / part.saturation, -1 + 1e-15, 1 - 1e-15))
        return stopped(part, x - part.offset)

    def flow(part: DendriteDeviations, drive: np.ndarray, x: np.ndarray) -> np.ndarray:
        return drive - part.leak * tanh(x + part.offset, part.saturation)

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
            e = wanted - c.droop * h * (k - protocol.settle_steps) - rates[-1] + c.error_offset
            u = method.integral_gain * u_int + method.proportional_gain * c.proportional * e
            u = np.clip(u + method.derivative_gain / tau_f * (e - e_f), -limit, limit)
            e_f = e_f + h / tau_f * (e - e_f)
            push = c.integral * tanh(e, c.saturation) - (method.leak * c.leak + c.gain_leak) * u_int
            u_int = np.clip(u_int + h * push, -limit, limit)
            if c.output_tau > 0:
                u, delivered = (
                    delivered,
                    delivered + h / c.output_tau * tanh(u - delivered + c.output_offset, c.output_saturation),
                )
        outputs.append(u)
        if learning:
            fast = u - slow if method.name == "DFC-merged" else u
            slow = slow + h / sleep.highpass_ratio * (u - slow)
            for l in range(depth) if learns else ():
                if k == protocol.settle_steps:
                    held_apical[l] = apical[l] if chip.auto_zero else 0.0
                change_q[l] -= (
                    (apical[l] - held_apical[l]).T @ fast / (columns * protocol.learn_steps * sleep.noise**2)
                )
        back = [np.zeros_like(x) for x in v]
        for l in reversed(range(depth)):
            relays = method.name == "DFC-relayed" and l < depth - 1
            above = learning * (apical[l + 1] if ta > 0 else back[l + 1]) if relays else u
            back[l] = above @ feedback[l].T
        new_weights, new_biases = [w.copy() for w in weights], [b.copy() for b in biases]
        for l, x in enumerate(chip.layers):
            drive = rates[l] @ (chip.forward_gain[l] * weights[l]).T + biases[l]
            part = slice(starts[l], starts[l + 1])
            soma_noise, apical_noise = noises[0][k][:, part], noises[1][k][:, part]
            b_now = basal[l] if tb > 0 else resting(x.basal, drive)
            a_now = apical[l] if ta > 0 else resting(x.apical, back[l])
            noise = x.apical_noise
            if learns and learning:
                noise = np.sqrt(noise**2 + sleep.noise**2)
            difference = act(l, v[l]) - act(l, b_now) + x.comparator_offset
            pull = x.basal_gain * tanh(b_now, x.saturation) - x.leak * tanh(v[l], x.saturation) + x.offset
            pull = pull + x.apical_gain * tanh(a_now, x.saturation)
            v[l] = v[l] + h / tv * pull + x.soma_noise * np.sqrt(h) * soma_noise
            if tb > 0:
                basal[l] = stopped(x.basal, b_now + h / tb * flow(x.basal, drive, b_now))
            if ta > 0:
                moved = a_now + h / ta * flow(x.apical, back[l], a_now)
                apical[l] = stopped(x.apical, moved + noise / ta * np.sqrt(h) * apical_noise)
            else:
                v[l] = v[l] + x.apical_gain * noise / tv * np.sqrt(h) * apical_noise
            v[l] = np.clip(v[l], -x.limit, x.limit)
            if not learning:
                continue
            if k == protocol.settle_steps:
                held[l] = difference
            post = difference - held[l] if chip.auto_zero else difference
            if method.name == "DFC-SS-fixed" and k < protocol.settle_steps + protocol.learn_steps - 1:
                continue
            share = method.learning_rate / columns
            share /= protocol.learn_steps if method.name != "DFC-SS-fixed" else 1
            change[l] += share * post.T @ rates[l]
            change_b[l] += share * post.sum(0)
            if method.weight_updates == "continuous":
                new_weights[l] += share * post.T @ rates[l]
                new_biases[l] += share * post.sum(0)
        weights, biases = new_weights, new_biases
    change_q = [dq - sleep.decay * q.numpy() for dq, q in zip(change_q, parameters.feedback, strict=True)]
    u = np.stack(outputs, axis=1)
    return {"v": v, "u_int": u_int, "e_f": e_f, "W": change, "b": change_b, "Q": change_q, "u": u}


def _check_against_hand(
    network: Network, parameters: Parameters, method: MethodSettings, chip: Deviations, **options: Any
) -> None:
    """50 steps of the same operations: rounding only, here of numbers up to 1."""
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
        **options,
    )
    hand = _by_hand(network, parameters, method, protocol, inputs.numpy(), desired.numpy(), chip, noises)
    close = {"rtol": 1e-12, "atol": 1e-14}
    for ours, theirs in zip(run.final.soma, hand["v"], strict=True):
        np.testing.assert_allclose(ours, theirs, **close)
    np.testing.assert_allclose(run.final.integrator, hand["u_int"], **close)
    np.testing.assert_allclose(run.traces["controller"]["output"], hand["u"], **close)
    assert (run.final.filtered is not None) == (method.derivative_gain > 0)
    if run.final.filtered is not None:
        np.testing.assert_allclose(run.final.filtered, hand["e_f"], **close)
    assert run.updates is not None
    for ours, theirs in zip(run.updates.forward + run.updates.biases, hand["W"] + hand["b"], strict=True):
        np.testing.assert_allclose(ours, theirs, **close)
    assert (run.feedback_updates is not None) == options.get("learn_feedback", False)
    for ours, theirs in zip(run.feedback_updates or (), hand["Q"], strict=run.feedback_updates is not None):
        # divided by σ² = 1e-4
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("taus", [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3), (0.1, 0.3)])
@pytest.mark.parametrize(
    ("name", "updates"),
    [("DFC-fixed", "buffered"), ("DFC-fixed", "continuous"), ("DFC-SS-fixed", "buffered")],
)
@pytest.mark.parametrize("auto_zero", [False, True])
def test_every_step_is_that_of_a_loop_by_hand(
    taus: tuple[float, float], name: str, updates: str, auto_zero: bool
) -> None:
    network = make_network(5, 7, 6, 3, output="sigmoid", tau_basal_ratio=taus[0], tau_apical_ratio=taus[1])
    chip = make_deviations(network, limit=0.1, auto_zero=auto_zero)
    method = attrs.evolve(METHOD, name=name, weight_updates=updates, learning_rate=0.3)
    _check_against_hand(network, make_parameters(network), method, chip)


@pytest.mark.parametrize("taus", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("name", ["DFC-fixed", "DFC-relayed"])
@pytest.mark.parametrize("limit", [0.1, np.inf])
def test_every_step_of_pid_and_relay_is_that_of_a_loop_by_hand(
    taus: tuple[float, float], name: str, limit: float
) -> None:
    network = make_network(5, 7, 6, 3, output="sigmoid", tau_basal_ratio=taus[0], tau_apical_ratio=taus[1])
    relayed = name == "DFC-relayed"
    parameters = relayed_parameters(network) if relayed else make_parameters(network)
    shapes = feedback_shapes(method_of(name).feedback, network.layers)
    chip = make_deviations(network, limit=limit, feedback=shapes)
    for settings in (
        {"derivative_gain": 0.3, "integral_gain": 0.7},
        {"integral_gain": 0.0},
        {"derivative_gain": 0.2, "integral_gain": 0.0, "derivative_filter_ratio": 0.3},
    ):
        _check_against_hand(network, parameters, attrs.evolve(METHOD, name=name, **settings), chip)


@pytest.mark.parametrize("basal", [0.0, 0.1])
@pytest.mark.parametrize("name", ["DFC", "DFC-merged"])
@pytest.mark.parametrize("updates", ["buffered", "continuous"])
def test_every_step_of_learning_feedback_is_that_of_a_loop_by_hand(
    basal: float, name: str, updates: str
) -> None:
    """Forward and feedback updates at once, device noise and injected noise together, u high-passed or not."""
    network = make_network(5, 7, 6, 3, output="sigmoid", tau_basal_ratio=basal, tau_apical_ratio=0.3)
    chip = make_deviations(network, limit=0.5)
    sleep = Sleep(noise=0.1, decay=0.2, highpass_ratio=0.4)
    method = attrs.evolve(METHOD, name=name, weight_updates=updates, learning_rate=0.3, sleep=sleep)
    _check_against_hand(network, make_parameters(network), method, chip, learn_feedback=True)


@pytest.mark.parametrize("taus", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("output_tau", [0.0, 0.15])
@pytest.mark.parametrize("name", ["DFC-fixed", "DFC-relayed"])
def test_every_step_of_an_imperfect_chip_is_that_of_a_loop_by_hand(
    taus: tuple[float, float], output_tau: float, name: str
) -> None:
    """Saturating couplings, rails of the somata that some reach, an output stage that slews, a droop."""
    network = make_network(5, 7, 6, 3, output="sigmoid", tau_basal_ratio=taus[0], tau_apical_ratio=taus[1])
    parameters = relayed_parameters(network) if name == "DFC-relayed" else make_parameters(network)
    shapes = feedback_shapes(method_of(name).feedback, network.layers)
    chip = make_deviations(
        network,
        limit=0.5,
        feedback=shapes,
        saturation=0.7,
        soma_limit=0.3,
        output_tau=output_tau,
        droops=True,
    )
    method = attrs.evolve(METHOD, name=name, learning_rate=0.3, derivative_gain=0.1)
    _check_against_hand(network, parameters, method, chip)
