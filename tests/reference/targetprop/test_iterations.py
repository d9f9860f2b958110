"""Properties 1, 2, 3 and 10: how fast the corrections contract, and where they come to rest."""

from itertools import islice, pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.reference.targetprop import (
    Autoencoders,
    correct_output,
    decoder_inputs,
    propagate,
    propagate_corrected,
    relax,
    relax_once,
    relax_until_settled,
    relaxation,
    solve_input_iteration,
    solve_output_iteration,
)

from .cases import HIDDEN, SIGMA, close, invert_chain, make_chain, make_target, norm


def _round_trip(chain: Autoencoders, layer: int, *, reverse: bool):
    """f∘g on h_l (reverse) or g∘f on h_{l−1} for vectors, written out anew and differentiable."""
    sigma, weights, bias = SIGMA[chain.hidden], chain.forward[layer - 1], chain.biases[layer - 1]
    decoder = chain.decoders[layer - 2]
    if reverse:
        return lambda u: weights @ sigma(decoder @ sigma(u)) + bias
    return lambda h: decoder @ sigma(weights @ sigma(h) + bias)


def _lipschitz(function, start: Tensor, end: Tensor) -> float:
    """The largest ‖∂function − I‖ at Gauss points between two vectors.

    Their difference after the map is the mean of (∂function − I)(end − start) over the way, so it is at most
    this times ‖end − start‖, but for the error of an eight-point quadrature of a smooth function.
    """
    nodes = torch.from_numpy(0.5 + 0.5 * np.polynomial.legendre.leggauss(8)[0])
    points = start + nodes[:, None] * (end - start)
    slopes = torch.func.vmap(torch.func.jacrev(function))(points)
    return float(torch.linalg.matrix_norm(slopes - torch.eye(len(start)), ord=2).max())


def _check_contraction(function, path: list[Tensor]) -> None:
    """Every move is at most Lip times the one before, and near the end it is I − ∂function times that."""
    moves = [after - before for before, after in pairwise(path)]
    bounds = [_lipschitz(function, a, b) for a, b in pairwise(path[:-1])]
    assert max(bounds) < 1
    for bound, (before, after) in zip(bounds, pairwise(moves), strict=True):
        assert norm(after) <= bound * norm(before) * (1 + 1e-6)  # the quadrature of `_lipschitz`
    linear = torch.eye(len(path[0])) - torch.func.jacrev(function)(path[-1])
    # The slope changes along the way in proportion to the distance, which is a thousandth of the first there.
    assert norm(moves[-1] - linear @ moves[-2]) < 0.01 * norm(moves[-1])
    assert norm(moves[-1]) < 0.1 * norm(moves[0])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("layer", [2, 4])
def test_property_1_input_iteration_contracts_by_the_lipschitz_constant_of_f_after_g_less_identity(
    hidden: str, layer: int
) -> None:
    chain, inputs = make_chain(hidden, batch=1)
    state, _, _ = make_target(chain, inputs, stepsize=0.1)
    wanted = state.soma[layer - 1] + 0.05
    path = [u[0] for u in islice(decoder_inputs(chain, layer, target=wanted), 13)]
    _check_contraction(_round_trip(chain, layer, reverse=True), path)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("scale", [1.0, -3.0])
def test_property_2_what_the_decoded_input_misses_is_the_next_correction(hidden: str, scale: float) -> None:
    """To 1e-12, a thousand roundings of numbers of size 1. It holds for diverging decoders (−3) as well."""
    chain, inputs = make_chain(hidden)
    chain = Autoencoders(
        forward=chain.forward,
        biases=chain.biases,
        decoders=[scale * d for d in chain.decoders],
        hidden=hidden,
    )
    state, _, _ = make_target(chain, inputs, stepsize=0.1)
    wanted = state.soma[2] + 0.05
    path = list(islice(decoder_inputs(chain, 3, target=wanted), 12))
    total = torch.zeros_like(wanted)
    close(path[0], wanted, 0)
    for before, after in pairwise(path):
        again = torch.stack([_round_trip(chain, 3, reverse=True)(u) for u in before])
        close(again - wanted, before - after, 1e-12)
        total = total + before - after
        close(wanted - after, total, 1e-12)  # δ_t = Σε


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("start", ["decoded", "forward"])
def test_property_3_output_iteration_contracts_by_the_lipschitz_constant_of_identity_less_g_after_f(
    hidden: str, start: str
) -> None:
    """The layer below the output, whose own target stays where it is."""
    chain, inputs = make_chain(hidden, batch=1)
    state, _, target = make_target(chain, inputs, stepsize=0.1)
    steps = islice(relaxation(chain, state, output_target=target, start=start), 13)
    _check_contraction(_round_trip(chain, 4, reverse=False), [targets[2][0] for targets in steps])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("start", ["decoded", "forward"])
