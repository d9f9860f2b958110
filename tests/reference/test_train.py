"""Training over epochs: it descends, it is the optimiser over batches in order, it sleeps, and it can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neurosim.learning import METHODS, method_of
from neurosim.reference import (
    Parameters,
    Stepper,
    bp_update,
    descend,
    evaluate,
    feedforward,
    loss,
    output_jacobian,
    pretrain,
    settled_rule,
    train_epochs,
)
from neurosim.reference.measures import condition_two, reconstruction_errors
from neurosim.reference.training import Shown, has_rule
from neurosim.spec import MethodSettings, Network, Optimizer, Sleep

from .cases import make_data, make_network, make_parameters, make_start

ITERATED = [name for name in METHODS if has_rule(method_of(name))]
RATES = {"NDI": 0.1, "PBP": 0.1, "BP": 0.2, "FA": 0.2, "DFA": 0.2}
"""Of methods that carry errors; targets with λ = 0.1 take 1."""


def _orders(samples: int, epochs: int, *, seed: int = 0) -> list[NDArray[np.int64]]:
    draw = np.random.default_rng(seed)
    return [draw.permutation(samples) for _ in range(epochs)]


def _lesson(network: Network, *, samples: int = 128) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs, and what a teacher of the same kind answers."""
    inputs, _ = make_data(network, "squared_error", batch=samples)
    return inputs, feedforward(network, make_parameters(network, seed=9), inputs).output


def _equal(first: Parameters, second: Parameters) -> bool:
    groups = [(*p.forward, *p.biases, *p.feedback) for p in (first, second)]
    return all(torch.equal(x, y) for x, y in zip(*groups, strict=True))


@pytest.mark.parametrize("name", ITERATED)
def test_every_method_without_dynamics_learns(name: str) -> None:
    """A student of 8-8-6-4, pre-trained where feedback is learned: its loss falls by a quarter at least."""
    network = make_network(8, 8, 6, 4)
    method = MethodSettings(
        name=name,
        learning_rate=RATES.get(name, 1.0),
        target_stepsize=0.1,
        leak=0.01,
        sleep=Sleep(pretraining_epochs=4, pretraining_learning_rate=0.2, epochs=1),
    )
    inputs, desired = _lesson(network)
    start, stepper = make_start(network, method), Stepper(method.optimizer)
    nights = _orders(128, method.sleep.pretraining_epochs, seed=1)
    for parameters in pretrain(network, start, method, inputs, nights, batch=16, stepper=stepper):
        start = parameters
    before, _ = evaluate(network, start, inputs, desired, "squared_error")
    lessons = train_epochs(
        network,
        start,
        method,
        inputs,
        desired,
        _orders(128, 8),
        loss="squared_error",
        batch=16,
        stepper=stepper,
    )
    epochs = list(lessons)
    after, _ = evaluate(network, epochs[-1].parameters, inputs, desired, "squared_error")
    assert after < 0.75 * before
    assert all(np.isfinite(epoch.loss) for epoch in epochs)


@pytest.mark.parametrize("name", ["DFC-SS-fixed", "DI", "SLDI", "DTP"])
def test_methods_with_dynamics_learn_by_their_steady_state(name: str) -> None:
    network = make_network(8, 8, 6, 4)
    rate = 0.1 if name in ("DI", "SLDI") else 1.0
    method = MethodSettings(name=name, learning_rate=rate, target_stepsize=0.1, leak=0.01)
    inputs, desired = _lesson(network, samples=64)
    start = make_start(network, method)
    for parameters in pretrain(network, start, method, inputs, _orders(64, 8), batch=8):
        start = parameters
    epochs = list(
        train_epochs(
            network,
            start,
            method,
            inputs,
            desired,
            _orders(64, 3),
            loss="squared_error",
            batch=16,
            rule=settled_rule,
        )
    )
    assert epochs[-1].loss < 0.9 * epochs[0].loss
    assert 0 <= epochs[-1].unsettled < 1


