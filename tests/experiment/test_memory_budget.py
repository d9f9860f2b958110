"""What a memory does in an error budget: closed forms against chips whose cells were written one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import pytest

from hardware_models.memory import FLAWS, LEVELS, Pcm
from neurosim.emulate import Storage, Weights, chip_of, design_of
from neurosim.emulate.weights import named_arrays
from neurosim.errors import SpecError
from neurosim.experiment.budget import ALL, Budget, error_budget
from neurosim.experiment.budget.bench import Bench
from neurosim.experiment.budget.closed import loop_of
from neurosim.experiment.budget.emulated import statistics
from neurosim.experiment.budget.memory import PREFIX, Memories
from neurosim.io import load_dataset
from neurosim.report.budget import WORDS
from neurosim.spec import Spec, read_spec
from tests.experiment.test_budget import expect_agreement

SPECS = Path(__file__).parents[2] / "examples" / "specs"
DAY = 86400.0
STEPS = "chip.synapse.memory.steps=31"
DEAD = "chip.synapse.memory.faults.fraction=0.02"
SOURCES = "chip.synapse.memory.unit_spread=0.2"
WIDE = "chip.input_converter.full_scale=6.0"
"""As far as the task's values go."""
ALONE = "chip.mismatch=false"
"""Devices as designed, so that chips differ in their cells alone."""
CHIPS = [
    ("pcm_crossbar", DAY, (STEPS, DEAD), {"levels", "writing", "ageing", "dead"}),
    ("rram_crossbar", DAY, (), {"writing", "ageing"}),
    ("sonos_crossbar", DAY, (), {"writing", "ageing"}),
    ("brainscales2", 0.0, (SOURCES, WIDE), {"levels", "writing"}),
]


def spec_on(chip: str, *overrides: str) -> Spec:
    """15-10-10-5 with fixed feedback."""
    base = [f"chip.name={chip}", "method.name=DFC-fixed", "chip.noise=false"]
    return read_spec(SPECS / "student_teacher.toml", overrides=[*base, *overrides])


def memories(spec: Spec, *, age: float = 0.0) -> Memories:
    return Memories.of(design_of(spec), Weights.initial(spec), age=age)


def check(budget: Budget, kinds: set[str]) -> None:
    memory = {f"memory_{kind}" for kind in kinds}
    assert {kind for kind in budget.spreads if kind.startswith("memory")} == memory
    for row in budget.rows:
        if row.imperfection in (*memory, ALL):
            expect_agreement(row, budget.chips)
    for signal in ("output", "update"):
        *rows, together = budget.of(signal)
        assert sum(row.share for row in rows) == pytest.approx(1, rel=1e-12)
        squares = sum(row.spread**2 for row in rows)
        if max(row.shift for row in rows) < 0.05:  # else other states are linearised about
            assert together.spread == pytest.approx(np.sqrt(squares), rel=0.1)


@pytest.mark.cpp
@pytest.mark.parametrize(
    ("chip", "age", "changes", "kinds"),
    [("pcm_crossbar", DAY, (STEPS,), {"levels", "writing", "ageing"}), CHIPS[1]],
    ids=["pcm_crossbar", "rram_crossbar"],
)
def test_closed_forms_against_emulated_chips(
    chip: str, age: float, changes: Sequence[str], kinds: set[str]
) -> None:
    """16 chips with each imperfection alone and with all, compiled; none dead, of which 16 chips would say nothing."""
    spec = spec_on(chip, ALONE, *changes)
    check(error_budget(spec, chips=16, samples=2, age=age, backend="cpp"), kinds)


@pytest.mark.parametrize("at", ["low", "random"])
def test_dead_devices_against_solved_chips(at: str) -> None:
    """400 chips, each solved as it is: spreads within four standard errors and 5 %, which pairs of dead devices add
    at 2 % (of 2000 chips: 0 to 5 %); means within four of their own, and what that makes of them."""
    where = f"chip.synapse.memory.faults.at={at}"
    # stuck anywhere, a device does four times as much, so that pairs of them show at fewer
    fraction = DEAD if at == "low" else "chip.synapse.memory.faults.fraction=0.002"
    spec = spec_on("pcm_crossbar", ALONE, fraction, where)
    budget = error_budget(spec, chips=0, samples=2)
    bench = Bench.of(spec, load_dataset(spec.task), Weights.initial(spec), 2)
    base = solved(bench, bench.memory.meant)
    chips = [solved(bench, bench.memory.chip("memory_dead", seed)) for seed in range(1, 401)]
    for row in budget.rows:
        if row.imperfection != "memory_dead":
            continue
        found = statistics(base[row.signal], np.array([chip[row.signal] for chip in chips]))
        assert found["spread"] == pytest.approx(row.spread, abs=4 * found["error"] + 0.05 * row.spread), row
        floor = row.spread / np.sqrt(len(chips))
        assert found["shift"] == pytest.approx(row.shift, abs=2 * floor + 0.1 * row.shift), row


def solved(bench: Bench, weights: Weights) -> dict[str, np.ndarray]:
    signals = loop_of(bench, bench.plain, weights).signals()
    return {name: y.numpy() for name, y in signals.parts().items()}


@pytest.mark.slow
@pytest.mark.cpp
@pytest.mark.parametrize(("chip", "age", "changes", "kinds"), CHIPS, ids=[chip for chip, *_ in CHIPS])
def test_closed_forms_against_a_thousand_emulated_chips(
    chip: str, age: float, changes: Sequence[str], kinds: set[str]
) -> None:
    spec = spec_on(chip, ALONE, *changes)
    check(error_budget(spec, chips=1000, samples=2, age=age, backend="cpp"), kinds)


