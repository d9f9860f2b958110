"""The dense operations and gates in numpy, as objects of Brian2's runtime device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from brian2 import BrianObject, Clock, NeuronGroup
from brian2.groups.group import CodeRunner
from numpy.typing import NDArray

from neurosim.backend.emulator import Stop
from neurosim.backend.gates import Schedule, condition
from neurosim.backend.stimulus import Stimulus
from neurosim.equations import operations as ops
from neurosim.equations.model import GatedCode, Program

Array = NDArray[np.float64]
Step = Callable[[], None]


class RunState:
    """What the operations of one run share: the schedule, the stimulus, the recordings, why it stopped."""

    def __init__(self) -> None:
        self.schedule = Schedule()
        self.stimulus: Stimulus | None = None
        self.records: dict[str, list[Array]] = {}
        self.stops: dict[int, Stop] = {}
        self.finished = False
        self.passed = 0
        """Steps that others stood for."""
        self.rest_kept_at = -2
        """The step in which states were kept to see whether they move; −2: none of this run."""
        self.after_presentation: Callable[[int], None] = lambda done: None


class NumpyTarget:
    """Brian2's numpy code generation, with the gates and operations of this module."""

    def __init__(self) -> None:
        from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

        self.code_object_class: Any = NumpyCodeObject
        self.state = RunState()

    def gated(
        self, code: GatedCode, group: NeuronGroup, schedule: NeuronGroup, _levels: Sequence[str]
    ) -> BrianObject:
        """Statements that run when the schedule says so; the engine itself leaves out what is idle in a run."""
        return _GatedRunner(code, group, self.state)

    def program(self, program: Program, groups: dict[str, NeuronGroup], clock: Clock) -> BrianObject:
        """The operations as closures over the state arrays."""
        return _NumpyProgram(program, groups, clock, self.state)


class _GatedRunner(CodeRunner):
    def __init__(self, code: GatedCode, group: NeuronGroup, state: RunState) -> None:
        CodeRunner.__init__(
            self, group, "stateupdate", code=code.code, clock=group.clock, when=code.slot, order=code.order,
            name=code.name,
        )  # fmt: skip
        self._open = condition(code.gate)
        self._schedule = state.schedule

    def run(self) -> None:
        if self._open(self._schedule):
            CodeRunner.run(self)


class _NumpyProgram(BrianObject):
    add_to_magic_network = False

    def __init__(
        self, program: Program, groups: dict[str, NeuronGroup], clock: Clock, state: RunState
    ) -> None:
        BrianObject.__init__(self, clock=clock, when=program.slot, order=program.order, name=program.name)
        self._schedule = state.schedule
        self._steps = [
            (condition(operation.gate), _INTERPRETERS[type(operation)](operation, groups, state))
            for operation in program.operations
        ]

    def run(self) -> None:
        for is_open, step in self._steps:
            if is_open(self._schedule):
                step()


def state_array(groups: dict[str, NeuronGroup], reference: str) -> Array:
    """The array behind "group.variable" itself, not a copy."""
    group, variable = reference.split(".")
    return groups[group].variables[variable].get_value()


