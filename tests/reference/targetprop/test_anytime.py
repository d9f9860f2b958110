"""Property 11: the rule that learns while the targets settle, against its integral and a fine simulation."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop import (
    accumulate,
    apply_updates,
    forward_pass,
    relaxation,
)

from .cases import close, make_chain, make_target


def _relaxing(stepsize: float, *, start: str = "forward", batch: int = 1):
    """A chain, x, its state, and the targets of 25 relaxation steps."""
    chain, inputs = make_chain(batch=batch)
    state, _, target = make_target(chain, inputs, stepsize=stepsize)
    return chain, inputs, state, list(islice(relaxation(chain, state, output_target=target, start=start), 25))


@pytest.mark.parametrize("start", ["decoded", "forward"])
@pytest.mark.parametrize("biases", [False, True])
def test_property_11_at_every_time_the_change_is_that_of_the_targets_of_the_moment(
    start: str, biases: bool
) -> None:
    """To 1e-13, the rounding of 25 sums; so stopped at any time, h_l gets exactly to τ_l(T) (1e-12)."""
    chain, inputs, state, path = _relaxing(0.1, start=start)
    changes = accumulate(chain, state, trajectory=path, biases=biases)
    assert len(changes) == 25
    for targets, change in zip(path, changes, strict=True):
        for layer in range(4):
            move = (targets[layer] - state.soma[layer])[0].numpy()
            rate = state.presynaptic[layer][0].numpy()
            wanted = np.outer(move, rate) / (rate @ rate + biases)
            close(change.forward[layer], torch.from_numpy(wanted), 1e-13)
            changed = apply_updates(chain, change, layers=[layer + 1])
            close(forward_pass(changed, inputs).soma[layer], targets[layer], 1e-12)


def test_property_11_nothing_changes_in_the_forward_phase() -> None:
    """Zero to the last bit, with targets at h_l and with targets that relax from there under τ_L = h_L."""
    chain, _, state, path = _relaxing(0.0, batch=3)
    for change in accumulate(chain, state, trajectory=[state.soma, *path]):
        assert not any(x.any() for x in change.forward + change.biases)


def test_property_11_a_forward_phase_before_and_a_pause_in_between_do_not_count() -> None:
    chain, _, state, path = _relaxing(0.1, batch=3)
    straight = accumulate(chain, state, trajectory=path)
    paused = [*[state.soma] * 4, *path[:7], *[path[6]] * 3, *path[7:]]
    changes = accumulate(chain, state, trajectory=paused, interval=0.3)
    assert not any(x.any() for change in changes[:4] for x in change.forward)
    for got, wanted in zip(changes[-1].forward, straight[-1].forward, strict=True):
        close(got, wanted, 1e-14)


@pytest.mark.parametrize("biases", [False, True])
def test_with_a_leak_it_is_the_differential_equation(biases: bool) -> None:
    """Against 400 midpoint steps an interval, whose error (γ·interval/400)²/12 is 3e-8 of the weights."""
    chain, _, state, path = _relaxing(0.1, batch=2)
    path, leak, interval = path[:6], 0.5, 0.5
    changes = accumulate(chain, state, trajectory=path, interval=interval, leak=leak, biases=biases)
    layer, fine = 2, 400
    rate = state.presynaptic[layer].numpy()
    rate = np.column_stack([rate, np.ones(2)]) if biases else rate
    pre = rate / np.sum(rate**2, axis=1, keepdims=True)
    parts = [chain.forward[layer].numpy(), chain.biases[layer].numpy()[:, None]]
    first = np.column_stack(parts) if biases else parts[0]
    jump = (path[0][layer] - state.soma[layer]).numpy()
    weights, dt = first + jump.T @ pre / 2, interval / fine
    for number, (before, after) in enumerate(pairwise(path), start=1):
        drive = ((after[layer] - before[layer]).numpy() / interval).T @ pre / 2
        for _ in range(fine):
            middle = weights + 0.5 * dt * (drive - leak * weights)
            weights = weights + dt * (drive - leak * middle)
        got = changes[number].forward[layer]
        if biases:
            got = torch.column_stack([got, changes[number].biases[layer]])
        close(got, torch.from_numpy(weights - first), 1e-7)
        assert bool(changes[number].biases[layer].any()) == biases


def test_with_a_leak_the_weights_decay_in_the_forward_phase() -> None:
    chain, _, state, _ = _relaxing(0.0)
    changes = accumulate(chain, state, trajectory=[state.soma] * 4, interval=2.0, leak=0.1)
    for weights, change in zip(chain.forward, changes[-1].forward, strict=True):
        close(change, (math.exp(-0.6) - 1.0) * weights, 1e-15)


def test_bad_trajectories_and_times_are_refused() -> None:
    chain, _, state, path = _relaxing(0.1)
    with pytest.raises(DataError, match="trajectory"):
        accumulate(chain, state, trajectory=[])
    with pytest.raises(DataError, match="targets"):
        accumulate(chain, state, trajectory=[path[0], path[1][1:]])
    with pytest.raises(SpecError, match="interval"):
        accumulate(chain, state, trajectory=path, interval=0.0)
    with pytest.raises(SpecError, match="leak"):
        accumulate(chain, state, trajectory=path, leak=-0.1)
