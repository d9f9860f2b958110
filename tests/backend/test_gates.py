"""The gates in Python say what the gates in C++ say."""

from __future__ import annotations

import pytest

from neurosim.backend.gates import Schedule, condition, cpp_condition
from neurosim.equations.model import GATES, SCHEDULE_VARIABLES

WINDOWS = ("window_1", "window_2")
EVERY = ("every_1", "every_2", "every_5", "every_7")


@pytest.mark.parametrize("gate", [*GATES, *WINDOWS, *EVERY])
def test_they_open_at_the_same_steps(gate: str) -> None:
    schedule = Schedule()
    numbers = {"period": 9, "settle_steps": 3, "window_steps": 2, "plastic_from": 5, "presentations": 4}
    numbers |= {"trace_first": 1, "trace_last": 3, "trace_stride": 2}
    for name, value in numbers.items():
        setattr(schedule, name, value)
    assert set(numbers) == set(SCHEDULE_VARIABLES)
    is_open, seen = condition(gate), 0
    for timestep in range(4 * 9):
        schedule.advance(timestep)
        known = {f"_{name}": value for name, value in numbers.items()}
        known |= {"_k": timestep % 9, "_p": timestep // 9, "true": True}
        # the conditions have no other difference
        told = cpp_condition(gate).replace("&&", "and").replace("||", "or")
        assert bool(eval(told, {}, known)) == is_open(schedule)
        seen += is_open(schedule)
    assert seen > 0


@pytest.mark.parametrize("steps", [2, 5, 50])
def test_what_moves_now_and_then_stays_away_from_what_samples(steps: int) -> None:
    """n//2 steps at least, but at the start of a presentation."""
    schedule, is_open = Schedule(), condition(f"every_{steps}")
    schedule.period, schedule.settle_steps = 400, 150
    for k in range(1, 400):
        schedule.advance(k)
        assert not is_open(schedule) or abs(k - 150) >= steps // 2


@pytest.mark.parametrize("gate", ["never", "window_", "window_x", ""])
def test_an_unknown_gate_is_refused(gate: str) -> None:
    for interpret in (condition, cpp_condition):
        with pytest.raises((KeyError, ValueError)):
            interpret(gate)