@pytest.mark.parametrize("stepsize", [0.0, 0.02, 0.3])
def test_property_10_simultaneous_relaxation_reaches_the_exact_inverse(
    hidden: str, start: str, stepsize: float
) -> None:
    """Relaxed to 1e-11: moves end at 1e-13, times 1/(1 − contraction), 5, and the condition of the layers, 6.

    Solved to 1e-13: a hundred roundings of numbers of size 1 times that condition.
    """
    chain, inputs = make_chain(hidden)
    state, _, target = make_target(chain, inputs, stepsize=stepsize)
    settled = relax_until_settled(chain, state, output_target=target, start=start)
    solved = solve_output_iteration(chain, state, output_target=target, start=start)
    by_input = solve_input_iteration(chain, target)
    for result, tolerance in ((settled, 1e-11), (solved, 1e-13), (by_input, 1e-13)):
        assert result.converged.all()
        for got, wanted in zip(result.targets, invert_chain(chain, target), strict=True):
            close(got, wanted, tolerance)
    assert solved.steps < 10 < settled.steps or (stepsize == 0 and start == "forward")


def test_plain_propagation_is_a_chain_of_decoders_and_keeps_their_error() -> None:
    chain, inputs = make_chain()
    state, _, target = make_target(chain, inputs, stepsize=0.0)
    got = propagate(chain, target)
    rate = torch.tanh(torch.tanh(target) @ chain.decoders[2].T)
    close(got[1], rate @ chain.decoders[1].T, 1e-15)
    assert norm(got[0] - state.soma[0]).min() > 1e-2  # though τ_L = h_L


def test_a_step_uses_the_old_target_above_and_leaves_the_output_target() -> None:
    chain, inputs = make_chain()
    state, _, target = make_target(chain, inputs, stepsize=0.1)
    first = next(relaxation(chain, state, output_target=target))
    again = relax_once(chain, first)
    for layer in (2, 3, 4):
        here, above = first[layer - 2], first[layer - 1]
        encoded = torch.tanh(here) @ chain.forward[layer - 1].T + chain.biases[layer - 1]
        change = (torch.tanh(above) - torch.tanh(encoded)) @ chain.decoders[layer - 2].T
        close(again[layer - 2], here + change, 1e-15)
    assert torch.equal(again[-1], target)


def test_news_travels_one_layer_a_step_from_the_forward_state() -> None:
    chain, inputs = make_chain()
    state, _, target = make_target(chain, inputs, stepsize=0.1)
    for steps in range(4):
        targets = relax(chain, state, output_target=target, steps=steps, start="forward")
        # τ_l = h_l is a fixed point, so not even a rounding moves it before the news arrives.
        moved = [not torch.equal(x, h) for x, h in zip(targets, state.soma, strict=True)]
        assert moved == [layer >= 4 - steps for layer in (1, 2, 3, 4)]


@pytest.mark.parametrize("one_shot", [False, True])
def test_more_input_corrections_come_closer_and_the_one_shot_correction_helps(one_shot: bool) -> None:
    chain, inputs = make_chain()
    _, _, target = make_target(chain, inputs, stepsize=0.1)
    wanted = invert_chain(chain, target)[0]
    errors = [
        norm(propagate_corrected(chain, target, steps=n, one_shot=one_shot)[0] - wanted).max()
        for n in (0, 3, 10, 60)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[3] < 1e-12  # sixty factors of about a half: nothing but rounding is left
    plain = norm(propagate_corrected(chain, target, steps=3)[0] - wanted).max()
    assert not one_shot or errors[1] < plain


def test_no_input_correction_is_plain_propagation() -> None:
    chain, inputs = make_chain()
    _, _, target = make_target(chain, inputs, stepsize=0.1)
    for got, wanted in zip(
        propagate_corrected(chain, target, steps=0), propagate(chain, target), strict=True
    ):
        assert torch.equal(got, wanted)


def test_one_shot_correction_is_one_output_iteration_from_the_decoded_input() -> None:
    """g(τ) + x' − g(f(x')) with x' = g(u), written out anew."""
    chain, inputs = make_chain("softplus")
    _, _, target = make_target(chain, inputs, stepsize=0.1)
    *_, last = islice(decoder_inputs(chain, 4, target=target), 4)
    forth_and_back = _round_trip(chain, 4, reverse=False)
    for row, got in enumerate(correct_output(chain, 4, target=target, decoder_input=last)):
        decoded = [chain.decoders[2] @ SIGMA["softplus"](x[row]) for x in (target, last)]
        close(got, decoded[0] + decoded[1] - forth_and_back(decoded[1]), 1e-14)


def test_relaxation_that_cannot_settle_says_so_for_its_samples_alone() -> None:
    """tanh cannot reach a target of 100; decoders of the wrong sign drive everything away."""
    chain, inputs = make_chain()
    state, _, target = make_target(chain, inputs, stepsize=0.1)
    target = torch.cat([target[:1] + 100.0, target[1:]])
    for result in (
        relax_until_settled(chain, state, output_target=target, max_steps=300),
        solve_output_iteration(chain, state, output_target=target),
        solve_input_iteration(chain, target),
    ):
        assert result.converged.tolist() == [False, True, True]
        assert result.steps == 300 or result.steps < 50  # Newton gives up where no step helps
    linear, inputs = make_chain("linear")
    wrong = Autoencoders(
        forward=linear.forward,
        biases=linear.biases,
        decoders=[-5.0 * d for d in linear.decoders],
        hidden="linear",
    )
    state, _, target = make_target(wrong, inputs, stepsize=0.1)
    result = relax_until_settled(wrong, state, output_target=target)
    assert not result.converged.any()
    assert result.steps < 2000  # it ends once the numbers overflow, long before the 10 000 steps
