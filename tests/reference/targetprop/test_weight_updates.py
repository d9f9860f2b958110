"""Properties 4 and 7, and the general rule: weight changes that take a layer to its target."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop import (
    Autoencoders,
    apply_updates,
    dtp1_update,
    dtp_update,
    forward_pass,
    influence_scales,
    parameter_update,
    relax_until_settled,
    solve_output_iteration,
)
from neurosim.reference.updates import Updates

from .cases import HIDDEN, close, make_chain, make_target, norm, run_above


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("layer", [1, 2, 4])
def test_property_4_dtp1_takes_a_layer_exactly_to_its_target(hidden: str, biases: bool, layer: int) -> None:
    """To 1e-12, a thousand roundings, for any targets: they are 1 away and nobody's inverse."""
    chain, inputs = make_chain(hidden, batch=1)
    state = forward_pass(chain, inputs)
    draw = torch.Generator().manual_seed(7)
    targets = [h + torch.randn(h.shape, generator=draw, dtype=h.dtype) for h in state.soma]
    updates = dtp1_update(state, targets, biases=biases)
    changed = apply_updates(chain, updates, layers=[layer])
    close(forward_pass(changed, inputs).soma[layer - 1], targets[layer - 1], 1e-12)
    assert all(bool(b.any()) == biases for b in updates.biases)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_property_4_with_exact_inverses_the_output_gets_exactly_to_its_target(
    hidden: str, layer: int
) -> None:
    """To 1e-12: the targets are solved to rounding, and the layers above hardly magnify."""
    chain, inputs = make_chain(hidden, batch=1)
    state, _, target = make_target(chain, inputs, stepsize=0.2)
    solved = solve_output_iteration(chain, state, output_target=target)
    changed = apply_updates(chain, dtp1_update(state, solved.targets), layers=[layer])
    close(forward_pass(changed, inputs).soma[-1], target, 1e-12)
    assert norm(target - state.soma[-1]) > 0.1


def _concatenated(updates: Updates, layer: int) -> Tensor:
    return torch.cat([updates.forward[layer - 1].flatten(), updates.biases[layer - 1]])


@pytest.mark.parametrize("layer", [1, 3])
def test_the_general_rule_with_the_jacobian_of_weights_and_biases_is_dtp1(layer: int) -> None:
    """A = ∂h_l/∂(W_l, b_l) by automatic differentiation; and Aᵀ(AAᵀ)^-1 is A⁺. Both to rounding."""
    chain, inputs = make_chain("softplus", batch=1)
    state, _, target = make_target(chain, inputs, stepsize=0.2)
    targets = relax_until_settled(chain, state, output_target=target).targets
    weights, rate = chain.forward[layer - 1], state.presynaptic[layer - 1][0]
    blocks = torch.func.jacrev(lambda w, b: w @ rate + b, argnums=(0, 1))(weights, chain.biases[layer - 1])
    jacobian = torch.cat([block.flatten(1) for block in blocks], dim=1)
    move = (targets[layer - 1] - state.soma[layer - 1])[0]
    got = parameter_update(jacobian, move)
    close(got, _concatenated(dtp1_update(state, targets, biases=True), layer), 1e-13)
    close(got, torch.linalg.pinv(jacobian) @ move, 1e-12)


def test_the_general_rule_refuses_parameters_that_cannot_move_every_unit() -> None:
    jacobian = torch.tensor([[1.0, 0.0, 2.0], [2.0, 0.0, 4.0]])
    with pytest.raises(DataError, match=r"rank 2[\s\S]*rank 1"):
        parameter_update(jacobian, torch.ones(2))
    with pytest.raises(DataError, match="displacement"):
        parameter_update(jacobian, torch.ones(3))


def _turned(chain: Autoencoders, layer: int, turn: Tensor) -> Autoencoders:
    """The same function by another representation h_l → A h_l, W_{l+1} → W_{l+1}A^-1, of linear layers."""
    forward, biases, decoders = list(chain.forward), list(chain.biases), list(chain.decoders)
    back = torch.linalg.inv(turn)
    forward[layer - 1], biases[layer - 1] = turn @ forward[layer - 1], turn @ biases[layer - 1]
    forward[layer] = forward[layer] @ back
    decoders[layer - 1] = turn @ decoders[layer - 1]
    if layer > 1:
        decoders[layer - 2] = decoders[layer - 2] @ back
    return Autoencoders(forward=forward, biases=biases, decoders=decoders, hidden=chain.hidden)


def _sgd_update(chain: Autoencoders, inputs: Tensor, desired: Tensor, stepsize: float) -> Updates:
    """−β ∂L/∂W_l by automatic differentiation of linear layers."""
    weights = [w.clone().requires_grad_(True) for w in chain.forward]
    soma = inputs
    for w, b in zip(weights, chain.biases, strict=True):
        soma = soma @ w.T + b
    gradients = torch.autograd.grad(0.5 * ((soma - desired) ** 2).sum(), weights)
    return Updates(forward=tuple(-stepsize * g for g in gradients), biases=tuple(0 * b for b in chain.biases))


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_property_7_the_output_change_is_invariant_to_the_representation_which_sgd_lacks(layer: int) -> None:
    """To 1e-11: targets settle to 1e-13 times a few, and A has a condition of 7."""
    chain, inputs = make_chain("linear", batch=1)
    turn = _turn()
    changes: dict[str, list[Tensor]] = {"dtp1": [], "sgd": []}
    for each in (chain, _turned(chain, layer, turn)):
        state, desired, target = make_target(each, inputs, stepsize=0.1)
        settled = relax_until_settled(each, state, output_target=target)
        assert settled.converged.all()
        updates = {
            "dtp1": dtp1_update(state, settled.targets),
            "sgd": _sgd_update(each, inputs, desired, 0.1),
        }
        for rule, update in updates.items():
            changed = apply_updates(each, update, layers=[layer])
            changes[rule].append(forward_pass(changed, inputs).soma[-1] - state.soma[-1])
    close(changes["dtp1"][1], changes["dtp1"][0], 1e-11)
    assert norm(changes["dtp1"][0]) > 0.05
    assert norm(changes["sgd"][1] - changes["sgd"][0]) > 0.1 * norm(changes["sgd"][0])


