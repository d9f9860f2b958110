"""Optimisers against their formulas, against torch's own classes, and against what a chip carries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference import Parameters, Stepper, Updates
from neurosim.reference.optimizers import STATES
from neurosim.spec import Optimizer

RATE = 0.03
STEPS = 7
ROUNDING = {"rtol": 1e-13, "atol": 1e-15}
"""A few steps of the same float64 operations in another order."""


def _tensors(seed: int, *shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in shapes)


def _parameters() -> Parameters:
    first, second, bias, other, feedback = _tensors(0, (3, 4), (2, 3), (3,), (2,), (3, 2))
    return Parameters(forward=(first, second), biases=(bias, other), feedback=(feedback,))


def _updates(k: int) -> tuple[Updates, tuple[Tensor, ...]]:
    first, second, bias, other, feedback = _tensors(k + 1, (3, 4), (2, 3), (3,), (2,), (3, 2))
    return Updates(forward=(first, second), biases=(bias, other)), (feedback,)


def _walk(stepper: Stepper, parameters: Parameters, steps: Sequence[int]) -> Parameters:
    for k in steps:
        updates, feedback = _updates(k)
        parameters = stepper.step(
            parameters, updates, forward_rate=RATE, feedback_updates=feedback, feedback_rate=2 * RATE
        )
    return parameters


def _arrays(parameters: Parameters) -> tuple[Tensor, ...]:
    return (*parameters.forward, *parameters.biases, *parameters.feedback)


def _history(position: int) -> list[Tensor]:
    """Updates of one array, in the order of `_arrays`."""
    found = []
    for k in range(STEPS):
        updates, feedback = _updates(k)
        found.append((*updates.forward, *updates.biases, *feedback)[position])
    return found


@pytest.mark.parametrize("optimizer", [Optimizer(name="adam", beta1=0.8, beta2=0.95, epsilon=1e-3)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_is_the_algorithm_of_kingma_and_ba(optimizer: Optimizer, decay: float) -> None:
    b1, b2, start = optimizer.beta1, optimizer.beta2, _parameters()
    optimizer = Optimizer(name="adam", beta1=b1, beta2=b2, epsilon=optimizer.epsilon, weight_decay=decay)
    got = _walk(Stepper(optimizer), start, range(STEPS))
    for position, w in enumerate(_arrays(start)):
        feedback = position == 4
        m, v = torch.zeros_like(w), torch.zeros_like(w)
        for t, g in enumerate(_history(position), start=1):
            g = g if feedback else g - decay * w  # weight_decay is not that of feedback weights
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
            step = m / (1 - b1**t) / (torch.sqrt(v / (1 - b2**t)) + optimizer.epsilon)
            w = w + (2 if feedback else 1) * RATE * step
        torch.testing.assert_close(_arrays(got)[position], w, **ROUNDING)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_steps_are_those_of_torch_optim_with_the_negative_update_as_gradient(name: str) -> None:
    start = _parameters()
    optimizer = Optimizer(name=name, beta1=0.9, beta2=0.99, epsilon=1e-7, weight_decay=0.02)
    got = _walk(Stepper(optimizer), start, range(STEPS))
    weights = [w.clone() for w in (*start.forward, *start.biases)]
    if name == "adam":
        theirs = torch.optim.Adam(weights, lr=RATE, betas=(0.9, 0.99), eps=1e-7, weight_decay=0.02)
    else:
        theirs = torch.optim.SGD(weights, lr=RATE, weight_decay=0.02)
    for k in range(STEPS):
        updates, _ = _updates(k)
        for w, g in zip(weights, (*updates.forward, *updates.biases), strict=True):
            w.grad = -g
        theirs.step()
    for ours, w in zip((*got.forward, *got.biases), weights, strict=True):
        torch.testing.assert_close(ours, w, **ROUNDING)


def test_fixed_norm_steps_have_the_length_of_the_learning_rate() -> None:
    start = _parameters()
    got = _walk(Stepper(Optimizer(name="fixed_norm")), start, [0])
    updates, feedback = _updates(0)
    for old, new, g in zip(
        _arrays(start), _arrays(got), (*updates.forward, *updates.biases, *feedback), strict=True
    ):
        length = 2 * RATE if g is feedback[0] else RATE
        torch.testing.assert_close(new - old, length * g / torch.sqrt((g**2).sum()), **ROUNDING)


def test_fixed_norm_without_an_update_only_decays() -> None:
    start, nothing = _parameters(), Updates(forward=_tensors(0, (3, 4)), biases=()).scaled(0.0)
    start = Parameters(forward=start.forward[:1], biases=(), feedback=start.feedback)
    for decay in (0.0, 0.1):
        stepper = Stepper(Optimizer(name="fixed_norm", weight_decay=decay))
        after = stepper.step(start, nothing, forward_rate=RATE)
        torch.testing.assert_close(after.forward[0], (1 - RATE * decay) * start.forward[0], **ROUNDING)
        assert after.feedback is start.feedback


def test_decay_within_feedback_updates_stays_out_of_the_fixed_norm() -> None:
    weights, bare = _tensors(3, (3, 2), (3, 2))
    stepper = Stepper(Optimizer(name="fixed_norm"))
    (after,) = stepper.step_feedback([weights], [bare - 0.2 * weights], rate=RATE, decay=0.2)
    expected = weights + RATE * (bare / torch.linalg.vector_norm(bare) - 0.2 * weights)
    torch.testing.assert_close(after, expected, **ROUNDING)


def test_state_is_what_a_chip_carries() -> None:
    """As the chip's statements have it: power ← power·β, first ← β₁ first + (1−β₁) g, second likewise."""
    stepper = Stepper(Optimizer(name="adam"))
    _walk(stepper, _parameters(), range(STEPS))
    state = stepper.state()
    names = ("synapses_1", "synapses_2", "biases_1", "biases_2", "feedback_1")
    assert set(state) == {f"{name}.{part}" for name in names for part in STATES}
    for position, name in enumerate(names):
        first = second = np.zeros(_history(position)[0].numel())
        power1 = power2 = 1.0
        for g in _history(position):
            flat = g.numpy().ravel()
            power1, power2 = 0.9 * power1, 0.999 * power2
            first, second = 0.9 * first + 0.1 * flat, 0.999 * second + 0.001 * flat**2
        # 0.1 and 1 − 0.9 differ by rounding, and so do power by power and β**t
        np.testing.assert_allclose(state[f"{name}.moment1"], first, rtol=1e-12)
        np.testing.assert_allclose(state[f"{name}.moment2"], second, rtol=1e-12)
        np.testing.assert_allclose(state[f"{name}.power1"], [power1], rtol=1e-12)
        np.testing.assert_allclose(state[f"{name}.power2"], [power2], rtol=1e-12)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.99), (0.9, 0.0), (0.0, 0.0), (1e-200, 0.999999)])
