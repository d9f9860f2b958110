"""The system's matrix against an independent right-hand side, its limits, and the step it allows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neurosim.analysis import largest_stable_step, system_matrix
from neurosim.analysis.stability import spectrum
from neurosim.errors import SpecError
from neurosim.learning import feedback_shapes, method_of
from neurosim.learning.feedback import direct_feedback_weights
from neurosim.reference import Parameters, simulate
from neurosim.spec import Deviations, MethodSettings, Network, Protocol
from tests.reference.cases import make_deviations

Array = NDArray[np.float64]
METHOD = MethodSettings(proportional_gain=0.7, leak=0.05)
PROPORTIONAL = attrs.evolve(METHOD, integral_gain=0.0)
PID = attrs.evolve(METHOD, integral_gain=0.6, derivative_gain=0.3, derivative_filter_ratio=0.2)
LOOPS = {
    "P": PROPORTIONAL,
    "PID": PID,
    "PD": attrs.evolve(PID, integral_gain=0.0),
    "relayed": attrs.evolve(METHOD, name="DFC-relayed"),
    "relayed PID": attrs.evolve(PID, name="DFC-relayed"),
}
RATIOS = [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3), (0.1, 0.3)]
PHI: dict[str, tuple[Any, Any]] = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.25 / np.cosh(x / 2) ** 2),
    "softplus": (lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
    "linear": (lambda x: x, np.ones_like),
}


def make_network(hidden: str = "tanh", output: str = "linear", **settings: Any) -> Network:
    return Network(layers=(4, 6, 5, 3), hidden=hidden, output=output, **settings)


def make_weights(
    network: Network, seed: int = 0, method: MethodSettings = METHOD
) -> tuple[list[Array], list[Array]]:
    draw = np.random.default_rng(seed)
    forward = [draw.standard_normal((m, n)) / np.sqrt(n) for n, m in itertools.pairwise(network.layers)]
    shapes = feedback_shapes(method_of(method.name).feedback, network.layers)
    return forward, [draw.standard_normal(shape) for shape in shapes]


def right_hand_side(
    network: Network,
    forward: list[Array],
    feedback: list[Array],
    chip: Deviations,
    method: MethodSettings = METHOD,
) -> Callable[[Array], Array]:
    """d(v, basal, apical, u_int, e_f)/dt in units of τ_u, written from the equations in the docstrings of
    `LayerDeviations` and `ControllerDeviations`; a compartment without time constant is eliminated, and so is
    an integrator or a filter that has no effect."""
    sizes, depth = network.layers[1:], network.depth
    draw = np.random.default_rng(5)
    inputs, target = draw.uniform(-1, 1, network.layers[0]), draw.uniform(-1, 1, sizes[-1])
    dynamic = (True, network.tau_basal_ratio > 0, network.tau_apical_ratio > 0)

    def field(state: Array) -> Array:
        state, stage = np.split(state, [len(state) - (sizes[-1] if chip.controller.output_tau > 0 else 0)])
        parts, start = [], 0
        for present in dynamic:
            pieces = []
            for n in sizes if present else ():
                pieces.append(state[start : start + n])
                start += n
            parts.append(pieces)
        somas, basals, apicals = parts
        n_out = sizes[-1]
        integral = state[start : start + n_out] if method.integral_gain > 0 else np.zeros(n_out)
        filtered = state[len(state) - n_out :] if method.derivative_gain > 0 else np.zeros(n_out)
        rates = [inputs]
        for name, layer, v in zip(network.activations, chip.layers, somas, strict=True):
            rates.append(PHI[name][0](layer.slope * v))
        error = target - rates[-1] + chip.controller.error_offset
        output = method.integral_gain * integral
        output = output + method.proportional_gain * chip.controller.proportional * error
        slope = (error - filtered) / method.derivative_filter_ratio
        demand = output + method.derivative_gain * slope
        output = stage if len(stage) else demand
        to_apicals = _to_apicals(method, chip, feedback, output, apicals)
        change: list[list[Array]] = [[], [], []]
        for l in range(depth):
            layer = chip.layers[l]
            to_basal, to_apical = (chip.forward_gain[l] * forward[l]) @ rates[l], to_apicals[l]
            basal = basals[l] if dynamic[1] else to_basal / layer.basal.leak - layer.basal.offset
            apical = apicals[l] if dynamic[2] else to_apical / layer.apical.leak - layer.apical.offset
            flow = -layer.leak * somas[l] + layer.basal_gain * basal + layer.apical_gain * apical
            change[0].append((flow + layer.offset) / network.tau_soma_ratio)
            if dynamic[1]:
                pull = to_basal - layer.basal.leak * (basal + layer.basal.offset)
                change[1].append(pull / network.tau_basal_ratio)
            if dynamic[2]:
                pull = to_apical - layer.apical.leak * (apical + layer.apical.offset)
                change[2].append(pull / network.tau_apical_ratio)
        leak = method.leak * chip.controller.leak + chip.controller.gain_leak
        last = [chip.controller.integral * error - leak * integral] if method.integral_gain > 0 else []
        last += [slope] if method.derivative_gain > 0 else []
        last += (
            [(demand - stage + chip.controller.output_offset) / chip.controller.output_tau]
            if len(stage)
            else []
        )
        return np.concatenate([*change[0], *change[1], *change[2], *last])

    return field


def _to_apicals(
    method: MethodSettings, chip: Deviations, feedback: list[Array], output: Array, apicals: list[Array]
) -> list[Array]:
    weights = [gain * q for gain, q in zip(chip.feedback_gain, feedback, strict=True)]
    if method.name != "DFC-relayed":
        return [q @ output for q in weights]
    drives = [weights[-1] @ output]
    for l in reversed(range(len(weights) - 1)):
        drives.insert(0, weights[l] @ (apicals[l + 1] if apicals else drives[0]))
    return drives


def numerical_jacobian(field: Callable[[Array], Array], state: Array) -> Array:
    step = 1e-5
    columns = [field(state + step * e) - field(state - step * e) for e in np.eye(len(state))]
    return np.array(columns).T / (2 * step)


def slopes_at(network: Network, chip: Deviations, state: Array) -> list[Array]:
    """∂r/∂v with the device's slope."""
    edges = np.cumsum((0, *network.layers[1:]))
    return [
        layer.slope * PHI[name][1](layer.slope * state[a:b])
        for name, layer, (a, b) in zip(
            network.activations, chip.layers, itertools.pairwise(edges), strict=True
        )
    ]


