"""The error budget: closed forms against emulated chips, and what it must sum to and refuse."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights
from neurosim.errors import SpecError
from neurosim.experiment.budget import ALL, NOISE, NOISES, TOTALS, Budget, Row, as_result, error_budget
from neurosim.experiment.budget.bench import Bench
from neurosim.experiment.budget.noise import noise_rows, noises_of, with_emulated_noise
from neurosim.io import load_dataset, read_result, write_result
from neurosim.spec import Spec, read_spec

SPECS = Path(__file__).parents[2] / "examples" / "specs"
REAL = ["chip.name=subthreshold_180nm", "method.name=DFC-fixed"]


def small(*overrides: str, noise: bool = False) -> Spec:
    """15-10-10-5 on a real chip, with larger pairs so that first order holds for the offsets."""
    larger = [
        f"chip.soma.coupling.{part}.{side}=40 um" for part in ("pair", "load") for side in ("width", "length")
    ]
    return read_spec(
        SPECS / "student_teacher.toml",
        overrides=[*REAL, *larger, f"chip.noise={str(noise).lower()}", *overrides],
    )


def expect_agreement(row: Row, chips: int) -> None:
    """The spread within four standard errors and what second order adds, (second/spread)² of it and of the third
    order about as much again; the mean within four standard errors of its own and a tenth of its second order."""
    bent = (row.second / row.spread) ** 2 if row.spread > 0 else 0.0
    assert row.emulated_spread == pytest.approx(
        row.spread, abs=4 * row.emulated_error + (0.02 + 2 * bent) * row.spread + 1e-12
    ), row
    floor = row.spread / np.sqrt(chips)
    assert row.emulated_shift == pytest.approx(
        row.shift, abs=2 * floor + 0.1 * row.second + 0.02 * row.shift + 1e-9
    ), row


def expect_noise(row: Row, chips: int) -> None:
    """The spread within four standard errors and 2 %, which is what slow relaxations that move now and then may take
    of a spectrum; the mean, which noise moves in second order only, within four of its own and a tenth of spread²."""
    assert row.emulated_spread == pytest.approx(
        row.spread, abs=4 * row.emulated_error + 0.02 * row.spread + 1e-12
    ), row
    assert row.emulated_shift <= 2 * row.spread / np.sqrt(chips) + 0.1 * row.spread**2, row


def check(budget: Budget) -> None:
    for row in budget.rows:
        if row.imperfection in (*NOISES, NOISE):
            expect_noise(row, budget.chips)
        else:
            expect_agreement(row, budget.chips)
    for signal in dict.fromkeys(row.signal for row in budget.rows):
        rows = budget.of(signal)
        single, (noise, all_of_chip) = rows[:-2], rows[-2:]
        assert (noise.imperfection, all_of_chip.imperfection) == (NOISE, ALL)
        assert sum(row.share for row in single) == pytest.approx(1, rel=1e-12)
        assert [row.share for row in single] == sorted((row.share for row in single), reverse=True)
        # all together, about the state with all shifts: 3 % of the leak's gain bends what the others do by so much
        squares = sum(row.spread**2 for row in single if row.imperfection not in NOISES)
        assert all_of_chip.spread == pytest.approx(np.sqrt(squares), rel=0.1)
        squares = sum(row.spread**2 for row in single if row.imperfection in NOISES)
        assert noise.spread == pytest.approx(np.sqrt(squares), rel=1e-12)


@pytest.mark.cpp
def test_closed_forms_against_emulated_chips() -> None:
    """16 chips with each imperfection alone and with all, compiled."""
    check(error_budget(small(noise=True), chips=16, samples=2, backend="cpp"))


@pytest.mark.slow
@pytest.mark.cpp
def test_closed_forms_against_a_thousand_emulated_chips() -> None:
    """Every imperfection alone, and all together; the spread to 2 % and its standard error."""
    check(error_budget(small(noise=True), chips=1000, samples=4, backend="cpp"))


def test_without_chips_nothing_is_emulated_and_nothing_is_compiled() -> None:
    budget = error_budget(small(), chips=0, samples=4)
    assert all(np.isnan(row.emulated_spread) for row in budget.rows)
    free = {row.imperfection for row in budget.rows if row.signal == "update"}
    assert free == {*budget.spreads, ALL}


def test_twice_the_spread_is_twice_the_error() -> None:
    """First order: a quarter of the synapse's area doubles what the synapses do, and nothing else."""
    quarter = ["chip.synapse.mirror.width=1 um", "chip.synapse.mirror.length=1 um"]
    plain, coarse = (error_budget(small(*changes), chips=0, samples=4) for changes in ([], quarter))
    for before, after in zip(sorted(plain.rows, key=_place), sorted(coarse.rows, key=_place), strict=True):
        if before.imperfection in ("forward_gain", "feedback_gain"):
            # 1 nA in a quarter of the area, of the same shape, has the same inversion
            assert after.spread == pytest.approx(2 * before.spread, rel=1e-9)
        elif before.imperfection != ALL:
            assert after.spread == pytest.approx(before.spread, rel=1e-9, abs=1e-15)


