"""The error budget: closed forms against emulated chips, and what it must sum to and refuse."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from neurosim.errors import SpecError
from neurosim.experiment.budget import ALL, Budget, Row, as_result, error_budget
from neurosim.io import read_result, write_result
from neurosim.spec import Spec, read_spec

SPECS = Path(__file__).parents[2] / "examples" / "specs"
REAL = ["chip.name=subthreshold_180nm", "method.name=DFC-fixed"]


def small(*overrides: str) -> Spec:
    """15-10-10-5 on a real chip, with larger pairs so that first order holds for the offsets."""
    larger = [
        f"chip.soma.coupling.{part}.{side}=40 um" for part in ("pair", "load") for side in ("width", "length")
    ]
    return read_spec(SPECS / "student_teacher.toml", overrides=[*REAL, *larger, *overrides])


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


def check(budget: Budget) -> None:
    for row in budget.rows:
        expect_agreement(row, budget.chips)
    for signal in dict.fromkeys(row.signal for row in budget.rows):
        rows = budget.of(signal)
        assert rows[-1].imperfection == ALL
        assert sum(row.share for row in rows[:-1]) == pytest.approx(1, rel=1e-12)
        # all together, about the state with all shifts: 3 % of the leak's gain bends what the others do by so much
        squares = sum(row.spread**2 for row in rows[:-1])
        assert rows[-1].spread == pytest.approx(np.sqrt(squares), rel=0.1)
        assert [row.share for row in rows[:-1]] == sorted((row.share for row in rows[:-1]), reverse=True)


@pytest.mark.cpp
def test_closed_forms_against_emulated_chips() -> None:
    """16 chips with each imperfection alone and with all, compiled."""
    check(error_budget(small(), chips=16, samples=2, backend="cpp"))


@pytest.mark.slow
@pytest.mark.cpp
def test_closed_forms_against_a_thousand_emulated_chips() -> None:
    """Every imperfection alone, and all together; the spread to 2 % and its standard error."""
    check(error_budget(small(), chips=1000, samples=4, backend="cpp"))


def test_without_chips_nothing_is_emulated_and_nothing_is_compiled() -> None:
    budget = error_budget(small(), chips=0, samples=4)
    assert all(np.isnan(row.emulated_spread) for row in budget.rows)
    check_free = [row for row in budget.rows if row.signal == "update" and row.imperfection != ALL]
    assert {row.imperfection for row in check_free} == set(budget.spreads)


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
