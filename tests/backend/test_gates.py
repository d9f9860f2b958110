"""The gates in Python say what the gates in C++ say."""

from __future__ import annotations

from neurosim.backend.gates import CONDITIONS, CPP_CONDITIONS, Schedule
from neurosim.equations.model import GATES, SCHEDULE_VARIABLES


def test_both_languages_know_all_gates() -> None:
    assert set(CONDITIONS) == set(CPP_CONDITIONS) == set(GATES)


def test_they_open_at_the_same_steps() -> None:
    schedule = Schedule()
    numbers = {"period": 7, "settle_steps": 3, "plastic_from": 5, "presentations": 4}
    numbers |= {"trace_first": 1, "trace_last": 3, "trace_stride": 2}
    for name, value in numbers.items():
        setattr(schedule, name, value)
    assert set(numbers) == set(SCHEDULE_VARIABLES)
    for timestep in range(4 * 7):
        schedule.advance(timestep)
        known = {f"_{name}": value for name, value in numbers.items()}
        known |= {"_k": timestep % 7, "_p": timestep // 7, "true": True}
        for gate, text in CPP_CONDITIONS.items():
            # C++ && is Python's and; the conditions have no other difference
            assert bool(eval(text.replace("&&", "and"), {}, known)) == CONDITIONS[gate](schedule), gate
