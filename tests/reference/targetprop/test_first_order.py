"""Properties 5, 6, 8, 9 and 12: what target steps do to the output and the loss as β gets small.

The slopes are fitted over β = 0.1·2^-k: small enough that the next order adds less than 0.1 to the slope,
large enough that rounding (1e-13 of the targets, over β) stays far below the error measured.
"""

import pytest
import torch

from neurosim.reference.targetprop import (
    apply_updates,
    displacements,
    dtp1_update,
    dtp_update,
    forward_pass,
    influence_scales,
    output_target,
    relax_until_settled,
)
from neurosim.reference.targets import loss

from .cases import HIDDEN, SIGMA, jacobian_above, make_chain, make_target, norm, run_above, slope

STEPSIZES = [0.1 * 0.5**k for k in range(1, 9)]


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_property_5_the_jacobian_takes_the_displacement_to_the_output_displacement(
    hidden: str, layer: int
) -> None:
    """J_l(τ_l − h_l) = τ_L − h_L, with a relative error of slope 1 in β."""
    chain, inputs = make_chain(hidden)
    errors = []
    for stepsize in STEPSIZES:
        state, _, target = make_target(chain, inputs, stepsize=stepsize)
        targets = relax_until_settled(chain, state, output_target=target).targets
        move = targets[layer - 1] - state.soma[layer - 1]
        jacobian = jacobian_above(chain, layer, state.soma[layer - 1])
        wanted = target - state.soma[-1]
        got = (jacobian @ move[:, :, None])[:, :, 0]
        errors.append(float((norm(got - wanted) / norm(wanted)).max()))
    assert slope(STEPSIZES, errors) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 0.01  # the slope alone would allow any factor


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("output", ["linear", "tanh"])
@pytest.mark.parametrize("layer", [1, 3])
def test_property_6_the_displacement_is_the_gauss_newton_step(hidden: str, output: str, layer: int) -> None:
    """J_lᵀJ_l(τ_l − h_l) = −β ∂L/∂h_l by automatic differentiation, with a relative error of slope 1 in β."""
    chain, inputs = make_chain(hidden, output=output)
    errors = []
    for stepsize in STEPSIZES:
        state, desired, target = make_target(chain, inputs, stepsize=stepsize)
        targets = relax_until_settled(chain, state, output_target=target).targets
        soma = state.soma[layer - 1].clone().requires_grad_(True)
        rate = SIGMA[output](run_above(chain, layer, soma))
        (gradient,) = torch.autograd.grad(0.5 * ((rate - desired) ** 2).sum(), soma)
        jacobian = jacobian_above(chain, layer, state.soma[layer - 1])
        move = targets[layer - 1] - state.soma[layer - 1]
        got = (jacobian.mT @ (jacobian @ move[:, :, None]))[:, :, 0]
        errors.append(float((norm(got + stepsize * gradient) / norm(stepsize * gradient)).max()))
    assert slope(STEPSIZES, errors) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 0.01


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("by_influence", [False, True])
@pytest.mark.parametrize("biases", [False, True])
def test_property_8_parallel_dtp1_moves_the_output_by_depth_steps_and_dtp_by_the_sum_of_scales(
    hidden: str, by_influence: bool, biases: bool
) -> None:
    """Relative error of slope 1 in β: the layers' effects add up to first order."""
    chain, inputs = make_chain(hidden, batch=1)
    rule = dtp_update if by_influence else dtp1_update
    errors = []
    for stepsize in STEPSIZES:
        state, _, target = make_target(chain, inputs, stepsize=stepsize)
        targets = relax_until_settled(chain, state, output_target=target).targets
        times = float(sum(influence_scales(state, targets))) if by_influence else chain.depth
        changed = apply_updates(chain, rule(state, targets, biases=biases))
        got = forward_pass(changed, inputs).soma[-1] - state.soma[-1]
        wanted = times * (target - state.soma[-1])
        errors.append(float(norm(got - wanted) / norm(wanted)))
    assert slope(STEPSIZES, errors) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 0.02


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("layer", [1, 2, 4])
@pytest.mark.parametrize("name", ["squared_error", "softmax_cross_entropy"])
def test_property_12_the_loss_falls_by_beta_times_the_squared_gradient(
    hidden: str, layer: int, name: str
) -> None:
    """After a DTP1 update of one layer; the relative error has slope 1 in β."""
    chain, inputs = make_chain(hidden, batch=1)
    state = forward_pass(chain, inputs)
    desired = make_target(chain, inputs, stepsize=0.0)[1]
    if name == "softmax_cross_entropy":
        desired = torch.nn.functional.one_hot(torch.tensor([3]), chain.sizes[-1]).to(torch.float64)
    output = state.output.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(name, output, desired).sum(), output)
    before = float(loss(name, state.output, desired))
    errors = []
    for stepsize in STEPSIZES:
        target = output_target(chain, state, desired=desired, loss=name, stepsize=stepsize)
        targets = relax_until_settled(chain, state, output_target=target).targets
        changed = apply_updates(chain, dtp1_update(state, targets), layers=[layer])
        fall = before - float(loss(name, forward_pass(changed, inputs).output, desired))
        wanted = stepsize * float((gradient**2).sum())
        errors.append(abs(fall - wanted) / wanted)
    assert slope(STEPSIZES, errors) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 0.01


def test_property_9_dtp_moves_a_layer_in_inverse_proportion_to_what_dtp1_moves_it() -> None:
    """The moves of h_l are measured after the updates; to 1e-10 of them, as h_l is large beside them."""
    chain, inputs = make_chain(batch=1, seed=3)
    state, _, target = make_target(chain, inputs, stepsize=0.01)
    targets = relax_until_settled(chain, state, output_target=target).targets
    products = []
    for layer in range(1, 5):
        sizes = []
        for rule in (dtp1_update, dtp_update):
            changed = apply_updates(chain, rule(state, targets), layers=[layer])
            below = state.soma[layer - 2] if layer > 1 else inputs
            sizes.append(float(norm(changed.encode(layer, below) - state.soma[layer - 1])))
        products.append(sizes[0] * sizes[1])
    assert products == pytest.approx([float(norm(target - state.soma[-1])) ** 2] * 4, rel=1e-10)
    moves = [float(norm(x)) for x in displacements(state, targets)]
    assert max(moves) > 1.05 * min(moves)  # else the layers could not be told apart


def test_property_9_dtp_moves_a_layer_in_proportion_to_its_influence_on_the_loss() -> None:
    """Influence of τ_l − h_l: how much the loss changes per length along it, by a central difference.

    The target steps of β = 1e-4 point along it to 1e-3 of their curvature, which is the tolerance.
    """
    chain, inputs = make_chain("softplus", batch=1)
    state, desired, target = make_target(chain, inputs, stepsize=1e-4)
    targets = relax_until_settled(chain, state, output_target=target).targets
    moves, scales = displacements(state, targets), influence_scales(state, targets)
    ratios = []
    for layer, (move, scale) in enumerate(zip(moves, scales, strict=True), start=1):
        step = 1e-5 * move / norm(move)
        ends = [run_above(chain, layer, state.soma[layer - 1] + sign * step) for sign in (-1.0, 1.0)]
        values = [float(0.5 * ((end - desired) ** 2).sum()) for end in ends]
        influence = abs(values[1] - values[0]) / 2e-5
        ratios.append(float(scale * norm(move)) / influence)
    assert ratios == pytest.approx([ratios[-1]] * 4, rel=1e-3)