def _product(o: ops.Product, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    if o.chips > 1:
        return _products_of_chips(o, groups)
    target = state_array(groups, o.target).reshape(o.n_post, o.n_columns)
    weights = state_array(groups, o.weights).reshape(o.n_post, o.n_pre)
    source = state_array(groups, o.source).reshape(o.n_pre, o.n_columns)
    if not o.bias:

        def plain() -> None:
            np.dot(weights, source, out=target)

        return plain
    bias = state_array(groups, o.bias)[:, None]

    def step() -> None:
        np.dot(weights, source, out=target)
        np.add(target, bias, out=target)

    return step


def _by_chip(array: Array, n_units: int, chips: int) -> Array:
    """(chips, n_units, columns), the same numbers."""
    return array.reshape(n_units, chips, -1).transpose(1, 0, 2)


def _matrices(array: Array, n_post: int, n_pre: int, chips: int) -> Array:
    """(chips, n_post, n_pre), the same numbers."""
    return array.reshape(n_post, n_pre, chips).transpose(2, 0, 1)


def _products_of_chips(o: ops.Product, groups: dict[str, NeuronGroup]) -> Step:
    target = _by_chip(state_array(groups, o.target), o.n_post, o.chips)
    weights = _matrices(state_array(groups, o.weights), o.n_post, o.n_pre, o.chips)
    source = _by_chip(state_array(groups, o.source), o.n_pre, o.chips)
    bias = _by_chip(state_array(groups, o.bias), o.n_post, o.chips) if o.bias else np.float64(0)

    def step() -> None:
        target[...] = weights @ source + bias

    return step


def _outer(o: ops.Outer, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    if o.chips > 1:
        return _outers_of_chips(o, groups)
    target = state_array(groups, o.target).reshape(o.n_post, o.n_pre)
    post = state_array(groups, o.post).reshape(o.n_post, o.n_columns)
    pre = state_array(groups, o.pre).reshape(o.n_pre, o.n_columns)

    def step() -> None:
        if o.accumulate:
            np.add(target, post @ pre.T, out=target)
        else:
            np.dot(post, pre.T, out=target)

    return step


def _outers_of_chips(o: ops.Outer, groups: dict[str, NeuronGroup]) -> Step:
    target = _matrices(state_array(groups, o.target), o.n_post, o.n_pre, o.chips)
    post = _by_chip(state_array(groups, o.post), o.n_post, o.chips)
    pre = _by_chip(state_array(groups, o.pre), o.n_pre, o.chips)

    def step() -> None:
        outer = post @ pre.transpose(0, 2, 1)
        target[...] = target + outer if o.accumulate else outer

    return step


def _row_sum(o: ops.RowSum, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    target = state_array(groups, o.target).reshape(o.n_units, o.chips)
    source = state_array(groups, o.source).reshape(o.n_units, o.chips, o.n_columns)

    def step() -> None:
        total = source.sum(axis=2)
        target[:] = target + total if o.accumulate else total

    return step


def _add(o: ops.Add, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    target, source = state_array(groups, o.target), state_array(groups, o.source)

    def step() -> None:
        np.add(target, source, out=target)

    return step


def _square(o: ops.Square, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    target, source = state_array(groups, o.target), state_array(groups, o.source)

    def step() -> None:
        np.multiply(source, source, out=target)

    return step


def _scatter(o: ops.Scatter, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    target, variance = state_array(groups, o.target), state_array(groups, o.variance)
    normals = state_array(groups, o.normals)

    def step() -> None:
        np.add(target, np.sqrt(variance) * normals, out=target)

    return step


def _fill(o: ops.Fill, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    target = state_array(groups, o.target)
    return lambda: target.fill(0.0)


def _column_reduce(o: ops.ColumnReduce, groups: dict[str, NeuronGroup], _: RunState) -> Step:
    target = state_array(groups, o.target).reshape(o.n_targets or o.n_units, o.n_columns)
    source = state_array(groups, o.source).reshape(o.n_units, o.n_columns)
    largest = o.how == "max"

    def step() -> None:
        target[:] = source.max(axis=0) if largest else source.sum(axis=0)

    return step


def _feed(o: ops.Feed, groups: dict[str, NeuronGroup], state: RunState) -> Step:
    target = state_array(groups, o.target).reshape(o.n_units, o.n_columns)

    def step() -> None:
        stimulus = state.stimulus
        assert stimulus is not None  # set by the emulator before every run
        samples = stimulus.order[state.schedule.presentation]
        samples = np.tile(samples, o.n_columns // len(samples))
        if o.name == "inputs":
            target[:] = stimulus.scale * stimulus.inputs[samples].T
        else:
            target[:] = stimulus.desired[samples].T

    return step


def _record(o: ops.Record, groups: dict[str, NeuronGroup], state: RunState) -> Step:
    sources = [state_array(groups, reference) for reference in o.sources]
    return lambda: state.records.setdefault(o.name, []).append(np.concatenate(sources))


def _guard(o: ops.Guard, groups: dict[str, NeuronGroup], state: RunState) -> Step:
    sources = [state_array(groups, reference) for reference in o.sources]

    def step() -> None:
        for number, source in enumerate(sources):
            within = np.abs(source) <= o.bound  # false for NaN
            if not within.all():
                _tell_stops(o, number, within, state)
        state.finished = state.finished or len(state.stops) == o.chips

    return step


def _tell_stops(o: ops.Guard, number: int, within: NDArray[np.bool_], state: RunState) -> None:
    schedule = state.schedule
    at = schedule.presentation * schedule.period + schedule.step
    outside = np.flatnonzero(~within)
    chips, first = np.unique(outside % o.n_columns // (o.n_columns // o.chips), return_index=True)
    for chip, index in zip(chips, outside[first], strict=True):
        state.stops.setdefault(int(chip), Stop(step=at, source=number, index=int(index)))


def _repeat(o: ops.Repeat, groups: dict[str, NeuronGroup], state: RunState) -> Step:
    target = state_array(groups, o.target)

    def step() -> None:
        if state.schedule.stride > 1:
            np.multiply(target, state.schedule.stride, out=target)

    return step


def _rest(o: ops.Rest, groups: dict[str, NeuronGroup], state: RunState) -> Step:
    """At the same steps as the compiled engines."""
    sources, below = [state_array(groups, s) for s in o.sources], state_array(groups, "schedule.rest_below")
    schedule, before = state.schedule, [source.copy() for source in sources]

    def moved() -> float:
        pairs = zip(sources, before, o.scales, strict=True)
        return max(float(np.fmax.reduce(np.abs(now - then))) / scale for now, then, scale in pairs)

    def step() -> None:
        if schedule.stride > 1:
            state.passed += schedule.stride - 1
            schedule.stride = 1
            return
        at, left = (
            schedule.presentation * schedule.period + schedule.step,
            schedule.next_gate - 1 - schedule.step,
        )
        may = left > 1 and (o.sums or schedule.step + 1 < schedule.plastic_from)
        if not below[0] > 0 or schedule.traced:
            return
        if schedule.step % ops.REST_EVERY == ops.REST_EVERY - 2:
            state.rest_kept_at = at
            for kept, source in zip(before, sources, strict=True):
                kept[:] = source
        elif may and at == state.rest_kept_at + 1 and moved() * left <= below[0]:
            schedule.stride = left

    return step


def _finish(_o: ops.Finish, _groups: dict[str, NeuronGroup], state: RunState) -> Step:
    def step() -> None:
        done = state.schedule.presentation + 1
        state.after_presentation(done)
        state.finished = state.finished or done >= state.schedule.presentations

    return step


_INTERPRETERS: dict[type, Callable[[Any, dict[str, NeuronGroup], RunState], Step]] = {
    ops.Product: _product,
    ops.Outer: _outer,
    ops.RowSum: _row_sum,
    ops.Add: _add,
    ops.Square: _square,
    ops.Scatter: _scatter,
    ops.Fill: _fill,
    ops.ColumnReduce: _column_reduce,
    ops.Feed: _feed,
    ops.Record: _record,
    ops.Guard: _guard,
    ops.Repeat: _repeat,
    ops.Rest: _rest,
    ops.Finish: _finish,
}
