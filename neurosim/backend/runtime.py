"""The numpy engine: a Model stepped in this process, with no compiler."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import BrianObject, second
from brian2.core.variables import ArrayVariable
from brian2.devices.device import reset_device, set_device
from numpy.typing import ArrayLike

from neurosim.backend.brian import build_network, precision_of
from neurosim.backend.dense_numpy import NumpyTarget, state_array
from neurosim.backend.emulator import Progress, Recording, initial_values, record_sizes
from neurosim.backend.interrupts import noted
from neurosim.backend.stimulus import Stimulus
from neurosim.equations.model import SCHEDULE_VARIABLES, Model


class NumpyEmulator:
    """Runs a Model on Brian2's runtime device; Brian2 prepares the objects, the steps are taken here."""

    def __init__(self, model: Model) -> None:
        self.model = model
        start = time.perf_counter()
        set_device("runtime")
        try:
            self._target = NumpyTarget()
            with (
                precision_of(model),
                np.errstate(over="ignore"),
            ):  # Brian2 compares with 1e50, no single number
                self._built = build_network(model, self._target)
                self._built.network.run(0 * second, namespace={})  # generates all code, takes no step
        finally:
            reset_device()
        self._objects = [o for o in self._built.network.sorted_objects if o.active]
        self._clean = [
            (variable.get_value(), variable.get_value().copy())
            for group in self._built.groups.values()
            for variable in group.variables.values()
            if isinstance(variable, ArrayVariable) and variable.owner is not None
            and variable.owner.name == group.name and not variable.read_only
        ]  # fmt: skip
        self.build_seconds = time.perf_counter() - start

    def run(
        self,
        stimulus: Stimulus,
        *,
        values: Mapping[str, ArrayLike],
        outputs: Sequence[str],
        progress: Progress | None = None,
    ) -> Recording:
        """See `Emulator.run`. An interrupt ends the run after the step under way."""
        self._reset(stimulus, values)
        idle = self._idle()
        state, objects = self._target.state, [o for o in self._objects if o.name not in idle]
        if progress is not None:
            state.after_presentation = lambda done: progress(done, stimulus.n_presentations)
        start = time.perf_counter()
        with noted() as interrupt:
            try:
                self._step_to_the_end(interrupt, objects)
            except KeyboardInterrupt:  # raised by whoever is told of the progress, between two steps
                interrupt.set()
        interrupted = interrupt.is_set()
        sizes = record_sizes(self.model)
        return Recording(
            final={name: state_array(self._built.groups, name).astype(np.float64) for name in outputs},
            files={
                name: np.array(state.records.get(name, []), float).reshape(-1, size)
                for name, size in sizes.items()
            },
            stops=state.stops,
            interrupted=interrupted,
            wall_seconds=time.perf_counter() - start,
        )

    def _reset(self, stimulus: Stimulus, values: Mapping[str, ArrayLike]) -> None:
        for array, clean in self._clean:
            array[:] = clean
        for reference, value in initial_values(self.model, values).items():
            state_array(self._built.groups, reference)[:] = value
        state = self._target.state
        state.stimulus, state.records, state.stops, state.finished = stimulus, {}, {}, False
        state.passed, state.rest_kept_at = 0, -2
        state.after_presentation = lambda done: None
        for name in SCHEDULE_VARIABLES:
            setattr(state.schedule, name, int(state_array(self._built.groups, f"schedule.{name}")[0]))

    def _idle(self) -> set[str]:
        """Code that the values of this run leave without effect."""
        return {
            name
            for group in self.model.groups
            for name, parameters in group.idle.items()
            if not any(np.any(state_array(self._built.groups, f"{group.name}.{p}")) for p in parameters)
        }

    def _step_to_the_end(self, interrupt: threading.Event, objects: Sequence[BrianObject]) -> None:
        clock = self._built.clock
        timestep, t = clock.variables["timestep"].get_value(), clock.variables["t"].get_value()
        state = self._target.state
        timestep[0], t[0] = 0, 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # the guard reports divergence by itself
            while not (state.finished or interrupt.is_set()):
                state.schedule.advance(int(timestep[0]))
                for item in objects:
                    item.run()
                timestep[0] += 1 + state.passed
                state.passed = 0
                t[0] = timestep[0] * self.model.dt
