"""What one passage of a stimulus left, read from an engine's recording in the terms of the spec."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Recording
from neurosim.backend.emulator import Stop, guarded
from neurosim.emulate.weights import Weights
from neurosim.equations import Model
from neurosim.result import DIVERGED, INTERRUPTED, NOT_SETTLED, Status, Trace
from neurosim.spec import Deviations, Protocol, Spec

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
    """At the end of every presentation, (n_presentations, n_columns, n_units), in activation units: held, target,
    error, integrator, output of the controller, or held, target, signal and the state of every population."""
    settling: Array
    """How fast the integrators still move, over how fast they started, (n_presentations,)."""
    optimizer: Mapping[str, Array]
    """What the optimiser carries on to the next passage, by reference; empty for plain updates."""
    wander: Mapping[str, Array]
    """What noise that remembers carries on to the next passage, by reference; empty for a chip without."""
    traces: Mapping[str, Mapping[str, Trace]]
    status: Status
    wall_seconds: float

    def or_interrupt(self) -> Passage:
        """Itself, if it went to its end: an engine answers an interrupt with what it has, and for some
        purposes half a passage is worth nothing. Raises KeyboardInterrupt."""
        if self.status.kind == INTERRUPTED:
            raise KeyboardInterrupt
        return self


@attrs.frozen(kw_only=True, eq=False)
class Reading:
    """What is needed to read a recording."""

    model: Model
    spec: Spec
    deviations: Deviations
    protocol: Protocol
    voltage_unit: float
    noise_level: float
    """σ of the output below which an error says nothing, activation units."""
    taus: Mapping[str, float]
    """Time constants of the populations beside the network, over τ_u."""
    injected: bool
    """Whether noise is put in while the controller works, which then never rests."""
    error_given: bool
    """Whether those are given an error, not a target."""
    trace_steps: int


def read_passage(
    recording: Recording,
    *,
    weights: Weights,
    optimizer: Mapping[str, Array],
    wander: Mapping[str, Array],
    reading: Reading,
) -> Passage:
    """The passage behind a recording."""
    endings = _endings(recording, reading)
    settling = _settling(endings, reading)
    status = _status(recording, settling, reading)
    return Passage(
        weights=weights,
        endings=endings,
        settling=settling,
        optimizer=optimizer,
        wander=wander,
        traces=_traces(recording, reading.model, reading.trace_steps),
        status=attrs.evolve(status, saturated=_saturated(endings, reading.deviations)),
        wall_seconds=recording.wall_seconds,
    )


def _endings(recording: Recording, reading: Reading) -> dict[str, Array]:
    model, records = reading.model, recording.files["endings"]
    found, start = {}, 0
    for reference, n, unit in model.endings:
        part, variable = reference.split(".")
        values = records[:, start : start + n * model.n_columns].reshape(-1, n, model.n_columns)
        start += n * model.n_columns
        scale = reading.voltage_unit if unit == "V" else 1.0
        found[variable if part == "controller" else reference] = values.transpose(0, 2, 1) / scale
    return found


def _settling(endings: Mapping[str, Array], reading: Reading) -> Array:
    """Of the controller's integrators, or of whatever population moves fastest, over the error it is given."""
    step, method = reading.protocol.dt_ratio, reading.spec.method
    floor = max(3 * reading.noise_level, SMALLEST_ERROR)
    if "integrator" in endings:
        device = reading.deviations.controller
        leak, most = method.leak * device.leak + device.gain_leak, device.saturation
        seen = most * np.tanh(endings["error"] / most) if np.isfinite(most) else endings["error"]
        pushed = device.integral * seen - leak * endings["integrator"]
        moving = [pushed] if method.integral_gain > 0 else []
        given = endings["target"] - endings["held"]
    else:
        moving = [
            values * (reading.taus[name.removesuffix(".moved")] / step)
            for name, values in endings.items()
            if name.endswith(".moved")
        ]
        given = endings["signal"] if reading.error_given else endings["target"] - endings["held"]
    rates = [_rms(values) for values in moving]
    start = np.maximum(_rms(given), floor)
    return np.max(rates, axis=0) / start if rates else np.zeros(len(start))


def _rms(values: Array) -> Array:
    return np.sqrt(np.mean(values**2, axis=(1, 2)))


def _saturated(endings: Mapping[str, Array], deviations: Deviations) -> float:
    limits = {"output": deviations.controller.limit} | {
        f"{name}.state": population.limit for name, population in deviations.populations.items()
    }
    railed = [
        (np.abs(values) >= limits[name] * (1 - 1e-9)).any(axis=2)
        for name, values in endings.items()
        if np.isfinite(limits.get(name, np.inf))
    ]
    return float(np.mean(np.any(railed, axis=0))) if railed and railed[0].size else 0.0


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


def _status(recording: Recording, settling: Array, reading: Reading) -> Status:
    model, protocol = reading.model, reading.protocol
    if recording.stops:
        return _diverged(recording.stops[0], model)
    if recording.interrupted:
        return Status(kind=INTERRUPTED, message=f"interrupted after {len(settling)} presentations")
    last = float(np.median(settling[-max(1, len(settling) // 4) :]))
    if protocol.learn_steps and not reading.injected and last > UNSETTLED_ABOVE:
        step = len(settling) * protocol.period
        return Status(
            kind=NOT_SETTLED,
            step=step,
            time=step * model.dt,
            part="controller",
            message=f"the integrators still move at {last:.2g} of their first rate when a presentation ends",
        )
    return Status()


def _diverged(stop: Stop, model: Model) -> Status:
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
