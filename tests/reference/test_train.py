"""Training without dynamics: it descends, it is plain SGD, and it refuses what it cannot carry out."""

import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference import bp_update, descend, evaluate, feedforward, loss, train_epochs
from neurosim.spec import MethodSettings

from .cases import make_data, make_network, make_parameters


def _orders(samples: int, epochs: int) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.permutation(samples) for _ in range(epochs)]


@pytest.mark.parametrize(("name", "rate"), [("BP", 0.3), ("DFC-SSA", 10.0)])
def test_training_learns_labels_that_a_teacher_gives(name: str, rate: float) -> None:
    network = make_network(8, 20, 4)
    inputs, _ = make_data(network, "squared_error", batch=200)
    labels = feedforward(network, make_parameters(network, seed=9), inputs).output.argmax(1)
    desired = torch.nn.functional.one_hot(labels, 4).to(torch.float64).numpy()
    name_of_loss = "softmax_cross_entropy"
    method = MethodSettings(name=name, learning_rate=rate, target_stepsize=0.03)
    start = make_parameters(network)
    epochs = list(
        train_epochs(network, start, method, inputs, desired, _orders(200, 20), loss=name_of_loss, batch=10)
    )
    assert len(epochs) == 20
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    final_loss, accuracy = evaluate(network, epochs[-1].parameters, inputs, desired, name_of_loss)
    _, accuracy_before = evaluate(network, start, inputs, desired, name_of_loss)
    assert final_loss < epochs[0].loss
    assert accuracy > max(0.85, accuracy_before)  # chance is 0.25
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
        assert torch.equal(ours, theirs)


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


def test_refusals_come_at_the_call() -> None:
    network = make_network(2, 2)
    parameters = make_parameters(network)
    data = (np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(SpecError, match=r"DFC runs as dynamics[\s\S]*BP, DFC-SSA"):
        train_epochs(network, parameters, MethodSettings(), *data, [], loss="squared_error", batch=1)
    bp = MethodSettings(name="BP")
    with pytest.raises(SpecError, match="batch"):
        train_epochs(network, parameters, bp, *data, [], loss="squared_error", batch=0)
    with pytest.raises(DataError, match="desired"):
        train_epochs(network, parameters, bp, data[0], data[1][:2], [], loss="squared_error", batch=1)
    with pytest.raises(DataError, match="no samples"):
        evaluate(network, parameters, np.zeros((0, 2)), np.zeros((0, 2)), "squared_error")
