"""The description of the layers, the forward pass, and what is refused at the door."""

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop import (
    Autoencoders,
    correct_output,
    decoder_inputs,
    forward_pass,
    output_target,
    propagate_corrected,
    relax,
    relax_until_settled,
    solve_output_iteration,
)

from .cases import SIGMA, close, make_chain, make_target


def _parts() -> dict[str, list[Any]]:
    return {
        "forward": [np.ones((3, 2)), np.ones((4, 3)), np.ones((2, 4))],
        "biases": [np.zeros(3), np.zeros(4), np.zeros(2)],
        "decoders": [np.ones((3, 4)), np.ones((4, 2))],
    }


def test_sizes_and_copies() -> None:
    parts = _parts()
    chain = Autoencoders(**parts)
    parts["decoders"][0][0, 0] = 7.0
    assert chain.sizes == (2, 3, 4, 2)
    assert chain.depth == 3
    assert chain.decoders[0].dtype == torch.float64
    assert float(chain.decoders[0].sum()) == 12.0


@pytest.mark.parametrize("hidden", ["tanh", "softplus", "linear"])
def test_the_forward_pass_takes_x_as_it_is_and_rates_above(hidden: str) -> None:
    chain, inputs = make_chain(hidden, sizes=(5, 4, 6, 3), output="tanh")
    state = forward_pass(chain, inputs.tolist())
    rate = inputs
    for position in range(3):
        close(state.presynaptic[position], rate, 1e-15)
        soma = rate @ chain.forward[position].T + chain.biases[position]
        close(state.soma[position], soma, 1e-14)
        rate = SIGMA[hidden](soma)
    close(state.output, torch.tanh(soma), 1e-14)


@pytest.mark.parametrize("hidden", ["tanh", "softplus", "linear"])
def test_slopes_are_those_of_automatic_differentiation(hidden: str) -> None:
    chain, inputs = make_chain(hidden, sizes=(5, 4, 6, 3))
    state = forward_pass(chain, inputs)
    for layer in (2, 3):
        for function, slope, at in (
            (chain.encode, chain.encoder_slope, state.soma[layer - 2]),
            (chain.decode, chain.decoder_slope, state.soma[layer - 1]),
        ):
            for row, got in zip(at, slope(layer, at), strict=True):
                wanted = torch.func.jacrev(lambda h, f=function, n=layer: f(n, h[None])[0])(row)
                close(got, wanted, 1e-14)


def test_the_output_target_descends_the_loss_through_the_output_nonlinearity() -> None:
    """−β ∂L/∂h_L by automatic differentiation, of each sample's own loss."""
    chain, inputs = make_chain(output="sigmoid")
    state, desired, target = make_target(chain, inputs, stepsize=0.3)
    soma = state.soma[-1].clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(0.5 * ((torch.sigmoid(soma) - desired) ** 2).sum(), soma)
    close(target, state.soma[-1] - 0.3 * gradient, 1e-15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"decoders": [np.ones((3, 4)), np.ones((2, 4))]},
            r"Ω_3[\s\S]*\(4, 2\), as W_3 is \(2, 4\)[\s\S]*remedy",
        ),
        ({"decoders": [np.ones((2, 3)), np.ones((3, 4)), np.ones((4, 2))]}, r"layers 2 to 3[\s\S]*got: 3"),
        ({"biases": [np.zeros(3), np.zeros(5), np.zeros(2)]}, r"b_2[\s\S]*\(4,\), as W_2 is \(4, 3\)"),
        ({"biases": [np.zeros(3)]}, r"biases[\s\S]*got: 1"),
        ({"forward": [np.ones((3, 2)), np.ones((4, 4)), np.ones((2, 4))]}, r"forward[\s\S]*remedy"),
        ({"forward": []}, "forward"),
        ({"hidden": "tan"}, "tanh"),
        ({"output": "softmax"}, "softmax"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_both_sides_named(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        Autoencoders(**{**_parts(), **change})


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(SpecError, match="Ω_2"):
        attrs.evolve(Autoencoders(**_parts()), decoders=[np.ones((4, 3)), np.ones((4, 2))])


@pytest.mark.parametrize("layer", [-1, 0, 1, 5])
def test_layers_without_decoder_are_refused(layer: int) -> None:
    chain, inputs = make_chain()
    state = forward_pass(chain, inputs)
    with pytest.raises(SpecError, match="2 to 4"):
        chain.decode(layer, state.soma[0])
    with pytest.raises(SpecError, match="2 to 4"):
        decoder_inputs(chain, layer, target=state.soma[0])
    with pytest.raises(SpecError, match="2 to 4"):
        correct_output(chain, layer, target=state.soma[0], decoder_input=state.soma[0])
    if layer != 1:
        with pytest.raises(SpecError, match="1 to 4"):
            chain.encode(layer, inputs)


def test_inputs_and_targets_of_the_wrong_shape_are_refused() -> None:
    chain, inputs = make_chain()
    state = forward_pass(chain, inputs)
    with pytest.raises(DataError, match="inputs"):
        forward_pass(chain, inputs[:, 1:])
    with pytest.raises(DataError, match="desired"):
        output_target(chain, state, desired=inputs[:1], loss="squared_error", stepsize=0.1)
    with pytest.raises(DataError, match="output_target"):
        relax(chain, state, output_target=inputs[:1], steps=1)
    with pytest.raises(DataError, match="target"):
        decoder_inputs(chain, 2, target=inputs[:, 1:])


@pytest.mark.parametrize("stepsize", [-0.1, float("nan"), float("inf")])
def test_steps_against_the_gradient_are_positive_and_finite(stepsize: float) -> None:
    chain, inputs = make_chain()
    with pytest.raises(SpecError, match="stepsize"):
        make_target(chain, inputs, stepsize=stepsize)


def test_unknown_starts_and_negative_steps_are_refused() -> None:
    chain, inputs = make_chain()
    state = forward_pass(chain, inputs)
    wrong: Any = "forwards"
    for call in (relax_until_settled, solve_output_iteration):
        with pytest.raises(SpecError, match='did you mean "forward"'):
            call(chain, state, output_target=state.soma[-1], start=wrong)
    with pytest.raises(SpecError, match="steps"):
        relax(chain, state, output_target=state.soma[-1], steps=-1)
    with pytest.raises(SpecError, match="steps"):
        propagate_corrected(chain, state.soma[-1], steps=-1)
