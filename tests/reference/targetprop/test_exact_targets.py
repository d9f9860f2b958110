"""The solved targets where layers differ in size: which fixed point it is, and when there is none."""

import pytest
import torch

from neurosim.reference.targetprop import (
    Autoencoders,
    forward_pass,
    relax_until_settled,
    solve_input_iteration,
    solve_output_iteration,
)

from .cases import close, make_chain, make_target, norm

CONTRACTING, EXPANDING = (24, 24, 20, 14, 8), (8, 8, 14, 20, 24)


def _gap(
    chain: Autoencoders, layer: int, below: torch.Tensor, above: torch.Tensor, *, decoded: bool
) -> float:
    """What f(τ_{l−1}) = τ_l, or g(f(τ_{l−1})) = g(τ_l), is missed by, written out anew."""
    encoded = torch.tanh(below) @ chain.forward[layer - 1].T + chain.biases[layer - 1]
    if not decoded:
        return float((encoded - above).abs().max())
    return float(((torch.tanh(encoded) - torch.tanh(above)) @ chain.decoders[layer - 2].T).abs().max())


@pytest.mark.parametrize("sizes", [CONTRACTING, EXPANDING, (9, 9, 20, 9, 14)])
@pytest.mark.parametrize("start", ["decoded", "forward"])
def test_relaxation_settles_on_the_solved_targets_for_any_sizes(sizes: tuple[int, ...], start: str) -> None:
    """To 1e-11: moves of 1e-13 times 1/(1 − contraction) and the condition of three layers."""
    chain, inputs = make_chain(sizes=sizes)
    state, _, target = make_target(chain, inputs, stepsize=0.05)
    settled = relax_until_settled(chain, state, output_target=target, start=start)
    solved = solve_output_iteration(chain, state, output_target=target, start=start)
    assert settled.converged.all()
    assert solved.converged.all()
    assert solved.residual.max() < 1e-14  # Newton ends at rounding, whatever its goal
    for got, wanted in zip(settled.targets, solved.targets, strict=True):
        close(got, wanted, 1e-11)
    for layer in (2, 3, 4):
        pair = solved.targets[layer - 2 : layer]
        assert _gap(chain, layer, *pair, decoded=True) < 1e-13  # rounding


@pytest.mark.parametrize("start", ["decoded", "forward"])
def test_contracting_layers_reach_the_target_above_from_the_plane_they_start_in(start: str) -> None:
    chain, inputs = make_chain(sizes=CONTRACTING)
    state, _, target = make_target(chain, inputs, stepsize=0.05)
    targets = solve_output_iteration(chain, state, output_target=target, start=start).targets
    for layer in (2, 3, 4):
        decoder, below = chain.decoders[layer - 2], targets[layer - 2]
        assert (
            _gap(chain, layer, below, targets[layer - 1], decoded=False) < 1e-12
        )  # rounding times the condition
        origin = state.soma[layer - 2] if start == "forward" else 0.0
        outside = torch.eye(len(decoder)) - decoder @ torch.linalg.pinv(decoder)
        assert ((below - origin) @ outside).abs().max() < 1e-13  # rounding
    at_rest = solve_output_iteration(chain, state, output_target=state.soma[-1], start=start).targets
    away = norm(at_rest[0] - state.soma[0])
    assert (away == 0).all() if start == "forward" else (away > 0.1).all()


def test_expanding_layers_reach_only_what_the_decoder_sees_and_the_input_iteration_nothing() -> None:
    chain, inputs = make_chain(sizes=EXPANDING)
    state, _, target = make_target(chain, inputs, stepsize=0.05)
    solved = solve_output_iteration(chain, state, output_target=target)
    assert _gap(chain, 4, solved.targets[2], target, decoded=False) > 1e-3
    assert not solve_input_iteration(chain, target).converged.any()
    near = solve_output_iteration(chain, state, output_target=state.soma[-1])
    for got, wanted in zip(near.targets, state.soma, strict=True):
        close(got, wanted, 1e-12)  # differential: τ goes to h with β, whatever the start


def test_input_and_output_side_find_the_same_targets_where_both_exist() -> None:
    """To 1e-13, both being solved to rounding; and the decoder inputs decode to the targets."""
    chain, inputs = make_chain(sizes=CONTRACTING)
    state, _, target = make_target(chain, inputs, stepsize=0.05)
    by_output = solve_output_iteration(chain, state, output_target=target, start="decoded")
    by_input = solve_input_iteration(chain, target)
    assert by_input.converged.all()
    for got, wanted in zip(by_input.targets, by_output.targets, strict=True):
        close(got, wanted, 1e-13)
    for layer, given in zip((2, 3, 4), by_input.decoder_inputs, strict=True):
        close(torch.tanh(given) @ chain.decoders[layer - 2].T, by_input.targets[layer - 2], 1e-15)
    assert by_output.decoder_inputs == ()


def test_newton_stops_where_it_is_told_and_says_so() -> None:
    chain, inputs = make_chain()
    state, _, target = make_target(chain, inputs, stepsize=0.3)
    result = solve_output_iteration(chain, state, output_target=target, max_iterations=1)
    assert result.steps == 1
    assert not result.converged.any()
    assert torch.isfinite(result.targets[0]).all()


def test_a_single_layer_has_its_target_already_and_dead_decoders_do_no_harm() -> None:
    single = Autoencoders(forward=[torch.ones(3, 2)], biases=[torch.zeros(3)], decoders=[])
    state = forward_pass(single, torch.ones(4, 2))
    target = state.soma[-1] + 1.0
    for result in (
        relax_until_settled(single, state, output_target=target),
        solve_output_iteration(single, state, output_target=target),
        solve_input_iteration(single, target),
    ):
        assert result.converged.tolist() == [True] * 4
        assert torch.equal(result.targets[0], target)
    chain, inputs = make_chain()
    dead = Autoencoders(forward=chain.forward, biases=chain.biases, decoders=[0 * d for d in chain.decoders])
    state, _, target = make_target(dead, inputs, stepsize=0.1)
    result = solve_output_iteration(dead, state, output_target=target, start="forward")
    assert result.converged.all()  # nothing is asked for, and nothing moves
    assert torch.equal(result.targets[0], state.soma[0])
