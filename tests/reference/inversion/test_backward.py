"""Errors carried down the network, against autograd and against the reference's own backpropagation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference import Parameters, bp_update, loss, phi
from neurosim.reference.inversion import (
    OutputError,
    descent,
    error_at_output,
    inverse_maps,
    propagate,
    propagate_directly,
    pseudo_inverse_maps,
    transposed_maps,
)
from neurosim.spec import ACTIVATIONS

from ..cases import LOSSES, make_data, make_network, make_parameters
from .cases import normal


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_transposed_maps_are_backpropagation(hidden: str, name: str, output: str) -> None:
    """Equal to bp_update and to autograd, to rounding of sums of a dozen numbers."""
    network = make_network(5, 7, 6, 3, hidden=hidden, output=output)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, name)
    error = error_at_output(network, parameters, inputs, desired, loss=name)
    deltas = propagate(transposed_maps(parameters.forward[1:]), error.delta, slopes=error.slopes)
    update = descent(deltas, pre=error.pre)
    expected = bp_update(network, parameters, inputs, desired, loss=name)
    for ours, theirs in zip(update.forward + update.biases, expected.forward + expected.biases, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)

    activations = []
    rate = inputs
    for activation, w, b in zip(network.activations, parameters.forward, parameters.biases, strict=True):
        activations.append((rate @ w.T + b).requires_grad_(True))
        rate = phi(activation, activations[-1])
    gradients = torch.autograd.grad(loss(name, rate, desired).sum(), activations)
    for ours, theirs in zip(deltas, gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def _case() -> tuple[Parameters, OutputError]:
    network = make_network(5, 7, 6, 3)
    parameters = make_parameters(network)
    inputs, desired = make_data(network, "squared_error")
    return parameters, error_at_output(network, parameters, inputs, desired, loss="squared_error")


def test_feedback_alignment_takes_a_plus_sign() -> None:
    """δ_{l−1} = (B_l δ_l) ∘ φ', written out for one sample and one unit at a time."""
    parameters, error = _case()
    draw = np.random.default_rng(0)
    feedback = [normal(draw, *w.T.shape) for w in parameters.forward[1:]]
    deltas = propagate(feedback, error.delta, slopes=error.slopes)
    assert [tuple(d.shape) for d in deltas] == [(5, 7), (5, 6), (5, 3)]
    assert torch.equal(deltas[-1], error.delta)
    for l in (1, 0):
        for sample in range(5):
            expected = (feedback[l] @ deltas[l + 1][sample]) * error.slopes[l][sample]
            torch.testing.assert_close(deltas[l][sample], expected, rtol=1e-13, atol=1e-15)
    update = descent(deltas, pre=error.pre)
    assert [tuple(w.shape) for w in update.forward] == [(7, 5), (6, 7), (3, 6)]
    outer = torch.stack([torch.outer(d, r) for d, r in zip(deltas[0], error.pre[0], strict=True)]).mean(0)
    torch.testing.assert_close(update.forward[0], -outer, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(update.biases[0], -deltas[0].mean(0), rtol=1e-13, atol=1e-15)


def test_direct_feedback_reaches_every_layer_from_the_output() -> None:
    parameters, error = _case()
    draw = np.random.default_rng(0)
    feedback = [normal(draw, 7, 3), normal(draw, 6, 3)]
    deltas = propagate_directly(feedback, error.delta, slopes=error.slopes)
    assert [tuple(d.shape) for d in deltas] == [(5, 7), (5, 6), (5, 3)]
    assert torch.equal(deltas[-1], error.delta)
    for q, slope, got in zip(feedback, error.slopes, deltas[:-1], strict=True):
        expected = torch.einsum("ij,bj->bi", q, error.delta) * slope
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-15)
    # In a linear network Q_l = ΠW_kᵀ makes it backpropagation.
    ones = [torch.ones_like(slope) for slope in error.slopes]
    along = propagate(transposed_maps(parameters.forward[1:]), error.delta, slopes=ones)
    direct = propagate_directly(parameters.feedback[:-1], error.delta, slopes=ones)
    for ours, theirs in zip(direct, along, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_solved_inversion_tends_to_pseudobackprop() -> None:
    """NDI with B = −Wᵀ in contracting layers; to first order in α, so ten times closer for a tenth of α."""
    parameters, error = _case()
    forward = parameters.forward[1:]
    pseudo = propagate(pseudo_inverse_maps(forward), error.delta, slopes=error.slopes)
    distances = []
    for leak in (1e-5, 1e-6, 0.0):
        maps = inverse_maps(forward, [-w.T for w in forward], leak=leak)
        solved = propagate(maps, error.delta, slopes=error.slopes)
        distances.append(float(torch.linalg.vector_norm(solved[0] - pseudo[0])))
    assert distances[0] / distances[1] == pytest.approx(10, rel=0.01)
    assert distances[2] < 1e-12 * float(torch.linalg.vector_norm(pseudo[0]))


def test_pseudobackprop_undoes_the_forward_map() -> None:
    """In contracting layers of full rank W_l M_l = I, so a linear network gives its error back."""
    parameters, error = _case()
    ones = [torch.ones_like(slope) for slope in error.slopes]
    forward = parameters.forward[1:]
    deltas = propagate(pseudo_inverse_maps(forward), error.delta, slopes=ones)
    torch.testing.assert_close(deltas[0] @ forward[0].T @ forward[1].T, error.delta, rtol=1e-12, atol=1e-13)


def test_a_network_without_hidden_layers_has_only_the_error_at_its_output() -> None:
    network = make_network(5, 3)
    inputs, desired = make_data(network, "squared_error")
    parameters = make_parameters(network)
    error = error_at_output(network, parameters, inputs, desired, loss="squared_error")
    (delta,) = propagate([], error.delta, slopes=[])
    expected = bp_update(network, parameters, inputs, desired, loss="squared_error")
    torch.testing.assert_close(descent([delta], pre=error.pre).forward[0], expected.forward[0])


@pytest.mark.parametrize(
    ("rule", "shapes", "layer"),
    [(propagate, [(7, 6), (3, 6)], "layer 3"), (propagate_directly, [(3, 7), (6, 3)], "layer 1")],
)
def test_a_transposed_matrix_is_named(
    rule: Callable[..., Any], shapes: list[tuple[int, int]], layer: str
) -> None:
    _, error = _case()
    with pytest.raises(SpecError) as caught:
        rule([torch.ones(*shape) for shape in shapes], error.delta, slopes=error.slopes)
    assert caught.value.where == layer
    assert caught.value.remedy == "transpose it"
    assert any(str(shape) in caught.value.got for shape in shapes)
    assert any(str(shape[::-1]) in caught.value.expected for shape in shapes)


def test_too_many_matrices_and_other_batches() -> None:
    parameters, error = _case()
    with pytest.raises(SpecError, match=r"2, of layers 2\.\.3"):
        propagate(transposed_maps(parameters.forward), error.delta, slopes=error.slopes)
    with pytest.raises(DataError, match="slopes of layer 1"):
        propagate(transposed_maps(parameters.forward[1:]), error.delta[:2], slopes=error.slopes)
    with pytest.raises(DataError, match="delta"):
        propagate(transposed_maps(parameters.forward[1:]), error.delta[0], slopes=error.slopes)
