"""Directions of unit size and their scalars, against linearised and exact targets."""

import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference.targetprop import (
    Autoencoders,
    ForwardPass,
    displacement_update,
    dtp1_update,
    dtp_update,
    forward_pass,
    output_displacement,
    relax,
    relax_until_settled,
    scale_targets,
    scaled_update,
)

from .cases import HIDDEN, SIGMA, close, make_chain, make_target, norm, slope


def _displacement(chain: Autoencoders, state: ForwardPass, desired: torch.Tensor, stepsize: float):
    return output_displacement(chain, state, desired=desired, loss="squared_error", stepsize=stepsize)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_directions_have_size_one_and_times_the_scalar_they_are_the_linearised_targets(hidden: str) -> None:
    """∂g_l by automatic differentiation, products without any scaling; to rounding."""
    chain, inputs = make_chain(hidden)
    state, desired, _ = make_target(chain, inputs, stepsize=0.1)
    move = _displacement(chain, state, desired, 0.1)
    scaled = scale_targets(chain, state, output_displacement=move)
    for layer in (4, 3, 2, 1):
        direction, scalar = scaled.directions[layer - 1], scaled.scalars[layer - 1]
        close(norm(direction), torch.ones(3, dtype=torch.float64), 1e-14)
        close(scalar[:, None] * direction, move, 1e-14)
        if layer > 1:
            decoder = chain.decoders[layer - 2]
            slopes = torch.func.vmap(torch.func.jacrev(lambda h, d=decoder: d @ SIGMA[hidden](h)))(
                state.soma[layer - 1]
            )
            move = (slopes @ move[:, :, None])[:, :, 0]


@pytest.mark.parametrize("by_influence", [False, True])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("steps", [0, 60])
def test_they_give_the_updates_of_the_targets_they_stand_for_to_first_order(
    by_influence: bool, biases: bool, steps: int
) -> None:
    """Without corrections g_l(τ_l) − g_l(h_l) from layer to layer, with many the exact inverse.

    The relative difference has slope 1 in β, as the targets' is a second order.
    """
    chain, inputs = make_chain("softplus", batch=2)
    stepsizes = [0.1 * 0.5**k for k in range(2, 8)]
    errors = []
    for stepsize in stepsizes:
        state, desired, target = make_target(chain, inputs, stepsize=stepsize)
        targets = [target]
        for layer in (4, 3, 2):
            change = chain.decode(layer, targets[0]) - chain.decode(layer, state.soma[layer - 1])
            targets.insert(0, state.soma[layer - 2] + change)
        if steps:
            targets = list(relax(chain, state, output_target=target, steps=150))
        move = _displacement(chain, state, desired, stepsize)
        scaled = scale_targets(chain, state, output_displacement=move, steps=steps)
        got = scaled_update(state, scaled, by_influence=by_influence, biases=biases)
        wanted = (dtp_update if by_influence else dtp1_update)(state, targets, biases=biases)
        pairs = zip(got.forward + got.biases, wanted.forward + wanted.biases, strict=True)
        errors.append(max(float((x - y).norm() / (y.norm() + (not y.any()))) for x, y in pairs))
    assert slope(stepsizes, errors) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 0.02


def test_the_update_is_that_of_the_scaled_displacements_to_rounding() -> None:
    chain, inputs = make_chain()
    state, desired, _ = make_target(chain, inputs, stepsize=0.1)
    scaled = scale_targets(chain, state, output_displacement=_displacement(chain, state, desired, 0.1))
    moves = [c[:, None] * d for c, d in zip(scaled.scalars, scaled.directions, strict=True)]
    targets = [h + m for h, m in zip(state.soma, moves, strict=True)]
    for by_influence, rule in ((False, dtp1_update), (True, dtp_update)):
        got, wanted = scaled_update(state, scaled, by_influence=by_influence), rule(state, targets)
        for x, y in zip(got.forward, wanted.forward, strict=True):
            close(x, y, 1e-13)  # τ − h has lost a digit or two


def test_they_keep_their_digits_where_differences_of_targets_have_lost_them() -> None:
    """The update is linear in β, so at β = 1e-12 it is 1e-12 times that of 1: to 1e-13, not 4e-5 or worse."""
    chain, inputs = make_chain()
    state, desired, target = make_target(chain, inputs, stepsize=1e-12)
    scaled = [
        scale_targets(chain, state, output_displacement=_displacement(chain, state, desired, b), steps=60)
        for b in (1.0, 1e-12)
    ]
    large, small = (scaled_update(state, each) for each in scaled)
    targets = relax_until_settled(chain, state, output_target=target, start="forward").targets
    plain = dtp1_update(state, targets)
    assert plain.forward[0].any()
    for x, y, z in zip(large.forward, small.forward, plain.forward, strict=True):
        assert (1e-12 * x - y).norm() < 1e-13 * y.norm()
        assert (1e-12 * x - z).norm() > 1e-5 * z.norm()


def test_nothing_to_say_has_no_direction_and_changes_nothing() -> None:
    chain, inputs = make_chain(batch=2)
    state = forward_pass(chain, inputs)
    move = torch.stack([torch.zeros(20), torch.ones(20)])
    scaled = scale_targets(chain, state, output_displacement=move)
    alone = ForwardPass(
        soma=tuple(x[1:] for x in state.soma),
        presynaptic=tuple(x[1:] for x in state.presynaptic),
        output=state.output[1:],
    )
    for by_influence in (False, True):
        got = scaled_update(state, scaled, by_influence=by_influence)
        single = scale_targets(chain, alone, output_displacement=move[1:])
        wanted = scaled_update(alone, single, by_influence=by_influence)
        for x, y in zip(got.forward, wanted.forward, strict=True):
            close(x, 0.5 * y, 1e-14)  # the mean of nothing and the other sample
    assert not displacement_update(state, [0 * h for h in state.soma]).forward[0].any()
    with pytest.raises(SpecError, match="steps"):
        scale_targets(chain, state, output_displacement=move, steps=-1)