@pytest.mark.parametrize("ratios", RATIOS)
@pytest.mark.parametrize("deviating", [False, True])
@pytest.mark.parametrize("hidden", PHI)
def test_the_matrix_is_the_derivative_of_the_equations(
    ratios: tuple[float, float], deviating: bool, hidden: str
) -> None:
    """1e-6 of the largest entry: central differences leave h² f'''/6 ~ 1e-10 and rounding ε/h ~ 1e-11."""
    network = make_network(
        hidden, "sigmoid", tau_basal_ratio=ratios[0], tau_apical_ratio=ratios[1], tau_soma_ratio=0.15
    )
    chip = make_deviations(network, spread=0.2) if deviating else Deviations.ideal(network)
    forward, feedback = make_weights(network)
    blocks = 1 + sum(ratio > 0 for ratio in ratios)
    state = np.random.default_rng(1).standard_normal(14 * blocks + 3)
    matrix = system_matrix(
        network,
        METHOD,
        forward=forward,
        feedback=feedback,
        slopes=slopes_at(network, chip, state),
        deviations=chip if deviating else None,
    )
    numerical = numerical_jacobian(right_hand_side(network, forward, feedback, chip), state)
    assert matrix.shape == numerical.shape
    np.testing.assert_allclose(matrix, numerical, rtol=0, atol=1e-6 * np.abs(matrix).max())