def test_labels_are_learned() -> None:
    network = make_network(8, 20, 4)
    inputs, _ = make_data(network, "squared_error", batch=200)
    labels = feedforward(network, make_parameters(network, seed=9), inputs).output.argmax(1)
    desired = torch.nn.functional.one_hot(labels, 4).to(torch.float64).numpy()
    name = "softmax_cross_entropy"
    method = MethodSettings(name="DFC-SSA-fixed", learning_rate=10.0, target_stepsize=0.03)
    start = make_parameters(network)
    orders = _orders(200, 20)
    epochs = list(train_epochs(network, start, method, inputs, desired, orders, loss=name, batch=10))
    _, accuracy = evaluate(network, epochs[-1].parameters, inputs, desired, name)
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    assert accuracy > 0.85  # chance is 0.25
    for q, q_start in zip(epochs[-1].parameters.feedback, start.feedback, strict=True):
        assert torch.equal(q, q_start)


def test_one_epoch_is_sgd_over_its_batches_in_order() -> None:
    network = make_network(5, 6, 3)
    start = make_parameters(network)
    inputs, desired = make_data(network, "squared_error", batch=5)
    order = np.array([4, 0, 3, 1, 2])
    method = MethodSettings(name="BP", learning_rate=0.2)
    (epoch,) = train_epochs(network, start, method, inputs, desired, [order], loss="squared_error", batch=2)
    now, total = start, 0.0
    for chosen in ([4, 0], [3, 1], [2]):
        x, y = inputs[chosen], desired[chosen]
        total += float(loss("squared_error", feedforward(network, now, x).output, y).sum())
        now = descend(now, bp_update(network, now, x, y, loss="squared_error"), stepsize=0.2)
    assert epoch.loss == pytest.approx(total / 5, rel=1e-14)
    for ours, theirs in zip(epoch.parameters.forward, now.forward, strict=True):
        # three steps, each in another order of rounding
        torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-15)


def _half(
    network: Network, method: MethodSettings, parameters: Parameters, stepper: Stepper, epochs: Sequence[int]
) -> Parameters:
    inputs, desired = _lesson(network, samples=40)
    orders = _orders(40, 4)
    lessons = train_epochs(
        network,
        parameters,
        method,
        inputs,
        desired,
        [orders[k] for k in epochs],
        loss="squared_error",
        batch=16,
        stepper=stepper,
        seed=3,
        first_epoch=epochs[0],
    )
    return list(lessons)[-1].parameters


@pytest.mark.parametrize("name", ["DFC-SSA", "DTP-iterated"])
def test_training_goes_on_where_it_was_left(name: str) -> None:
    """Weights, optimiser and the noise of the nights, to the last bit: state and restore go by a file."""
    network = make_network(6, 5, 5, 3)
    method = MethodSettings(
        name=name,
        learning_rate=1e-3,
        leak=0.1,
        optimizer=Optimizer(name="adam"),
        sleep=Sleep(epochs=1, learning_rate=1e-3),
    )
    start = make_start(network, method)
    whole = _half(network, method, start, Stepper(method.optimizer), range(4))
    first = Stepper(method.optimizer)
    middle = _half(network, method, start, first, range(2))
    second = Stepper(method.optimizer)
    second.restore(first.state(), middle)
    assert _equal(whole, _half(network, method, middle, second, range(2, 4)))
    other = _half(network, method, middle, Stepper(method.optimizer), range(2, 4))
    assert not _equal(whole, other)


def test_nights_teach_the_feedback_only_and_follow_the_seed() -> None:
    """Condition 2 rises; the same seed gives the same noise, another pass other noise."""
    network = make_network(8, 8, 6, 4)
    method = MethodSettings(name="DFC-SSA", sleep=Sleep(pretraining_learning_rate=0.4))
    inputs, _ = _lesson(network)
    start = make_start(network, method)

    def night(seed: int) -> list[Parameters]:
        return list(pretrain(network, start, method, inputs, _orders(128, 3), batch=4, seed=seed))

    nights = night(1)
    assert len(nights) == 3
    for parameters in nights:
        assert all(torch.equal(x, y) for x, y in zip(parameters.forward, start.forward, strict=True))
    assert _equal(nights[-1], night(1)[-1])
    assert not _equal(nights[-1], night(2)[-1])

    def ratio(parameters: Parameters) -> float:
        activity = feedforward(network, parameters, inputs)
        jacobian = output_jacobian(network, parameters, activity)
        return float(condition_two(jacobian, parameters.feedback).mean())

    assert ratio(nights[-1]) > ratio(start) + 0.1  # 96 noisy updates


