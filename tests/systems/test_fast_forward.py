"""Phases that are passed once nothing moves any more: what that costs in accuracy, and when it is not done."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.emulate import Lot, Passage, VirtualChip, Weights
from neurosim.emulate.weights import named_arrays
from neurosim.experiment import verify_weights
from neurosim.learning.circuit import CONTROLLER
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

BELOW = 1e-4
"""Units of activity. What a state still moves in a phase is less, and less than that where it decays; a weight change
sums up rates and differences that are each off by as much, relative to differences of some .1."""
CHANGES = 10 * BELOW
PRESENTATIONS = 4
SILENT = {"name": "subthreshold_180nm", "noise": False}
ENGINES = ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)]


def spec_with(below: float, **tables: Any) -> Spec:
    method = {"learning_rate": 0.1, "target_stepsize": 0.3, "leak": 0.1, **tables.pop("method", {})}
    run = {"batch": 4, "learn_duration": 20.0, "backend": "numpy", **tables.pop("run", {})}
    return spec_of([7, 9, 6, 4], method=method, run={**run, "fast_forward": below}, **tables)


def show(chip: VirtualChip, **how: Any) -> tuple[Weights, Passage]:
    spec = chip.spec
    weights = chip.written(attrs.evolve(Weights.initial(spec), biases=random_weights(spec, 5).biases))
    stimulus = stimulus_of(random_dataset(spec, 5), chip.model.n_columns, PRESENTATIONS)
    how = {"protocol": spec.run.protocol, **how}
    return weights, chip.show(stimulus, weights=weights, **how)


def changes(found: tuple[Weights, Passage]) -> list[np.ndarray]:
    before, after = (dict(named_arrays(weights)) for weights in (found[0], found[1].weights))
    return [after[name] - start for name, start in before.items()]


def steps_taken(chip: VirtualChip) -> list[int]:
    """Counts the steps of the numpy engine: the list grows by one in each."""
    emulator: Any = chip._emulator
    taken: list[int] = []
    plain = emulator._target.state.schedule.advance

    def advance(timestep: int) -> None:
        taken.append(timestep)
        plain(timestep)

    emulator._target.state.schedule.advance = advance
    return taken


@pytest.mark.parametrize(
    "tables",
    [
        {"chip": {"name": "ideal"}},
        {"chip": SILENT},
        {"chip": SILENT, "network": {"tau_basal_ratio": 0.2, "tau_apical_ratio": 0.3}},
        {"chip": {"name": "ideal"}, "method": {"weight_updates": "continuous"}},
        {"chip": {"name": "ideal"}, "run": {"batch": 1}},
        {
            "chip": {"name": "ideal"},
            "method": {"name": "DI"},
            "run": {"dt_ratio": 0.1, "settle_duration": 30.0, "learn_duration": 80.0},
        },
        {"chip": {"name": "ideal"}, "method": {"name": "DTP"}},
        {"chip": {"name": "ideal"}, "method": {"name": "DTP-online"}},
    ],
    ids=["ideal", "mismatch", "compartments", "continuous", "one column", "DI", "DTP", "DTP-online"],
)
def test_what_is_passed_changes_nothing_beyond_the_tolerance(tables: dict[str, Any]) -> None:
    """States at the end of presentations and weight changes, against every step taken."""
    chips = [VirtualChip(spec_with(below, **tables)) for below in (0.0, BELOW)]
    taken = steps_taken(chips[1])
    every, passing = (show(chip) for chip in chips)
    period = chips[1].spec.run.protocol.period
    assert len(taken) < 0.9 * PRESENTATIONS * period
    assert [k for k in taken if k % period == 0] == [p * period for p in range(PRESENTATIONS)]
    for name, expected in every[1].endings.items():
        assert np.abs(passing[1].endings[name] - expected).max() <= BELOW
    difference = relative_difference(zip(changes(passing), changes(every), strict=True))
    assert 1e-13 < difference <= CHANGES


def test_less_tolerance_less_error() -> None:
    """About in proportion, down to every step."""
    every = changes(show(VirtualChip(spec_with(0.0))))
    errors = [
        relative_difference(zip(changes(show(VirtualChip(spec_with(below)))), every, strict=True))
        for below in (1e-3, 1e-5, 1e-7, 0.0)
    ]
    assert errors[0] < 1e-2
    assert errors[1] < errors[0] / 10
    assert errors[2] < errors[1] / 10
    assert errors[3] == 0


def test_an_evaluation_passes_what_rests() -> None:
    """No learn phase: what is held is sampled in the last step."""
    chips = [VirtualChip(spec_with(below)) for below in (0.0, BELOW)]
    taken = steps_taken(chips[1])
    protocol = attrs.evolve(chips[0].spec.run.protocol, learn_steps=0)
    every, passing = (show(chip, protocol=protocol)[1] for chip in chips)
    assert len(taken) < 0.6 * PRESENTATIONS * protocol.period
    assert 0 < np.abs(passing.endings["held"] - every.endings["held"]).max() <= BELOW


@pytest.mark.parametrize(
    "tables",
    [
        {"chip": {"name": "pcm_crossbar", "noise": False}},
        {"chip": {"name": "sonos_crossbar", "noise": False}},
        {"method": {"optimizer": {"name": "adam"}, "learning_rate": 1e-3}},
    ],
    ids=["pcm", "sonos", "adam"],
)
def test_memories_and_optimisers(tables: dict[str, Any]) -> None:
    """They act at the end of a presentation, when it has come by time and not by steps."""
    chips = [VirtualChip(spec_with(below, **tables)) for below in (0.0, BELOW)]
    taken = steps_taken(chips[1])
    every, passing = (show(chip) for chip in chips)
    assert len(taken) < 0.9 * PRESENTATIONS * chips[1].spec.run.protocol.period
    assert 1e-13 < relative_difference(zip(changes(passing), changes(every), strict=True)) <= CHANGES


@pytest.mark.cpp
def test_on_two_cores() -> None:
    """Each passes a phase when its own columns rest; both are within the tolerance of every step."""
    run = {"backend": "cpp", "cores": 2}
    every = changes(show(VirtualChip(spec_with(0.0))))
    passing = changes(show(VirtualChip(spec_with(BELOW, run=run))))
    assert 1e-13 < relative_difference(zip(passing, every, strict=True)) <= CHANGES


@pytest.mark.cpp
@pytest.mark.parametrize(
    "tables",
    [{"chip": SILENT}, {"chip": {"name": "ideal"}, "run": {"batch": 1}}],
    ids=["batch", "one column"],
)
def test_compiled_it_is_the_same(tables: dict[str, Any]) -> None:
    """The engines take the same steps: rounding apart they agree far below the tolerance."""
    run = tables.get("run", {})
    found = [
        show(VirtualChip(spec_with(BELOW, **{**tables, "run": {**run, "backend": backend}})))
        for backend in ("numpy", "cpp")
    ]
    assert relative_difference(zip(changes(found[1]), changes(found[0]), strict=True)) <= 1e-9


@pytest.mark.parametrize(
    ("tables", "how"),
    [
        ({"chip": {"name": "subthreshold_180nm"}}, {}),
        ({}, {"traced": (0, PRESENTATIONS)}),
        ({}, {"fast_forward": 0.0}),
    ],
    ids=["noise", "traces", "told not to"],
)
def test_every_step_is_taken(tables: dict[str, Any], how: dict[str, Any]) -> None:
    """With noise nothing rests, and traces keep all steps."""
    chip = VirtualChip(spec_with(BELOW, **tables))
    taken = steps_taken(chip)
    show(chip, **how)
    assert len(taken) == PRESENTATIONS * chip.spec.run.protocol.period


def test_a_noisy_chip_passes_what_rests_once_its_noise_is_off() -> None:
    """Also beside presentations that are traced."""
    chip = VirtualChip(spec_with(BELOW, chip={"name": "subthreshold_180nm"}))
    taken = steps_taken(chip)
    show(chip, noise=False, traced=(1, 2))
    period = chip.spec.run.protocol.period
    counts = [sum(1 for k in taken if k // period == p) for p in range(PRESENTATIONS)]
    assert counts[1] == period
    assert all(count < 0.9 * period for place, count in enumerate(counts) if place != 1)


def test_a_held_sample_that_droops_does_not_rest() -> None:
    """Its leak moves it on at a steady rate: what is left of the phase decides, not the rate alone."""
    chip = VirtualChip(spec_with(0.0, chip=SILENT))
    protocol = chip.spec.run.protocol
    rate = np.max(np.abs(np.asarray(chip.model.group(CONTROLLER).parameters["droop_rate"].value)))
    below = 0.1 * rate * protocol.learn_steps * chip.model.dt
    assert below > 0
    taken, passed_from = steps_taken(chip), {}
    for droop in (True, False):
        taken.clear()
        show(chip, droop=droop, fast_forward=below)
        learn = [k % protocol.period for k in taken if k % protocol.period >= protocol.settle_steps]
        passed_from[droop] = len(learn) / PRESENTATIONS - protocol.learn_steps
    assert -0.1 * protocol.learn_steps <= passed_from[True]
    assert passed_from[False] < 1.5 * passed_from[True] < 0


def test_chips_of_a_lot_rest_together() -> None:
    """Each within the tolerance of itself taking every step."""
    specs = [spec_with(BELOW, chip={**SILENT, "seed": seed}, run={"batch": 2}) for seed in (1, 2, 3)]
    weights = [random_weights(spec, seed) for seed, spec in enumerate(specs)]
    stimulus = stimulus_of(random_dataset(specs[0], 5), 2, PRESENTATIONS)
    how: dict[str, Any] = {"protocol": specs[0].run.protocol}
    together = Lot(specs).show(stimulus, weights=weights, **how)
    for spec, start, passage in zip(specs, weights, together, strict=True):
        alone = VirtualChip(spec).show(stimulus, weights=start, fast_forward=0.0, **how)
        pairs = [changes((start, each)) for each in (passage, alone)]
        assert 1e-13 < relative_difference(zip(*pairs, strict=True)) <= CHANGES


def test_verification_takes_every_step_and_says_what_passing_changes() -> None:
    spec = spec_with(BELOW, chip={"name": "ideal"})
    chip = VirtualChip(spec)
    found = verify_weights(chip, Weights.initial(spec), random_dataset(spec, 5), samples=2)
    checks = {check.name: check for check in found.checks}
    assert all(check.passed for check in found.checks)
    assert 1e-13 < checks["fast forward"].value <= CHANGES
