"""The gates in Python say what the gates in C++ say."""

from __future__ import annotations

import pytest

from neurosim.backend.gates import Schedule, condition, cpp_condition
from neurosim.equations.model import GATES, SCHEDULE_VARIABLES

WINDOWS = ("window_1", "window_2")


@pytest.mark.parametrize("gate", [*GATES, *WINDOWS])
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
        # C++ && is Python's and; the conditions have no other difference
        assert bool(eval(cpp_condition(gate).replace("&&", "and"), {}, known)) == is_open(schedule)
        seen += is_open(schedule)
    assert seen > 0


@pytest.mark.parametrize("gate", ["never", "window_", "window_x", ""])
def test_an_unknown_gate_is_refused(gate: str) -> None:
    for interpret in (condition, cpp_condition):
        with pytest.raises((KeyError, ValueError)):
            interpret(gate)
