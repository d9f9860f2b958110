"""Each rule against a formula written out sample by sample, against autograd, or against the closed forms it uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning import METHODS, Method, method_of
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.reference import (
    Parameters,
    Updates,
    dfc_ssa_update,
    feedforward,
    loss,
    phi,
    settled_rule,
    solve_fixed_point,
    steady_state_update,
    update_of,
)
from neurosim.reference.circuit import circuit_update, solve_circuit
from neurosim.reference.targetprop import (
    dtp1_update,
    dtp_update,
    fit_decoders,
    forward_pass,
    output_target,
    propagate_corrected,
    solve_input_iteration,
    solve_output_iteration,
)
from neurosim.reference.tensors import double, shaped, working_precision
from neurosim.reference.training import has_rule, rule_of, teach
from neurosim.reference.training.iterate import iterate_until_rest
from neurosim.reference.training.targets import IterateTargets
from neurosim.spec import MethodSettings, Network

from .cases import LOSSES, make_data, make_network, make_parameters, make_target

CLOSE = {"rtol": 1e-11, "atol": 1e-13}
"""The same float64 products in another order, through inverses of condition 1e2."""


def _case(name: str, network: Network, **settings: Any) -> tuple[MethodSettings, Parameters]:
    method = MethodSettings(name=name, **settings)
    parameters = make_parameters(network)
    feedback = initial_feedback(
        method_of(name), method, network, forward=[w.numpy() for w in parameters.forward], seed=4
    )
    return method, attrs.evolve(parameters, feedback=tuple(torch.tensor(q) for q in feedback))


def _compare(got: Updates, wanted: Updates) -> None:
    pairs = zip((*got.forward, *got.biases), (*wanted.forward, *wanted.biases), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, **CLOSE)


def _by_hand(
    network: Network,
    parameters: Parameters,
    inputs: Tensor,
    desired: Tensor,
    name: str,
    maps: Callable[[int], Tensor],
    *,
    direct: bool = False,
) -> Updates:
    """−⟨δ_l r_{l−1}ᵀ⟩, sample by sample, slopes and ∂L/∂r by autograd; maps(l) is M_l, or Q_l from the output."""
    forward = [torch.zeros_like(w) for w in parameters.forward]
    biases = [torch.zeros_like(b) for b in parameters.biases]
    for x, y in zip(inputs, desired, strict=True):
        rates, slopes = [x], []
        for activation, w, b in zip(network.activations, parameters.forward, parameters.biases, strict=True):
            v = (w @ rates[-1] + b).requires_grad_(True)
            r = phi(activation, v)
            slopes.append(torch.autograd.grad(r.sum(), v)[0])
            rates.append(r.detach())
        output = rates[-1].clone().requires_grad_(True)
        gradient = torch.autograd.grad(loss(name, output[None], y[None]).sum(), output)[0]
        top = slopes[-1] * gradient
        delta = top
        for l in range(network.depth, 0, -1):
            if l < network.depth:
                delta = slopes[l - 1] * (maps(l) @ top if direct else maps(l + 1) @ delta)
            forward[l - 1] -= torch.outer(delta, rates[l - 1]) / len(inputs)
            biases[l - 1] -= delta / len(inputs)
    return Updates(forward=tuple(forward), biases=tuple(biases))


@pytest.mark.parametrize("name_of_loss", LOSSES)
@pytest.mark.parametrize("name", ["BP", "FA", "PBP", "NDI", "DFA"])
def test_errors_are_carried_as_the_papers_say(name: str, name_of_loss: str) -> None:
    """With a bottleneck, a wide layer, three nonlinearities, and α = 0.05."""
    network = make_network(5, 6, 3, 7, 4, hidden=("tanh", "linear", "softplus"), output="sigmoid")
    method, parameters = _case(name, network, leak=0.05)
    inputs, desired = make_data(network, name_of_loss)
    forward, feedback = parameters.forward, parameters.feedback

    def inverse(l: int) -> Tensor:
        w, b = forward[l - 1], feedback[l - 2]
        return b @ torch.linalg.inv(w @ b - 0.05 * torch.eye(len(w), dtype=w.dtype))

    maps: dict[str, Callable[[int], Tensor]] = {
        "BP": lambda l: forward[l - 1].T,
        "FA": lambda l: feedback[l - 2],
        "PBP": lambda l: torch.tensor(np.linalg.pinv(forward[l - 1].numpy())),
        "NDI": inverse,
        "DFA": lambda l: feedback[l - 1],
    }
    expected = _by_hand(network, parameters, inputs, desired, name_of_loss, maps[name], direct=name == "DFA")
    got = update_of(network, parameters, method, inputs, desired, loss=name_of_loss)
    _compare(got, expected)


def test_backpropagation_is_the_gradient() -> None:
    network = make_network(5, 7, 6, 3, output="sigmoid")
    method, parameters = _case("BP", network)
    inputs, desired = make_data(network, "squared_error")
    leaves = [w.clone().requires_grad_(True) for w in (*parameters.forward, *parameters.biases)]
    rate = inputs
    for activation, w, b in zip(network.activations, leaves[:3], leaves[3:], strict=True):
        rate = phi(activation, rate @ w.T + b)
    gradients = torch.autograd.grad(loss("squared_error", rate, desired).mean(), leaves)
    got = update_of(network, parameters, method, inputs, desired, loss="squared_error")
    _compare(got, Updates(forward=tuple(-g for g in gradients[:3]), biases=tuple(-g for g in gradients[3:])))


def test_an_expanding_layer_needs_a_leak_or_swapped_leaks() -> None:
    network = make_network(3, 2, 4)
    method, parameters = _case("NDI", network, leak=0.0)
    with pytest.raises(SpecError, match=r"4 units above 2"):
        rule_of(network, method)
    swapped = attrs.evolve(method, expanding_layers="swapped")
    inputs, desired = make_data(network, "squared_error")
    got = update_of(network, parameters, swapped, inputs, desired, loss="squared_error")
    # with B = −Wᵀ the limit α → 0 is W⁺: that of PBP
    expected = update_of(
        network, parameters, MethodSettings(name="PBP"), inputs, desired, loss="squared_error"
    )
    _compare(got, expected)


@pytest.mark.parametrize("name", ["DFC-SSA", "DFC-SSA-fixed"])
def test_the_linearised_loop_is_that_of_lemma_one(name: str) -> None:
    network = make_network(6, 8, 7, 4)
    method, parameters = _case(name, network, leak=0.3)
    inputs, desired = make_data(network, "squared_error")
    wanted = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.05)
    expected = dfc_ssa_update(network, parameters, method, inputs, wanted)
    _compare(update_of(network, parameters, method, inputs, desired, loss="squared_error"), expected)


@pytest.mark.parametrize("name", ["DFC", "DFC-SS-fixed", "DFC-relayed"])
def test_the_settled_loop_is_the_nonlinear_steady_state(name: str) -> None:
    network = make_network(6, 8, 7, 4)
    method, parameters = _case(name, network, leak=0.3)
    inputs, desired = make_data(network, "squared_error")
    wanted = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.05)
    steady = solve_fixed_point(network, parameters, method, inputs, wanted)
    got = teach(network, parameters, method, inputs, desired, loss="squared_error", rule=settled_rule)
    assert got.settled is not None
    assert torch.equal(got.settled, steady.converged)
    expected = steady_state_update(network, parameters, inputs, steady)
    for ours, theirs in zip(got.terms.mean().forward, expected.forward, strict=True):
        # e at rest is solved to 1e-10 instead of 1e-13
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", ["DI", "SLDI", "DTP-online"])
def test_a_settled_circuit_teaches_what_its_steady_state_says(name: str) -> None:
    network = make_network(6, 5, 5, 4)
    method, parameters = _case(name, network, leak=0.1)
    if name == "DTP-online":
        parameters = _with_fitted_decoders(network, parameters)
    inputs, desired = make_data(network, "squared_error")
    steady = solve_circuit(network, parameters, method, inputs, desired, loss="squared_error")
    assert steady.converged.all()
    got = update_of(network, parameters, method, inputs, desired, loss="squared_error", rule=settled_rule)
    expected = circuit_update(network, parameters, method, inputs, steady)
    for ours, theirs in zip(got.forward, expected.forward, strict=True):
        # the circuit is solved to 1e-10 of its drives instead of 1e-13
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9)


def test_samples_without_a_steady_state_teach_nothing() -> None:
    """K_I = 1, α = 0 and bounded outputs: a target beyond reach has no steady state."""
    network = make_network(4, 5, 3, output="tanh")
    method, parameters = _case("DFC-SS-fixed", network, leak=0.0, target_stepsize=1.0)
    inputs, desired = make_data(network, "squared_error", batch=4)
    beyond = desired.clone()
    beyond[1] = 5.0
    taught = teach(network, parameters, method, inputs, beyond, loss="squared_error", rule=settled_rule)
    assert taught.settled is not None
    assert taught.settled.tolist() == [True, False, True, True]
    assert all(not x[1].any() for x in taught.terms.post)
    keep = [0, 2, 3]
    alone = teach(
        network, parameters, method, inputs[keep], desired[keep], loss="squared_error", rule=settled_rule
    )
    for whole, part in zip(taught.terms.mean().forward, alone.terms.mean().forward, strict=True):
        torch.testing.assert_close(whole, 0.75 * part, rtol=1e-7, atol=1e-10)  # solved to 1e-10


def _with_fitted_decoders(network: Network, parameters: Parameters) -> Parameters:
    """Orthogonal layers with small biases and decoders by least squares, so that iterations contract fast."""
    forward = []
    for w in parameters.forward:
        left, _, right = torch.linalg.svd(w, full_matrices=False)
        forward.append(left @ right)
    biases = [0.1 * b for b in parameters.biases]
    inputs, _ = make_data(network, "squared_error", batch=400, seed=7)
    fitted = fit_decoders(forward=forward, biases=biases, inputs=0.3 * inputs, hidden=network.common_hidden)
    return Parameters(forward=tuple(forward), biases=tuple(biases), feedback=fitted.decoders)


@pytest.mark.parametrize("name", ["DTP1-iterated", "DTP-iterated", "DTP-input-iterated", "DTP-corrected"])
def test_iterated_targets_are_those_of_the_solver(name: str) -> None:
    network = make_network(6, 6, 6, 6)
    method, parameters = _case(name, network, target_stepsize=0.1)
    parameters = _with_fitted_decoders(network, parameters)
    inputs, desired = make_data(network, "squared_error")
    inputs, desired = 0.3 * inputs, 0.3 * desired
    taught = teach(
        network,
        parameters,
        method,
        inputs,
        desired,
        loss="squared_error",
        rule=IterateTargets(tolerance=1e-12, most_steps=500),
    )
    assert taught.settled is not None
    assert taught.settled.all()
    assert taught.feedback is not None
    autoencoders = fit_decoders(
        forward=parameters.forward, biases=parameters.biases, inputs=inputs, hidden="tanh"
    )
    autoencoders = attrs.evolve(autoencoders, decoders=parameters.feedback)
    state = forward_pass(autoencoders, inputs)
    top = output_target(autoencoders, state, desired=desired, loss="squared_error", stepsize=0.1)
    if name == "DTP-corrected":
        targets: Sequence[Tensor] = propagate_corrected(autoencoders, top, steps=0, one_shot=True)
    elif name == "DTP-input-iterated":
        targets = solve_input_iteration(autoencoders, top).targets
    else:
        targets = solve_output_iteration(autoencoders, state, output_target=top, start="forward").targets
    rule = dtp1_update if name == "DTP1-iterated" else dtp_update
    expected = rule(state, targets, biases=True)
    for ours, theirs in zip(
        (*taught.terms.mean().forward, *taught.terms.mean().biases),
        (*expected.forward, *expected.biases),
        strict=True,
    ):
        # the iteration stops 1e-12 of a step away from rest, the influence has the square of it below
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10)


def test_one_dtp1_update_takes_a_layer_to_its_target() -> None:
    """The bias counts as a weight on 1: with η = 1 and one sample h_L becomes τ_L once W_L and b_L have changed."""
    network = make_network(5, 6, 4)
    method, parameters = _case("DTP1-iterated", network, target_stepsize=0.2)
    inputs, desired = make_data(network, "squared_error", batch=1)
    update = update_of(network, parameters, method, inputs, desired, loss="squared_error")
    before = feedforward(network, parameters, inputs)
    changed = attrs.evolve(
        parameters,
        forward=(parameters.forward[0], parameters.forward[1] + update.forward[1]),
        biases=(parameters.biases[0], parameters.biases[1] + update.biases[1]),
    )
    after = feedforward(network, changed, inputs).output
    torch.testing.assert_close(after, before.output - 0.2 * (before.output - desired), **CLOSE)


def test_an_iteration_is_followed_until_it_rests_is_slow_or_runs_away() -> None:
    """x ← a x from 1 with a = 0.5, 0.99, 1.5: steps below 1e-6 of |x − 0| never come, as x itself shrinks, …"""
    factors = torch.tensor([[0.5], [0.99], [1.5]], dtype=torch.float64)

    def path(start: Tensor) -> object:
        here = start
        while True:
            yield (1.0 + here,)  # … so x + 1 is followed, whose distance from 0 stays 1
            here = factors * here

    origin = (torch.zeros(3, 1, dtype=torch.float64),)
    found = iterate_until_rest(path(torch.ones(3, 1, dtype=torch.float64)), origin=origin, most_steps=40)
    assert found.settled.tolist() == [True, False, False]
    assert found.usable.tolist() == [True, True, False]
    exact = next(islice(path(torch.ones(3, 1, dtype=torch.float64)), 40, None))
    torch.testing.assert_close(found.states[0][1:], exact[0][1:], rtol=0, atol=0)
    resting = iterate_until_rest(path(torch.zeros(3, 1, dtype=torch.float64)), origin=origin)
    assert resting.settled.all()
    with pytest.raises(SpecError, match="most_steps"):
        iterate_until_rest(path(torch.ones(3, 1, dtype=torch.float64)), origin=origin, most_steps=0)


def test_samples_whose_targets_run_away_teach_nothing() -> None:
    network = make_network(5, 6, 6, 4)
    method, parameters = _case("DTP1-iterated", network, target_stepsize=0.1)
    parameters = attrs.evolve(parameters, feedback=tuple(-5 * w.T for w in parameters.forward[1:]))
    inputs, desired = make_data(network, "squared_error")
    taught = teach(
        network, parameters, method, inputs, desired, loss="squared_error", rule=IterateTargets(most_steps=50)
    )
    assert taught.settled is not None
    assert not taught.settled.any()
    assert all(not x.any() for x in taught.terms.post)


def test_a_method_that_reuses_parts_has_a_rule_of_its_own() -> None:
    """What is not in the table of methods today: learned direct feedback without a loop."""
    learned, relayed = METHODS["DFC"].feedback, METHODS["DFC-relayed"].feedback
    open_loop, gradient = METHODS["DFA"].inversion, METHODS["DFA"].plasticity
    assert has_rule(Method(learned, open_loop, gradient))
    with pytest.raises(SpecError, match="FixedRelayed does not fit OpenLoop"):
        Method(relayed, open_loop, gradient)
    assert {name for name, m in METHODS.items() if has_rule(m)} == {
        name for name, m in METHODS.items() if not m.dynamical
    }


def test_settling_is_for_methods_with_dynamics() -> None:
    network = make_network(3, 3, 2)
    method, parameters = _case("BP", network)
    data = (torch.zeros(1, 3), torch.zeros(1, 2))
    with pytest.raises(SpecError, match=r"BP has no dynamics[\s\S]*DI, "):
        update_of(network, parameters, method, *data, loss="squared_error", rule=settled_rule)


def test_tensors_go_to_the_default_device_in_the_working_precision() -> None:
    """torch's meta device stands in for a GPU: what were made elsewhere could not be combined with it."""
    network = make_network(4, 5, 3)
    parameters = make_parameters(network)
    with torch.device("meta"):
        assert double([1.0, 2.0]).device.type == "meta"
        assert double(torch.ones(2, device="cpu")).device.type == "meta"
        moved = Parameters(
            forward=tuple(double(w) for w in parameters.forward),
            biases=tuple(double(b) for b in parameters.biases),
            feedback=(),
        )
        method = MethodSettings(name="BP")
        got = update_of(network, moved, method, np.ones((2, 4)), np.ones((2, 3)), loss="squared_error")
        assert {w.device.type for w in got.forward} == {"meta"}
    assert double([1.0]).device.type == "cpu"
    with working_precision(torch.float32):
        assert shaped(np.ones((2, 3)), shape=(2, None), name="x").dtype == torch.float32
    assert double([1.0]).dtype == torch.float64