def test_a_restored_optimiser_goes_on_as_if_nothing_had_happened(betas: tuple[float, float]) -> None:
    optimizer = Optimizer(name="adam", beta1=betas[0], beta2=betas[1])
    first, second = Stepper(optimizer), Stepper(optimizer)
    half = _walk(first, _parameters(), range(3))
    second.restore(first.state(), half)
    for ours, theirs in zip(
        _arrays(_walk(second, half, range(3, STEPS))),
        _arrays(_walk(first, half, range(3, STEPS))),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    plain = Stepper(Optimizer())
    _walk(plain, _parameters(), range(2))
    assert plain.state() == {}


def test_states_that_do_not_fit_are_refused() -> None:
    stepper = Stepper(Optimizer(name="adam"))
    parameters = _walk(stepper, _parameters(), [0])
    good = stepper.state()
    with pytest.raises(DataError, match=r"synapses_1\.power1[\s\S]*missing"):
        stepper.restore({k: v for k, v in good.items() if k != "synapses_1.power1"}, parameters)
    with pytest.raises(DataError, match="unknown"):
        stepper.restore(good | {f"synapses_9.{part}": np.zeros(1) for part in STATES}, parameters)
    with pytest.raises(DataError, match=r"biases_1[\s\S]*3 entries"):
        stepper.restore(good | {"biases_1.moment1": np.zeros(4)}, parameters)


def test_weights_that_are_given_stay_as_they_are() -> None:
    for name in ("sgd", "adam", "fixed_norm"):
        start = _parameters()
        copies = [w.clone() for w in _arrays(start)]
        _walk(Stepper(Optimizer(name=name)), start, range(2))
        for now, before in zip(_arrays(start), copies, strict=True):
            assert torch.equal(now, before)