def test_noise_is_in_the_budget_by_kind() -> None:
    """Four times the 1/f noise of all devices is twice the error of every state's, and changes no other; traps have
    rows of their own. A rough and short presentation, since none is emulated."""
    rough = ["run.dt_ratio=0.1", "run.settle_duration=1.0", "run.learn_duration=1.0"]
    flicker = [f"chip.process.{kind}.flicker=4e-9 V^2*um^2" for kind in ("n", "p")]
    traps = ["chip.process.traps.density=2e-4 um^-2"]
    quarter = [text.replace("4e-9", "1e-9") for text in flicker]
    less, more = (
        error_budget(small(*rough, *traps, *level, noise=True), chips=0, samples=1)
        for level in (quarter, flicker)
    )
    for signal in ("output", "update"):
        low, high = ({row.imperfection: row for row in budget.of(signal)} for budget in (less, more))
        assert set(low) - {ALL, NOISE} == set(less.spreads)
        assert {"soma_traps", "integrator_white", "apical_flicker", "sampling"} <= set(low)
        assert low["sampling"].spread > 0
        for kind, row in low.items():
            if kind.endswith("_flicker"):
                assert high[kind].spread == pytest.approx(2 * row.spread, rel=1e-9)
                assert more.spreads[kind].sigma == pytest.approx(2 * less.spreads[kind].sigma, rel=1e-9)
            elif kind not in TOTALS:
                assert high[kind].spread == pytest.approx(row.spread, rel=1e-9, abs=1e-15)


def test_noise_of_compartments_with_time_constants_beside_emulated_presentations() -> None:
    """Where noise enters a compartment that filters it, and the basal one has white noise of its own."""
    slow = ["network.tau_basal_ratio=0.1", "network.tau_apical_ratio=0.15", "run.dt_ratio=0.05"]
    spec = small(*slow, noise=True)
    bench = Bench.of(spec, load_dataset(spec.task), Weights.initial(spec), 2)
    noises = noises_of(bench)
    assert {"basal_white", "apical_white"} <= set(noises)
    rows = noise_rows(bench, noises, lambda what, done, total: None)
    for row in with_emulated_noise(bench, rows, 20, "numpy", lambda what, done, total: None):
        expect_noise(row, 20)


def test_a_chip_that_is_as_designed_but_for_its_noise_has_a_budget_of_that() -> None:
    """White and 1/f noise of an ideal chip; nothing differs from chip to chip."""
    rough = ["run.dt_ratio=0.1", "run.settle_duration=1.0", "run.learn_duration=1.0"]
    alone = ["chip.name=ideal", "method.name=DFC-fixed", "chip.noise=true", *rough]
    spec = read_spec(SPECS / "student_teacher.toml", overrides=alone)
    budget = error_budget(spec, chips=4, samples=1, backend="numpy")
    *single, together = budget.of("update")
    assert {row.imperfection for row in single} == set(budget.spreads) <= set(NOISES)
    assert together.imperfection == NOISE
    assert together.emulated_spread > 0


def test_noise_that_a_chip_does_not_have_is_refused() -> None:
    spec = small("run.dt_ratio=0.1", noise=True)
    bench = Bench.of(spec, load_dataset(spec.task), Weights.initial(spec), 1)
    chip = VirtualChip(spec, columns=1, backend="numpy")
    with pytest.raises(SpecError, match="no such noise"):
        chip.show(bench.stimulus, weights=bench.memory.meant, protocol=spec.run.protocol, noise=["soma_pink"])


def _place(row: Row) -> tuple[str, str]:
    return row.signal, row.imperfection


def test_a_budget_comes_back_from_its_file(tmp_path: Path) -> None:
    spec = small()
    result = as_result(spec, error_budget(spec, chips=0, samples=2))
    write_result(result, tmp_path / "budget.h5")
    again = read_result(tmp_path / "budget.h5")
    assert list(again.budget) == list(result.budget)
    for signal, rows in result.budget.items():
        for name, numbers in rows.items():
            np.testing.assert_equal(again.budget[signal][name], numbers)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["chip.name=ideal"], "no imperfections"),
        (["method.name=BP"], "no controller"),
        (["chip.process.correlation_length=50 um"], "independent"),
    ],
)
def test_what_cannot_be_budgeted_is_refused(overrides: list[str], message: str) -> None:
    spec = read_spec(SPECS / "student_teacher.toml", overrides=[*REAL, *overrides])
    with pytest.raises(SpecError, match=message):
        error_budget(spec, chips=0)


def test_warmth_is_in_the_budget_as_a_shift() -> None:
    """At 350 K the slope of every φ and the gain of every basal compartment shift, by what κ/U_T does."""
    warm = error_budget(small("chip.temperature=350 K"), chips=0, samples=2)
    kappa = 0.696 - 2.3e-4 * (350 - 300.15)
    slope = kappa / 0.696 * 300.15 / 350
    assert warm.spreads["slope"].shift == pytest.approx(slope - 1, rel=1e-9)
    assert attrs.evolve(warm.spreads["slope"], shift=0.0).sigma == 0.01