def test_property_7_holds_for_the_general_rule_in_a_nonlinear_network() -> None:
    """h_2' = A h_2 = W'σ(h_1) + A b_2 with W' = A W_2 learning, h_3 = W_3 tanh(A^-1 h_2') + b_3.

    The change of h_L is the same for A = I and another A, to 1e-12: rounding times the condition of A.
    """
    chain, inputs = make_chain("tanh", batch=1)
    state, desired, target = make_target(chain, inputs, stepsize=0.1)
    move = (solve_output_iteration(chain, state, output_target=target).targets[1] - state.soma[1])[0]
    rate, before = state.presynaptic[1][0], state.soma[-1][0]
    changes: dict[str, list[Tensor]] = {"dtp1": [], "sgd": []}
    for turn in (torch.eye(20, dtype=torch.float64), _turn()):

        def layer_of(weights: Tensor, turn: Tensor = turn) -> Tensor:
            return weights @ rate + turn @ chain.biases[1]

        def output_of(weights: Tensor, turn: Tensor = turn, layer_of=layer_of) -> Tensor:
            return run_above(chain, 2, torch.linalg.solve(turn, layer_of(weights)))

        def loss_of(weights: Tensor, output_of=output_of) -> Tensor:
            return 0.5 * ((output_of(weights) - desired[0]) ** 2).sum()

        weights = turn @ chain.forward[1]
        close(output_of(weights), before, 1e-13)
        jacobian = torch.func.jacrev(layer_of)(weights).flatten(1)
        step = parameter_update(jacobian, turn @ move).reshape(weights.shape)
        changes["dtp1"].append(output_of(weights + step) - before)
        changes["sgd"].append(output_of(weights - 0.1 * torch.func.grad(loss_of)(weights)) - before)
    close(changes["dtp1"][1], changes["dtp1"][0], 1e-12)
    close(changes["dtp1"][1], target[0] - before, 1e-12)
    assert norm(changes["sgd"][1] - changes["sgd"][0]) > 0.1 * norm(changes["sgd"][0])


def _turn() -> Tensor:
    """A matrix A far from a rotation, of a condition of 7."""
    draw = torch.Generator().manual_seed(11)
    noise = torch.randn(20, 20, generator=draw, dtype=torch.float64)
    return torch.eye(20, dtype=torch.float64) + 0.6 * noise / math.sqrt(20)


def test_updates_are_batch_means_and_dtp_scales_each_sample() -> None:
    """Against a loop over the samples in numpy, to rounding."""
    chain, inputs = make_chain("softplus", batch=4)
    state, _, target = make_target(chain, inputs, stepsize=0.1)
    targets = relax_until_settled(chain, state, output_target=target).targets
    plain, scaled = dtp1_update(state, targets), dtp_update(state, targets, biases=True)
    for layer in range(4):
        wanted, wanted_scaled, wanted_bias = 0.0, 0.0, 0.0
        for row in range(4):
            moves = [np.asarray((t - h)[row]) for t, h in zip(targets, state.soma, strict=True)]
            scale = moves[-1] @ moves[-1] / (moves[layer] @ moves[layer])
            rate = np.asarray(state.presynaptic[layer][row])
            wanted += np.outer(moves[layer], rate) / (rate @ rate) / 4
            wanted_scaled += scale * np.outer(moves[layer], rate) / (rate @ rate + 1) / 4
            wanted_bias += scale * moves[layer] / (rate @ rate + 1) / 4
        close(plain.forward[layer], torch.tensor(wanted), 1e-14)
        close(scaled.forward[layer], torch.tensor(wanted_scaled), 1e-14)
        close(scaled.biases[layer], torch.tensor(wanted_bias), 1e-14)
        assert not plain.biases[layer].any()


def test_nothing_to_say_and_silent_inputs_change_nothing_and_make_no_nan() -> None:
    chain, inputs = make_chain(batch=2)
    inputs = torch.cat([0 * inputs[:1], inputs[1:]])
    state = forward_pass(chain, inputs)
    targets = [*state.soma[:2], *(h + 0.1 for h in state.soma[2:])]
    scales = influence_scales(state, targets)
    assert not torch.cat(scales[:2]).any()
    assert torch.equal(scales[-1], torch.ones(2, dtype=torch.float64))
    updates = dtp_update(state, targets)
    assert [bool(w.any()) for w in updates.forward] == [False, False, True, True]
    silent = dtp1_update(state, [h + 0.1 for h in state.soma])
    close(silent.forward[0], 0.05 * inputs[1].expand(20, -1) / float(inputs[1] @ inputs[1]), 1e-14)


def test_updates_refuse_what_does_not_fit() -> None:
    chain, inputs = make_chain()
    state, _, _ = make_target(chain, inputs, stepsize=0.1)
    with pytest.raises(DataError, match=r"one target for each layer[\s\S]*expected: 4[\s\S]*got: 3"):
        dtp1_update(state, state.soma[1:])
    with pytest.raises(DataError, match="τ_2"):
        dtp1_update(state, [state.soma[0], state.soma[1][:, 1:], *state.soma[2:]])
    with pytest.raises(SpecError, match="1 to 4"):
        apply_updates(chain, dtp1_update(state, state.soma), layers=[0])