@pytest.mark.parametrize("ratios", RATIOS)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("output_tau", [0.0, 0.07])
def test_other_controllers_and_relays_are_the_derivative_of_theirs(
    ratios: tuple[float, float], loop: str, output_tau: float
) -> None:
    """The tolerance is that of the test above."""
    method = LOOPS[loop]
    network = make_network(
        "tanh", "sigmoid", tau_basal_ratio=ratios[0], tau_apical_ratio=ratios[1], tau_soma_ratio=0.15
    )
    shapes = feedback_shapes(method_of(method.name).feedback, network.layers)
    chip = make_deviations(network, spread=0.2, feedback=shapes, output_tau=output_tau)
    forward, feedback = make_weights(network, method=method)
    extra = 3 * (method.integral_gain > 0) + 3 * (method.derivative_gain > 0) + 3 * (output_tau > 0)
    state = np.random.default_rng(1).standard_normal(14 * (1 + sum(r > 0 for r in ratios)) + extra)
    matrix = system_matrix(
        network,
        method,
        forward=forward,
        feedback=feedback,
        slopes=slopes_at(network, chip, state),
        deviations=chip,
    )
    numerical = numerical_jacobian(right_hand_side(network, forward, feedback, chip, method), state)
    assert matrix.shape == numerical.shape
    np.testing.assert_allclose(matrix, numerical, rtol=0, atol=1e-6 * np.abs(matrix).max())


