"""What one passage of a stimulus left, read from an engine's recording in the terms of the spec."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Recording
from neurosim.backend.emulator import guarded
from neurosim.emulate.weights import Weights
from neurosim.equations import Model
from neurosim.equations.assemble import ENDINGS
from neurosim.result import DIVERGED, INTERRUPTED, NOT_SETTLED, Status, Trace
from neurosim.spec import Deviations, MethodSettings, Protocol

Array = NDArray[np.float64]

UNSETTLED_ABOVE = 0.5
"""A presentation has not settled when the integrator still moves at more than this fraction of the rate at
which it started; a settled loop is at 0, one that was never controlled at 1. Chosen."""

SMALLEST_ERROR = 1e-9
"""Below this an error is what the settle phase left over, nothing to correct. Chosen, activation units."""


@attrs.frozen(kw_only=True, eq=False)
class Passage:
    """What came of showing one stimulus."""

    weights: Weights
    endings: Mapping[str, Array]
    """held, target, error, integrator, output of the controller at the end of every presentation,
    (n_presentations, n_columns, n_outputs), in activation units."""
    settling: Array
    """How fast the integrators still move, over how fast they started, (n_presentations,)."""
    traces: Mapping[str, Mapping[str, Trace]]
    status: Status
    wall_seconds: float

    def or_interrupt(self) -> Passage:
        """Itself, if it went to its end: an engine answers an interrupt with what it has, and for some
        purposes half a passage is worth nothing. Raises KeyboardInterrupt."""
        if self.status.kind == INTERRUPTED:
            raise KeyboardInterrupt
        return self


def read_passage(
    recording: Recording,
    *,
    weights: Weights,
    model: Model,
    method: MethodSettings,
    deviations: Deviations,
    noise_level: float,
    voltage_unit: float,
    protocol: Protocol,
    trace_steps: int,
) -> Passage:
    """The passage behind a recording; `noise_level` is the σ below which an error says nothing."""
    endings = _endings(recording, model, voltage_unit)
    settling = _settling(endings, method.leak * deviations.controller.leak, 3 * noise_level)
    railed = np.abs(endings["output"]) >= deviations.controller.limit * (1 - 1e-9)
    saturated = float(np.mean(railed.any(axis=(1, 2)))) if len(settling) else 0.0
    status = _status(recording, settling, model, protocol)
    return Passage(
        weights=weights,
        endings=endings,
        settling=settling,
        traces=_traces(recording, model, trace_steps),
        status=attrs.evolve(status, saturated=saturated),
        wall_seconds=recording.wall_seconds,
    )


def _endings(recording: Recording, model: Model, volts: float) -> dict[str, Array]:
    records = recording.files["endings"].reshape(-1, len(ENDINGS), model.layers[-1], model.n_columns)
    return {
        name: records[:, number].transpose(0, 2, 1) / (volts if name in ("integrator", "output") else 1.0)
        for number, name in enumerate(ENDINGS)
    }


def _settling(endings: Mapping[str, Array], leak: Array, floor: float) -> Array:
    moving = endings["error"] - leak * endings["integrator"]
    start = np.sqrt(np.mean((endings["target"] - endings["held"]) ** 2, axis=(1, 2)))
    return np.sqrt(np.mean(moving**2, axis=(1, 2))) / np.maximum(start, max(floor, SMALLEST_ERROR))


def _traces(recording: Recording, model: Model, stride: int) -> dict[str, dict[str, Trace]]:
    traces: dict[str, dict[str, Trace]] = {}
    columns = model.n_columns
    for file, entries in model.traced.items():
        records, start = recording.files[file], 0
        for reference, n_units, unit in entries:
            part, variable = reference.split(".")
            values = records[:, start : start + n_units * columns].reshape(-1, n_units, columns)
            start += n_units * columns
            if len(records):
                traces.setdefault(part, {})[variable] = Trace(
                    values=values.transpose(2, 0, 1).copy(), unit=unit, dt=stride * model.dt
                )
    return traces


def _status(recording: Recording, settling: Array, model: Model, protocol: Protocol) -> Status:
    if recording.stop is not None:
        return _diverged(recording, model)
    if recording.interrupted:
        return Status(kind=INTERRUPTED, message=f"interrupted after {len(settling)} presentations")
    last = float(np.median(settling[-max(1, len(settling) // 4) :]))
    if protocol.learn_steps and last > UNSETTLED_ABOVE:
        step = len(settling) * protocol.period
        return Status(
            kind=NOT_SETTLED,
            step=step,
            time=step * model.dt,
            part="controller",
            message=f"the integrators still move at {last:.2g} of their first rate when a presentation ends",
        )
    return Status()


def _diverged(recording: Recording, model: Model) -> Status:
    stop = recording.stop
    assert stop is not None  # the caller has looked
    sources, _ = guarded(model)
    part, variable = sources[stop.source].split(".")
    unit, column = divmod(stop.index, model.n_columns)
    time = stop.step * model.dt
    return Status(
        kind=DIVERGED,
        step=stop.step,
        time=time,
        part=part,
        unit=unit,
        column=column,
        message=f"{variable} of {part}, unit {unit}, left all bounds in step {stop.step} ({time:.6g} s)",
    )
