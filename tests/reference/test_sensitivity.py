"""First and second derivatives of the settled signals against differences of the solved nonlinear states."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference import Parameters, solve_fixed_point
from neurosim.reference.feedforward import run_forward
from neurosim.reference.plant import assemble_plant
from neurosim.reference.sensitivity import effects
from neurosim.reference.settled_loop import (
    DENDRITE_KINDS,
    GAINS,
    KINDS,
    LAYER_KINDS,
    STORED,
    Loop,
    settled_loop,
)
from neurosim.reference.targets import target as nudged
from neurosim.spec import Deviations, MethodSettings

from .cases import make_data, make_network, make_parameters

LOSS = "softmax_cross_entropy"
METHOD = MethodSettings(proportional_gain=1.5, leak=0.05, target_stepsize=0.3)
NETWORK = make_network(6, 8, 7, 4, output="linear")
PARAMETERS = make_parameters(NETWORK)
STEP = 1e-4
"""Of central differences: h² f'''/6 ~ 1e-9 for first ones; ε/h² ~ 1e-8 for second ones."""


def loop_at(deviations: Deviations | None = None) -> Loop:
    inputs, desired = make_data(NETWORK, LOSS)
    return settled_loop(NETWORK, PARAMETERS, METHOD, inputs, desired, loss=LOSS, deviations=deviations)


def staged(*, auto_zero: bool) -> Deviations:
    """The ideal chip with an output stage, which moves no steady state."""
    ideal = attrs.evolve(Deviations.ideal(NETWORK), auto_zero=auto_zero)
    return attrs.evolve(ideal, controller=attrs.evolve(ideal.controller, output_tau=0.02))


def deviated(kind: str, delta: np.ndarray, *, auto_zero: bool) -> Deviations:
    """The ideal chip with one kind of deviation; the field names and shapes are written out here once more."""
    ideal = staged(auto_zero=auto_zero)

    def changed(value: np.ndarray, piece: np.ndarray) -> np.ndarray:
        return value * (1 + piece) if kind in GAINS else value + piece

    if kind in LAYER_KINDS:
        pieces = np.split(delta, np.cumsum(NETWORK.layers[1:])[:-1])
        layers = tuple(
            attrs.evolve(layer, **{kind: changed(getattr(layer, kind), piece)})
            for layer, piece in zip(ideal.layers, pieces, strict=True)
        )
        return attrs.evolve(ideal, layers=layers)
    if kind in DENDRITE_KINDS:
        part, field = kind.split("_")
        pieces = np.split(delta, np.cumsum(NETWORK.layers[1:])[:-1])
        moved_parts = [
            attrs.evolve(
                getattr(layer, part), **{field: changed(getattr(getattr(layer, part), field), piece)}
            )
            for layer, piece in zip(ideal.layers, pieces, strict=True)
        ]
        layers = tuple(
            attrs.evolve(layer, **{part: moved})
            for layer, moved in zip(ideal.layers, moved_parts, strict=True)
        )
        return attrs.evolve(ideal, layers=layers)
    if kind in ("forward_gain", "feedback_gain"):
        gains = getattr(ideal, kind)
        pieces = np.split(delta, np.cumsum([gain.size for gain in gains])[:-1])
        moved = tuple(
            changed(gain, piece.reshape(gain.shape)) for gain, piece in zip(gains, pieces, strict=True)
        )
        return attrs.evolve(ideal, **{kind: moved})
    field = {"controller_leak": "leak"}.get(kind, kind)
    control: Any = attrs.evolve(ideal.controller, **{field: changed(getattr(ideal.controller, field), delta)})
    return attrs.evolve(ideal, controller=control)


def signals_at(deviations: Deviations, parameters: Parameters = PARAMETERS) -> dict[str, torch.Tensor]:
    """The full nonlinear solution: rest, target, steady state, and what follows from it."""
    inputs, desired = make_data(NETWORK, LOSS)
    plant = assemble_plant(NETWORK, parameters, deviations=deviations)
    rest = run_forward(plant, inputs)
    target = nudged(LOSS, rest.output, desired, METHOD.target_stepsize)
    steady = solve_fixed_point(NETWORK, parameters, METHOD, inputs, target, deviations=deviations)
    assert bool(steady.converged.all())
    found = {"output": steady.output.reshape(-1)}
    update, before = [], inputs
    for l, layer in enumerate(plant, start=1):
        soma, basal = steady.soma[l - 1], steady.basal[l - 1]
        found[f"displacement_{l}"] = (soma - basal).reshape(-1)
        post = layer.difference(soma, basal)
        if deviations.auto_zero:
            post = post - layer.difference(rest.soma[l - 1], rest.basal[l - 1])
        update += [(post.T @ before).reshape(-1) / len(before), post.mean(0)]
        before = steady.rate[l - 1]
    return {**found, "update": torch.cat(update)}


@pytest.mark.parametrize(
    ("kind", "auto_zero"),
    [*((kind, True) for kind in KINDS), ("offset", False), ("comparator_offset", False)],
)
def test_effects_are_the_derivatives_of_the_solved_states(kind: str, auto_zero: bool) -> None:
    """Along (1, …, 1) and one at a time: shift, square, curvature and what of the square turns the signal."""
    loop = loop_at(staged(auto_zero=auto_zero))
    count, base = loop.count(kind), loop.signals().parts()
    got = effects(loop, [kind])[kind]
    chosen = range(count) if count <= 20 else range(0, count, 7)
    middle = signals_at(deviated(kind, np.zeros(count), auto_zero=auto_zero))
    for name, y in base.items():
        torch.testing.assert_close(y, middle[name], rtol=1e-9, atol=1e-12)

    def differences(direction: np.ndarray) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        up, down = (signals_at(deviated(kind, s * STEP * direction, auto_zero=auto_zero)) for s in (1, -1))
        return {
            name: ((up[name] - down[name]) / (2 * STEP), (up[name] - 2 * y + down[name]) / STEP**2)
            for name, y in middle.items()
        }

    along = differences(np.ones(count))
    for name, (slope, _) in along.items():
        torch.testing.assert_close(got[name].shift, slope, rtol=1e-5, atol=1e-6)
    if len(chosen) < count:
        return
    singles = [differences(np.eye(count)[i]) for i in chosen]
    for name, y in base.items():
        slopes = torch.stack([single[name][0] for single in singles])
        unit = y / torch.linalg.vector_norm(y)
        across = slopes - (slopes @ unit)[:, None] * unit
        assert got[name].square == pytest.approx(float(slopes.square().sum()), rel=1e-5, abs=1e-10)
        assert got[name].square_across == pytest.approx(float(across.square().sum()), rel=1e-4, abs=1e-9)
        bent = 0.5 * torch.stack([single[name][1] for single in singles]).sum(0)
        torch.testing.assert_close(got[name].curvature, bent, rtol=1e-3, atol=1e-5)


def test_effects_of_what_is_added_to_stored_weights() -> None:
    """Of one weight of every array, each by an amount of its own; gains of synapses are not between."""
    ideal = staged(auto_zero=True)
    arrays = [*PARAMETERS.forward, *PARAMETERS.biases, *PARAMETERS.feedback]
    loop, sizes = loop_at(ideal), [array.numel() for array in arrays]
    assert loop.count(STORED) == sum(sizes)
    places = [sum(sizes[:n]) + size // 2 for n, size in enumerate(sizes)]
    scale = torch.zeros(sum(sizes), dtype=torch.float64)
    scale[places] = torch.linspace(0.5, 2.0, len(places), dtype=torch.float64)
    got = effects(loop, ["cells"], stored={"cells": scale})["cells"]

    def moved(delta: torch.Tensor) -> dict[str, torch.Tensor]:
        pieces = delta.split(sizes)
        changed = [a + piece.reshape(a.shape) for a, piece in zip(arrays, pieces, strict=True)]
        count = len(PARAMETERS.forward)
        forward, biases, feedback = (tuple(changed[start : start + count]) for start in (0, count, 2 * count))
        return signals_at(ideal, Parameters(forward=forward, biases=biases, feedback=feedback))

    middle = moved(torch.zeros_like(scale))
    directions = [scale * (torch.arange(len(scale)) == place) for place in places]
    slopes, bends = [], []
    for direction in directions:
        up, down = moved(STEP * direction), moved(-STEP * direction)
        slopes.append({name: (up[name] - down[name]) / (2 * STEP) for name in middle})
        bends.append({name: (up[name] - 2 * y + down[name]) / STEP**2 for name, y in middle.items()})
    for name in middle:
        single = torch.stack([slope[name] for slope in slopes])
        torch.testing.assert_close(got[name].shift, single.sum(0), rtol=1e-5, atol=1e-6)
        assert got[name].square == pytest.approx(float(single.square().sum()), rel=1e-5)
        bent = 0.5 * torch.stack([bend[name] for bend in bends]).sum(0)
        torch.testing.assert_close(got[name].curvature, bent, rtol=1e-3, atol=1e-5)


def test_many_devices_are_met_by_random_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """256 directions instead of 132 devices: within four standard errors, √(2/256) each of a mean square."""
    loop = loop_at()
    whole = effects(loop, ["forward_gain"])["forward_gain"]
    monkeypatch.setattr("neurosim.reference.sensitivity.MOST_COLUMNS", 10)
    probed = effects(loop, ["forward_gain"], seed=3)["forward_gain"]
    for name, effect in whole.items():
        assert probed[name].square == pytest.approx(effect.square, rel=4 * np.sqrt(2 / 256))


def test_a_loop_that_settles_nowhere_is_refused() -> None:
    """A sigmoid cannot reach 5, and an integrator without leak asks for it exactly."""
    network = make_network(6, 8, 7, 4, output="sigmoid")
    inputs, desired = make_data(network, "squared_error")
    method = MethodSettings(leak=0.0, target_stepsize=10.0)
    with pytest.raises(SpecError, match="no settled state"):
        settled_loop(network, make_parameters(network), method, inputs, desired, loss="squared_error")