def test_decoders_learn_before_and_along_with_the_weights() -> None:
    network = make_network(8, 8, 6, 4)
    method = MethodSettings(
        name="DTP-iterated", learning_rate=0.0, target_stepsize=0.1, initial_feedback="random"
    )
    inputs, desired = _lesson(network)

    def error(parameters: Parameters) -> float:
        shown = Shown.of(network, parameters, method, inputs, desired, loss="squared_error")
        return float(reconstruction_errors(shown).mean())

    start = make_start(network, method)
    *_, learned = pretrain(network, start, method, inputs, _orders(128, 8), batch=16)
    assert error(learned) < 0.5 * error(start)
    lessons = train_epochs(
        network, start, method, inputs, desired, _orders(128, 8), loss="squared_error", batch=16
    )
    *_, along = lessons
    assert error(along.parameters) < error(start)
    assert all(torch.equal(x, y) for x, y in zip(along.parameters.forward, start.forward, strict=True))


def test_no_night_where_the_feedback_is_fixed() -> None:
    network = make_network(4, 4, 3)
    for name in ("BP", "NDI", "DFC-SSA-fixed", "DFC-merged"):
        method = MethodSettings(name=name)
        start = make_start(network, method)
        assert list(pretrain(network, start, method, np.zeros((3, 4)), _orders(3, 2), batch=2)) == []


def test_divergence_ends_training_and_says_so() -> None:
    network = make_network(5, 6, 6, 3, hidden="linear")
    inputs, desired = make_data(network, "squared_error", batch=20)
    for name in ("BP", "PBP", "NDI", "DFC-SSA-fixed"):
        method = MethodSettings(name=name, learning_rate=1e9, leak=0.1)
        orders = _orders(20, 40)
        epochs = list(
            train_epochs(
                network,
                make_start(network, method),
                method,
                inputs,
                desired,
                orders,
                loss="squared_error",
                batch=2,
            )
        )
        assert len(epochs) < 40
        assert np.isnan(epochs[-1].loss)
        assert not all(torch.isfinite(w).all() for w in epochs[-1].parameters.forward)


@pytest.mark.parametrize("name", ["BP", "DFA", "NDI", "DFC-SSA-fixed", "DTP-iterated"])
def test_single_precision_is_the_same_training_with_fewer_digits(name: str) -> None:
    network = make_network(8, 8, 6, 4)
    method = MethodSettings(name=name, learning_rate=0.1, target_stepsize=0.1, leak=0.01)
    inputs, desired = _lesson(network, samples=64)
    start = make_start(network, method)

    def train(dtype: torch.dtype) -> Any:
        lessons = train_epochs(
            network,
            start,
            method,
            inputs,
            desired,
            _orders(64, 2),
            loss="squared_error",
            batch=16,
            dtype=dtype,
        )
        return list(lessons)[-1]

    single, double = train(torch.float32), train(torch.float64)
    # 8 updates with rounding 6e-8 each, and random decoders through 30 steps of an iteration
    assert single.loss == pytest.approx(double.loss, rel=1e-3)
    assert all(w.dtype == torch.float64 for w in single.parameters.forward)
    assert not torch.equal(single.parameters.forward[0], double.parameters.forward[0])


def test_an_optimiser_can_go_on_in_another_precision() -> None:
    network = make_network(6, 5, 3)
    method = MethodSettings(name="DTP-iterated", optimizer=Optimizer(name="adam"))
    inputs, desired = _lesson(network, samples=8)
    parameters, stepper = make_start(network, method), Stepper(method.optimizer)
    for dtype in (torch.float32, torch.float64, torch.float32):
        (epoch,) = train_epochs(
            network,
            parameters,
            method,
            inputs,
            desired,
            _orders(8, 1),
            loss="squared_error",
            batch=4,
            stepper=stepper,
            dtype=dtype,
        )
        parameters = epoch.parameters
    assert np.isfinite(epoch.loss)


def test_evaluation_counts_hits() -> None:
    network = make_network(2, 2)
    parameters = make_parameters(network)
    inputs = np.eye(2)
    output = feedforward(network, parameters, inputs).output
    right = torch.nn.functional.one_hot(output.argmax(1), 2).to(torch.float64)
    assert evaluate(network, parameters, inputs, right, "softmax_cross_entropy")[1] == 1.0
    right[0] = 1 - right[0]
    mean, hits = evaluate(network, parameters, inputs, right, "softmax_cross_entropy")
    assert hits == 0.5
    assert mean == pytest.approx(float(loss("softmax_cross_entropy", output, right).mean()))