@pytest.mark.parametrize(("chip", "age", "changes", "kinds"), CHIPS, ids=[chip for chip, *_ in CHIPS])
def test_moments_are_those_of_a_lot(chip: str, age: float, changes: Sequence[str], kinds: set[str]) -> None:
    """Of all weights of 200 chips: mean error and σ over those of the closed form, in root mean square.

    The mean over 200 is off by σ/√200 in each weight; a mean square over 450 weights of 200 chips is known to
    √(κ/90 000), κ = 50 for dead devices: 2.4 %.
    """
    found = memories(spec_on(chip, *changes), age=age)
    assert set(found.errors) == {f"memory_{kind}" for kind in kinds}
    for kind in found.errors:
        lot = np.array([_flat(found.chip(kind, seed)) for seed in range(1, 201)])
        mean, sigma = _flat(found.mean(kind)), _flat(found.sigma(kind))
        off = np.sqrt(np.mean((lot.mean(0) - mean) ** 2))
        assert off == pytest.approx(np.sqrt(np.mean(sigma**2) / 200), rel=0.3, abs=1e-15)
        assert np.sqrt(np.mean((lot - mean) ** 2)) == pytest.approx(
            np.sqrt(np.mean(sigma**2)), rel=0.05, abs=1e-15
        )


@pytest.mark.parametrize(("chip", "age", "changes", "kinds"), CHIPS, ids=[chip for chip, *_ in CHIPS])
def test_moments_of_all_flaws_are_those_of_a_lot(
    chip: str, age: float, changes: Sequence[str], kinds: set[str]
) -> None:
    """Of all weights of 200 chips, as above: together flaws are not what they are alone."""
    found = memories(spec_on(chip, *changes), age=age)
    lot = np.array([_flat(found.chip(ALL, seed)) for seed in range(1, 201)])
    mean = _flat(found.mean(ALL))
    square = sum((_flat(found.sigma(kind, together=True)) ** 2 for kind in found.errors), np.zeros_like(mean))
    rms = np.sqrt(np.mean(square))
    off = np.sqrt(np.mean((lot.mean(0) - mean) ** 2))
    assert off == pytest.approx(rms / np.sqrt(200), rel=0.3)
    assert np.sqrt(np.mean((lot - mean) ** 2)) == pytest.approx(rms, rel=0.05)


def _flat(weights: Weights) -> np.ndarray:
    return np.concatenate([array.ravel() for _, array in named_arrays(weights)])


def test_all_together_is_what_the_chip_itself_holds() -> None:
    """Written by the storage of chip 7, and as old as it is asked to be."""
    spec = spec_on("rram_crossbar", DEAD)
    seventh = attrs.evolve(spec, chip={**spec.chip, "seed": 7})
    meant = Weights.initial(spec)
    storage = Storage.of(design_of(seventh))
    for age in (1.0, DAY):
        written = storage.written(meant)
        cells = {f"{name}.age": np.full(array.shape, age) for name, array in named_arrays(written)}
        expected = storage.held(attrs.evolve(written, cells=cells))
        got = memories(spec, age=age).chip(ALL, 7)
        np.testing.assert_array_equal(_flat(got), _flat(expected))


def test_a_row_is_in_all_together_device_by_device() -> None:
    """With one imperfection left, the chip's own weights are those of its row."""
    only = memories(spec_on("sonos_crossbar"))
    assert list(only.errors) == ["memory_writing"]
    np.testing.assert_allclose(
        _flat(only.chip("memory_writing", 5)), _flat(only.chip(ALL, 5)), rtol=1e-12, atol=1e-15
    )


def test_a_chip_with_nothing_but_a_memory_has_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one with neither has none."""
    spec = spec_on("ideal")
    chip = chip_of(spec)
    with pytest.raises(SpecError, match="no imperfections"):
        error_budget(spec, chips=0)
    stores = attrs.evolve(chip, synapse=attrs.evolve(chip.synapse, memory=Pcm()))
    monkeypatch.setattr("neurosim.emulate.design.chip_of", lambda spec: stores)
    budget = error_budget(spec, chips=0, samples=2)
    assert set(budget.spreads) == {"memory_writing"}
    for signal in ("output", "update"):
        alone, together = budget.of(signal)
        assert alone.spread == pytest.approx(together.spread, rel=1e-12)


def test_given_weights_are_meant_as_the_chip_holds_them() -> None:
    """Stored on a digital chip they are codes already: writing them again rounds nothing."""
    spec = spec_on("brainscales2", WIDE)
    stored = Storage.of(design_of(spec)).written(Weights.initial(spec))
    fresh, given = (error_budget(spec, weights=w, chips=0, samples=2) for w in (None, stored))
    assert "memory_levels" in fresh.spreads
    assert not any(kind.startswith("memory") for kind in given.spreads)


def test_every_row_has_words() -> None:
    assert {PREFIX + flaw for flaw in (LEVELS, *FLAWS)} <= set(WORDS)


def test_weights_that_no_one_measured_are_refused() -> None:
    assert memories(spec_on("rram_crossbar"), age=2 * DAY).errors
    with pytest.raises(SpecError, match="older than was measured"):
        error_budget(spec_on("rram_crossbar"), chips=0, age=2.1 * DAY)
