"""The gates of a Model as conditions, for Python and for C++."""

from __future__ import annotations

from collections.abc import Callable

_CPP_CONDITIONS = {
    "always": "true",
    "begin": "_k == 0",
    "hold": "_k == _settle_steps",
    "learn": "_k >= _settle_steps",
    "plastic": "_k >= _plastic_from",
    "last": "_k == _period - 1",
    "trace": "_p >= _trace_first && _p < _trace_last && _k % _trace_stride == 0",
}
"""With _k the step within presentation _p, and the schedule's variables behind an underscore."""

_WINDOW = "window_"
_EVERY = "every_"


def cpp_condition(gate: str) -> str:
    """A gate as an expression of C++."""
    if gate.startswith(_WINDOW):
        return f"_k == _settle_steps + {int(gate.removeprefix(_WINDOW))}*_window_steps"
    if gate.startswith(_EVERY):
        steps = int(gate.removeprefix(_EVERY))
        return f"_k == 0 || (_k % {steps} + {steps} - _settle_steps % {steps}) % {steps} == {steps // 2}"
    return _CPP_CONDITIONS[gate]


class Schedule:
    """The numbers that gates refer to, and where in a presentation the clock stands."""

    def __init__(self) -> None:
        self.period = 1
        self.settle_steps = 0
        self.window_steps = 0
        self.plastic_from = 1
        self.presentations = 0
        self.trace_first = 0
        self.trace_last = 0
        self.trace_stride = 1
        self.stride = 1
        self.step = 0
        self.presentation = 0

    def advance(self, timestep: int) -> None:
        """Move to a time step counted from the start of the run."""
        self.presentation, self.step = divmod(timestep, self.period)

    @property
    def traced(self) -> bool:
        """Whether traces are kept of this presentation."""
        return self.trace_first <= self.presentation < self.trace_last

    @property
    def next_gate(self) -> int:
        """The first step after this one at which a gate opens: the controller is turned on, a window or plasticity
        begins, the last."""
        gates = [self.settle_steps, self.plastic_from, self.period - 1]
        if self.window_steps and self.step >= self.settle_steps:
            windows = (self.step - self.settle_steps) // self.window_steps + 1
            gates.append(self.settle_steps + windows * self.window_steps)
        return min((gate for gate in gates if self.step < gate < self.period), default=self.period - 1)


_CONDITIONS: dict[str, Callable[[Schedule], bool]] = {
    "always": lambda s: True,
    "begin": lambda s: s.step == 0,
    "hold": lambda s: s.step == s.settle_steps,
    "learn": lambda s: s.step >= s.settle_steps,
    "plastic": lambda s: s.step >= s.plastic_from,
    "last": lambda s: s.step == s.period - 1,
    "trace": lambda s: s.traced and s.step % s.trace_stride == 0,
}


def condition(gate: str) -> Callable[[Schedule], bool]:
    """A gate as a function of where the clock stands."""
    if gate.startswith(_WINDOW):
        number = int(gate.removeprefix(_WINDOW))
        return lambda s: s.step == s.settle_steps + number * s.window_steps
    if gate.startswith(_EVERY):
        steps = int(gate.removeprefix(_EVERY))
        return lambda s: s.step == 0 or (s.step - s.settle_steps) % steps == steps // 2
    return _CONDITIONS[gate]
