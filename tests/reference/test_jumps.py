"""Whole weights that are lost, against the nonlinear state of the loop that is solved without them."""

from __future__ import annotations

import attrs
import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference import Parameters
from neurosim.reference.jumps import jump_effects
from neurosim.reference.sensitivity import effects
from neurosim.reference.settled_loop import STORED

from .test_sensitivity import PARAMETERS, loop_at, signals_at, staged

ARRAYS = [*PARAMETERS.forward, *PARAMETERS.biases, *PARAMETERS.feedback]
HELD = torch.cat([array.reshape(-1) for array in ARRAYS])
EVERY_SEVENTH = torch.arange(len(HELD)) % 7 == 0
LOST = 0.03
"""The chance that a weight is."""


def signals_with(change: torch.Tensor) -> dict[str, torch.Tensor]:
    pieces = (HELD + change).split([array.numel() for array in ARRAYS])
    changed = [piece.reshape(a.shape) for a, piece in zip(ARRAYS, pieces, strict=True)]
    count = len(PARAMETERS.forward)
    forward, biases, feedback = (tuple(changed[start : start + count]) for start in (0, count, 2 * count))
    return signals_at(staged(auto_zero=True), Parameters(forward=forward, biases=biases, feedback=feedback))


def test_each_lost_weight_does_what_the_loop_without_it_shows() -> None:
    """Twice as large or lost, by chances of their own: mean change, variance, and what of that turns the signal.

    1e-6: both solve u to some 1e-10, of which what is left of a small change keeps fewer digits.
    """
    changes = torch.where(EVERY_SEVENTH, torch.stack([HELD, -HELD]), 0.0)
    chances = torch.tensor([0.01, LOST], dtype=torch.float64)
    changes = torch.cat([changes, -(chances[:, None] * changes).sum(0, keepdim=True) / (1 - chances.sum())])
    chances = torch.cat([chances, 1 - chances.sum()[None]])
    got = jump_effects(loop_at(staged(auto_zero=True)), changes, chances)
    base = signals_with(torch.zeros_like(HELD))
    mean = {name: torch.zeros_like(y) for name, y in base.items()}
    square, across = dict.fromkeys(base, 0.0), dict.fromkeys(base, 0.0)
    for place in EVERY_SEVENTH.nonzero()[:, 0]:
        alone = torch.zeros_like(HELD)
        found = []
        for outcome in changes:
            alone[place] = outcome[place]
            found.append(signals_with(alone))
        for name, y in base.items():
            moved = torch.stack([signals[name] - y for signals in found])
            centre = chances @ moved
            around, unit = moved - centre, y / torch.linalg.vector_norm(y)
            mean[name] += centre
            square[name] += float(chances @ around.square().sum(1))
            sideways = around - (around @ unit)[:, None] * unit
            across[name] += float(chances @ sideways.square().sum(1))
    for name, effect in got.items():
        assert torch.equal(effect.shift, torch.zeros_like(effect.shift))
        torch.testing.assert_close(effect.curvature, mean[name], rtol=1e-6, atol=1e-9)
        assert effect.square == pytest.approx(square[name], rel=1e-6)
        assert effect.square_across == pytest.approx(across[name], rel=1e-6)


def test_small_changes_do_what_derivatives_say() -> None:
    """±h with equal chances have σ = h; the third order of what they do is h² ~ 1e-6 of it."""
    h = 1e-3
    loop, ones = loop_at(), torch.ones_like(HELD)
    got = jump_effects(loop, torch.stack([h * ones, -h * ones]), torch.tensor([0.5, 0.5]))
    expected = effects(loop, ["cells"], stored={"cells": ones})["cells"]
    for name, effect in expected.items():
        assert got[name].square / h**2 == pytest.approx(effect.square, rel=1e-4)
        torch.testing.assert_close(got[name].curvature / h**2, effect.curvature, rtol=1e-3, atol=1e-4)


def test_of_many_weights_some_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred of 227: within four standard errors, of which each is the spread of single squares over √100."""
    loop = loop_at()
    changes = torch.stack([(1 - LOST) * -HELD, LOST * HELD])
    chances = torch.tensor([LOST, 1 - LOST])
    whole = jump_effects(loop, changes, chances)
    alone = []
    for place in changes.ne(0).any(0).nonzero()[:, 0]:
        only = torch.where(torch.arange(len(HELD)) == place, changes, 0.0)
        alone.append(jump_effects(loop, only, chances)["update"].square)
    monkeypatch.setattr("neurosim.reference.jumps.MOST_COLUMNS", 100)
    some = jump_effects(loop, changes, chances, seed=5)
    error = float(torch.tensor(alone).std()) * len(alone) / 10
    assert sum(alone) == pytest.approx(whole["update"].square, rel=1e-9)
    assert some["update"].square != whole["update"].square
    assert some["update"].square == pytest.approx(whole["update"].square, abs=4 * error)


def test_a_loss_that_leaves_no_settled_state_is_told() -> None:
    """No leak, and no feedback but that of one weight: without it the controller asks for ever."""
    loop = loop_at()
    controller = attrs.evolve(loop.controller, leak=torch.zeros_like(loop.controller.leak))
    weights = tuple(torch.zeros_like(q) for q in loop.wiring.weights)
    numb = attrs.evolve(loop, controller=controller, wiring=attrs.evolve(loop.wiring, weights=weights))
    changes = torch.zeros(1, loop.count(STORED), dtype=torch.float64)
    changes[0, -1] = 0.5
    with pytest.raises(SpecError, match="no settled state"):
        jump_effects(numb, changes, torch.ones(1))