def test_the_ideal_case_is_the_block_formula() -> None:
    """[[−(I − Ĵ + k_p Q J_o)/τ, Q/τ], [−J_o, −αI]], to the last bits: the same products in another order."""
    network = make_network()
    forward, feedback = make_weights(network)
    slopes = [np.random.default_rng(2).uniform(0.2, 1, n) for n in network.layers[1:]]
    j_hat = np.zeros((14, 14))
    j_hat[6:11, :6] = forward[1] @ np.diag(slopes[0])
    j_hat[11:, 6:11] = forward[2] @ np.diag(slopes[1])
    j_out = np.hstack([np.zeros((3, 11)), np.diag(slopes[2])])
    q, tau = np.vstack(feedback), network.tau_soma_ratio
    expected = np.block(
        [
            [-(np.eye(14) - j_hat + METHOD.proportional_gain * q @ j_out) / tau, q / tau],
            [-j_out, -METHOD.leak * np.eye(3)],
        ]
    )
    matrix = system_matrix(network, METHOD, forward=forward, feedback=feedback, slopes=slopes)
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize("ratios", RATIOS)
@pytest.mark.parametrize("loop", ["PI", "PID", "relayed"])
def test_eulers_step_of_the_reference_is_one_plus_h_a(ratios: tuple[float, float], loop: str) -> None:
    """A linear network whose target is 0, from a random state: one step without control, one with it."""
    method = {"PI": METHOD, **LOOPS}[loop]
    network = make_network("linear", "linear", tau_basal_ratio=ratios[0], tau_apical_ratio=ratios[1])
    forward, feedback = make_weights(network, method=method)
    slopes = [np.ones(n) for n in network.layers[1:]]
    matrix = system_matrix(network, method, forward=forward, feedback=feedback, slopes=slopes)
    parameters = Parameters.from_arrays(
        forward=forward, biases=[np.zeros(n) for n in network.layers[1:]], feedback=feedback
    )
    step = 1e-3

    def after(somas: list[Array]) -> Array:
        """Controller on, target 0: λ = 1 and desired 0 take it there whatever was held."""
        run = simulate(
            network,
            parameters,
            attrs.evolve(method, target_stepsize=1.0),
            Protocol(dt_ratio=step, settle_steps=1, learn_steps=1),
            np.zeros((1, 4)),
            np.zeros((1, 3)),
            loss="squared_error",
            initial_soma=[v[None] for v in somas],
            accumulate=False,
        )
        state = run.final
        parts = [*state.soma]
        parts += [*state.basal] if ratios[0] > 0 else []
        parts += [*state.apical] if ratios[1] > 0 else []
        parts += [state.integrator]
        parts += [state.filtered] if state.filtered is not None else []
        return torch.cat(parts, dim=1)[0].numpy()

    draw = np.random.default_rng(3)
    somas = [draw.standard_normal(n) for n in network.layers[1:]]
    free = system_matrix(  # settling: neither feedback nor controller
        network, method, forward=forward, feedback=[0 * q for q in feedback], slopes=slopes
    )
    free[14 * (1 + sum(r > 0 for r in ratios)) :] = 0.0
    identity = np.eye(len(matrix))
    start = np.concatenate([*somas, np.zeros(len(matrix) - 14)])
    expected = (identity + step * matrix) @ (identity + step * free) @ start
    # the products of a step of 20 numbers, rounded
    np.testing.assert_allclose(after(somas), expected, rtol=0, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize("apical", [0.0, 0.05])
def test_a_relay_with_fast_compartments_is_its_product(apical: float) -> None:
    """At rest only Q_l = R_l ⋯ R_L counts; without time constants of its own the relay is that product."""
    method, direct = LOOPS["relayed"], METHOD
    network = make_network(tau_apical_ratio=apical)
    forward, relay = make_weights(network, method=method)
    products = [relay[0] @ relay[1] @ relay[2], relay[1] @ relay[2], relay[2]]
    slopes = [np.random.default_rng(2).uniform(0.2, 1, n) for n in network.layers[1:]]
    arrays: dict[str, Any] = {"forward": forward, "slopes": slopes}
    chained = system_matrix(network, method, feedback=relay, **arrays)
    short = system_matrix(network, direct, feedback=products, **arrays)
    if apical == 0:
        # the same three products, taken in another order
        np.testing.assert_allclose(chained, short, rtol=0, atol=1e-13 * np.abs(short).max())
        return
    assert np.abs(spectrum(chained).real.max() - spectrum(short).real.max()) > 1e-3  # poles in a chain
    push = np.zeros(len(short))
    push[-3:] = [0.3, -0.2, 0.5]
    rest = [np.linalg.solve(matrix, push)[:14] for matrix in (chained, short)]
    # condition numbers of some 1e3
    np.testing.assert_allclose(rest[0], rest[1], rtol=1e-10)


def test_a_derivative_moves_eigenvalues_but_no_steady_state() -> None:
    network = make_network()
    forward, _ = make_weights(network)
    arrays: dict[str, Any] = {
        "forward": forward,
        "feedback": list(direct_feedback_weights(forward)),
        "slopes": [np.ones(n) for n in network.layers[1:]],
    }
    plain = attrs.evolve(PID, derivative_gain=0.0)
    with_it, without = (system_matrix(network, method, **arrays) for method in (PID, plain))
    assert with_it.shape == (20, 20)
    assert without.shape == (17, 17)
    # a constant error offset pushes u_int through e, u through k_p and k_d, and e_f through its filter
    direct = np.concatenate(arrays["feedback"]) @ np.array([0.3, -0.2, 0.5]) / network.tau_soma_ratio
    ratio = PID.derivative_gain / PID.derivative_filter_ratio
    offset = np.array([0.3, -0.2, 0.5])
    pushes = [
        np.concatenate(
            [(PID.proportional_gain + ratio) * direct, offset, offset / PID.derivative_filter_ratio]
        ),
        np.concatenate([PID.proportional_gain * direct, offset]),
    ]
    rests = [
        -np.linalg.solve(matrix, push)[:17] for matrix, push in zip((with_it, without), pushes, strict=True)
    ]
    np.testing.assert_allclose(rests[0], rests[1], rtol=1e-12)  # rounding of two solutions
    assert abs(spectrum(with_it).real.max() - spectrum(without).real.max()) > 1e-3


def test_methods_without_a_controller_are_refused() -> None:
    network = make_network()
    forward, feedback = make_weights(network)
    arrays: dict[str, Any] = {
        "forward": forward,
        "feedback": feedback,
        "slopes": [np.ones(n) for n in network.layers[1:]],
    }
    with pytest.raises(SpecError, match="DI has no feedback from a controller"):
        system_matrix(network, MethodSettings(name="DI"), **arrays)


def test_a_slow_controller_sees_only_the_output_sensitivity() -> None:
    """k_p = 0, τ_v → 0: the slow eigenvalues go to those of −(JQ + αI), with an error in proportion to τ."""
    forward, _ = make_weights(make_network())
    feedback = list(direct_feedback_weights(forward))
    slopes = [np.random.default_rng(2).uniform(0.2, 1, n) for n in (6, 5, 3)]
    jacobian = [np.diag(slopes[2])]
    jacobian.insert(0, jacobian[0] @ forward[2] @ np.diag(slopes[1]))
    jacobian.insert(0, jacobian[0] @ forward[1] @ np.diag(slopes[0]))
    limit = np.linalg.eigvals(-(np.hstack(jacobian) @ np.vstack(feedback) + 0.05 * np.eye(3)))
    errors = []
    for tau in (1e-4, 1e-5):
        matrix = system_matrix(
            make_network(tau_soma_ratio=tau),
            MethodSettings(proportional_gain=0.0, leak=0.05),
            forward=forward,
            feedback=feedback,
            slopes=slopes,
        )
        values = spectrum(matrix)
        slow = values[np.argsort(np.abs(values))[:3]]
        errors.append(max(np.abs(limit - value).min() for value in slow))
        assert errors[-1] < 50 * tau * np.abs(limit).max() ** 2
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.05)  # the next term is O(τ²)


