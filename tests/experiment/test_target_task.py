"""What targets are found from: the network as auto-encoders, the state it rests in, and where its output is to go."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import SpecError
from neurosim.experiment.closed.target_task import target_task
from neurosim.learning import method_of
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.reference import Parameters, loss
from neurosim.reference.activations import phi
from neurosim.reference.targetprop import forward_pass
from neurosim.reference.training import Shown
from neurosim.spec import MethodSettings, Network

LABELS = np.eye(3)[[0, 2, 1, 1]]


def _shown(
    *, name: str = "DTP", hidden: Any = "tanh", output: str = "linear", stepsize: float = 0.3, **other: Any
) -> Shown:
    """Four samples on 6-5-4-3 with biases and random feedback."""
    network = Network(layers=(6, 5, 4, 3), hidden=hidden, output=output)
    method = MethodSettings(name=name, target_stepsize=stepsize, initial_feedback="random")
    draws = np.random.default_rng(3)
    forward, biases = initial_weights(network, 3)
    parameters = Parameters.from_arrays(
        forward=forward,
        biases=[b + 0.1 * draws.standard_normal(b.shape) for b in biases],
        feedback=initial_feedback(method_of(name), method, network, forward=forward, seed=3),
    )
    inputs = draws.normal(size=(4, 6))
    return Shown.of(network, parameters, method, inputs, LABELS, **{"loss": "squared_error", **other})


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
@pytest.mark.parametrize("name", ["squared_error", "softmax_cross_entropy"])
def test_the_goal_is_a_step_down_the_loss_from_the_output_soma(name: str, output: str) -> None:
    """τ_L = v_L − λ ∂L/∂v_L by automatic differentiation, each sample by its own loss."""
    shown = _shown(output=output, loss=name)
    soma = shown.rest.soma[-1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(name, phi(output, soma), shown.desired).sum(), soma)
    # the same few operations in another order
    torch.testing.assert_close(
        target_task(shown).goal, shown.rest.soma[-1] - 0.3 * slope, rtol=1e-13, atol=1e-14
    )


def test_where_the_target_steps_all_the_way_it_is_the_label() -> None:
    """½‖r − y‖² of a linear output with λ = 1; with λ = 0 the output is to stay."""
    torch.testing.assert_close(
        target_task(_shown(stepsize=1.0)).goal, torch.tensor(LABELS), rtol=0, atol=1e-15
    )
    still = target_task(_shown(stepsize=0.0))
    assert torch.equal(still.goal, still.state.soma[-1])


@pytest.mark.parametrize("hidden", ["tanh", "sigmoid", ("softplus", "softplus")])
def test_the_state_at_rest_is_the_forward_pass_of_the_coders(hidden: Any) -> None:
    """One goes by the plant of the circuit, the other by f_l alone."""
    shown = _shown(hidden=hidden, output="sigmoid")
    task = target_task(shown)
    ran = forward_pass(task.coders, shown.inputs)
    state = task.state
    pairs = zip(
        (*state.soma, *state.presynaptic, state.output),
        (*ran.soma, *ran.presynaptic, ran.output),
        strict=True,
    )
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-14, atol=1e-15)


def test_feedback_weights_decode() -> None:
    """g_l(h) = Ω_l σ(h) with Ω_2 and Ω_3 in their order."""
    shown = _shown(hidden="sigmoid")
    task = target_task(shown)
    for layer, decoder in zip((2, 3), shown.parameters.feedback, strict=True):
        soma = shown.rest.soma[layer - 1]
        wanted = torch.special.expit(soma) @ decoder.T
        torch.testing.assert_close(task.coders.decode(layer, soma), wanted, rtol=1e-14, atol=1e-15)


def test_networks_without_auto_encoders_are_refused() -> None:
    with pytest.raises(SpecError, match="same nonlinearity"):
        target_task(_shown(hidden=("tanh", "sigmoid")))
    with pytest.raises(SpecError, match=r"decoders[\s\S]*got: 3"):
        target_task(_shown(name="DFC"))  # a Q_l for every layer, the first too
    shown = _shown()
    turned = attrs.evolve(shown.parameters, feedback=tuple(w.T for w in shown.parameters.feedback))
    with pytest.raises(SpecError, match="Ω_2: does not fit its encoder"):
        target_task(attrs.evolve(shown, parameters=turned))


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(SpecError, match='unknown loss "hinge"'):
        target_task(_shown(loss="hinge"))
