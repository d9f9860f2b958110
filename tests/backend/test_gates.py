"""The gates in Python say what the gates in C++ say."""

from __future__ import annotations

import ctypes
from importlib import resources
from pathlib import Path

import pytest

from neurosim.backend.gates import Schedule, condition, cpp_condition
from neurosim.equations.model import GATES, SCHEDULE_VARIABLES
from tests.compiled import shared_library

WINDOWS = ("window_1", "window_2")
EVERY = ("every_1", "every_2", "every_5", "every_7")


@pytest.mark.parametrize("gate", [*GATES, *WINDOWS, *EVERY])
def test_they_open_at_the_same_steps(gate: str) -> None:
    schedule = Schedule()
    numbers = {"period": 9, "settle_steps": 3, "window_steps": 2, "plastic_from": 5, "presentations": 4}
    numbers |= {"trace_first": 1, "trace_last": 3, "trace_stride": 2, "stride": 1}
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


def next_opening(schedule: Schedule, *, period: int) -> list[int]:
    """For every step but the last, the first one after it at which the circuits are switched over, gate by gate."""
    switching = [condition(gate) for gate in ("hold", "last", *(f"window_{i}" for i in range(1, period)))]
    plastic, at = condition("plastic"), []
    before = False
    for k in range(period):
        schedule.advance(k)
        begins = plastic(schedule) and not before
        before = plastic(schedule)
        if k > 0 and (begins or any(is_open(schedule) for is_open in switching)):
            at.append(k)
    return [min(k for k in at if k > step) for step in range(period - 1)]


SCHEDULES = [(9, 3, 2, 5), (40, 30, 0, 30), (40, 10, 15, 39), (31, 30, 0, 31), (12, 4, 4, 9), (50, 7, 9, 20)]
"""period, settle_steps, window_steps, plastic_from."""


@pytest.mark.parametrize("numbers", SCHEDULES)
def test_the_next_gate_is_the_first_to_open(numbers: tuple[int, int, int, int]) -> None:
    schedule = Schedule()
    schedule.period, schedule.settle_steps, schedule.window_steps, schedule.plastic_from = numbers
    expected = next_opening(schedule, period=numbers[0])
    for step, opens in enumerate(expected):
        schedule.advance(5 * numbers[0] + step)
        assert schedule.next_gate == opens


@pytest.mark.cpp
def test_the_next_gate_in_cpp(tmp_path: Path) -> None:
    source = tmp_path / "gate.cpp"
    source.write_text(
        '#include "neurosim_rest.h"\n'
        'extern "C" int64_t next_gate(int64_t k, int64_t period, int64_t settle, int64_t window, int64_t plastic)\n'
        "{ return neurosim::next_gate(k, period, settle, window, plastic); }\n"
    )
    headers = str(resources.files("neurosim.backend") / "templates" / "cpp")
    library = shared_library(source, tmp_path / "gate.so", compiling=[f"-I{headers}"], linking=[])
    library.next_gate.restype, library.next_gate.argtypes = ctypes.c_int64, [ctypes.c_int64] * 5
    for numbers in SCHEDULES:
        schedule = Schedule()
        schedule.period, schedule.settle_steps, schedule.window_steps, schedule.plastic_from = numbers
        for step in range(numbers[0] - 1):
            schedule.advance(step)
            assert library.next_gate(step, *numbers) == schedule.next_gate