@pytest.mark.parametrize("seed", range(8))
def test_the_largest_step_is_where_iterates_turn(seed: int) -> None:
    """x ← (1 + hA) x falls for a step 1 % below it and grows for one 1 % above."""
    matrix = np.random.default_rng(seed).standard_normal((8, 8))
    matrix -= (np.linalg.eigvals(matrix).real.max() + 0.5) * np.eye(8)
    step = largest_stable_step(spectrum(matrix))

    def size(h: float) -> float:
        """‖(1 + hA)^8192‖, by which 1 % in the modulus has shown."""
        return float(np.linalg.norm(np.linalg.matrix_power(np.eye(8) + h * matrix, 8192)))

    assert size(0.99 * step) < 1e-3
    assert size(1.01 * step) > 1e3


def test_the_largest_step_of_known_spectra() -> None:
    assert largest_stable_step([-4.0]) == 0.5
    assert largest_stable_step([-1 + 2j, -1 - 2j]) == pytest.approx(0.4, rel=1e-15)
    assert largest_stable_step([-4.0, -100.0]) == 0.02
    assert largest_stable_step([-1.0, 0.0]) == 0.0
    assert largest_stable_step([-1.0, 1e-9 + 3j]) == 0.0


def test_a_controller_without_leak_may_be_stable() -> None:
    """α = 0: zero is an eigenvalue of the integrator only where it cannot reach the output."""
    network = Network(layers=(2, 2))
    ideal = MethodSettings(leak=0.0, proportional_gain=0.5)
    arrays: dict[str, Any] = {"forward": [np.eye(2)], "slopes": [np.ones(2)]}
    reached = system_matrix(network, ideal, feedback=[np.eye(2)], **arrays)
    lost = system_matrix(network, ideal, feedback=[np.zeros((2, 2))], **arrays)
    assert spectrum(reached).real.max() < 0
    assert largest_stable_step(spectrum(lost)) == 0.0
