"""A virtual chip: a spec's network on a drawn chip, built on one engine, shown one stimulus after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_models import Chip, ChipError, QuantityError, chip_from_table
from neurosim.backend import Emulator, Recording, Stimulus, build_emulator
from neurosim.backend.emulator import Progress, guarded
from neurosim.equations import Design, Model, assemble, deviations_of
from neurosim.equations.assemble import ENDINGS, update_scale
from neurosim.equations.deviations import layer_devices
from neurosim.errors import DataError, SpecError
from neurosim.learning import AtSteadyState, method_of
from neurosim.learning.feedback import direct_feedback_weights
from neurosim.learning.initial import initial_weights
from neurosim.result import DIVERGED, INTERRUPTED, NOT_SETTLED, Projection, Result, Status, Trace
from neurosim.spec import Deviations, Protocol, Spec, write_spec
from neurosim.spec.streams import stream
from neurosim.version import __version__

Array = NDArray[np.float64]

UNSETTLED_ABOVE = 0.5
"""A presentation has not settled when the integrator still moves at more than this fraction of the rate at
which it started; a settled loop is at 0, one that was never controlled at 1. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class Weights:
    """What is stored on a chip; a chip's device errors come on top."""

    forward: tuple[Array, ...]
    """W_l, (n_l, n_{l−1}), l = 1..L."""
    biases: tuple[Array, ...]
    """b_l, (n_l,)."""
    feedback: tuple[Array, ...]
    """Q_l, (n_l, n_L)."""

    @staticmethod
    def initial(spec: Spec) -> Weights:
        """The weights a run of this spec starts with: seeded W, zero b, fixed direct feedback."""
        forward, biases = initial_weights(spec.network, spec.run.seed)
        return Weights(
            forward=tuple(forward), biases=tuple(biases), feedback=direct_feedback_weights(forward)
        )


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


class VirtualChip:
    """One chip of the lot that a spec describes, ready to be shown data."""

    def __init__(self, spec: Spec, *, columns: int | None = None, backend: str | None = None) -> None:
        self.spec = spec
        self.method = method_of(spec.method.name)
        if not self.method.dynamical:
            raise SpecError(
                f"{spec.method.name} has no dynamics to emulate",
                where="method.name",
                remedy="choose a method that is simulated, such as DFC, or use `neurosim run`",
            )
        self.chip: Chip = chip_of(spec)
        self._design = design_of(spec, columns=columns)
        self.deviations: Deviations = deviations_of(self.chip, self._design.draw, network=spec.network)
        self.model: Model = assemble(self._design)
        self.backend = backend or spec.run.backend
        self._emulator: Emulator = build_emulator(self.model, self.backend)

    @property
    def build_seconds(self) -> float:
        """What building the emulation took; 0 where a compiled program was found in the cache."""
        return self._emulator.build_seconds

    def show(
        self,
        stimulus: Stimulus,
        *,
        weights: Weights,
        protocol: Protocol,
        learning: bool = True,
        noise: bool = True,
        passage: int = 0,
        traced: tuple[int, int] = (0, 0),
        trace_steps: int = 1,
        progress: Progress | None = None,
    ) -> Passage:
        """Stream a stimulus through the chip in one run.

        Parameters
        ----------
        learning : whether updates reach the weights; the controller works in any case.
        noise : False turns the noise of a noisy chip off.
        passage : number of this run, so that every run meets noise of its own.
        traced : first and last + 1 presentation of which traces are kept, every `trace_steps`-th step.

        Raises
        ------
        DataError : the stimulus does not fit the network.
        EngineError, CompileError : the engine failed.
        """
        self._check(stimulus)
        values = {
            **self._schedule(stimulus, protocol, traced, trace_steps),
            **self._weight_values(weights, protocol, learning),
            **self._noise_values(noise, passage),
        }
        outputs = [
            f"{part}_{l}.stored"
            for l in range(1, self.spec.network.depth + 1)
            for part in ("synapses", "biases")
        ]
        recording = self._emulator.run(stimulus, values=values, outputs=outputs, progress=progress)
        endings = self._endings(recording)
        settling = self._settling(endings)
        return Passage(
            weights=self._weights_after(recording, weights),
            endings=endings,
            settling=settling,
            traces=self._traces(recording, protocol, trace_steps),
            status=self._status(recording, endings, settling, protocol),
            wall_seconds=recording.wall_seconds,
        )

    def projections(self, weights: Weights) -> dict[str, Projection]:
        """The connectivity as a result holds it: weights with device errors, and what made them."""
        found: dict[str, Projection] = {}
        for l in range(1, self.spec.network.depth + 1):
            source = "input" if l == 1 else f"layer_{l - 1}"
            gain, back = self.deviations.forward_gain[l - 1], self.deviations.feedback_gain[l - 1]
            stored, returned = weights.forward[l - 1], weights.feedback[l - 1]
            found[f"{source}_to_layer_{l}"] = Projection(
                weights=gain * stored,
                source=source,
                target=f"layer_{l}",
                kind="feedforward",
                biases=weights.biases[l - 1],
                device={"gain": gain, "stored": stored},
            )
            found[f"controller_to_layer_{l}"] = Projection(
                weights=back * returned,
                source="controller",
                target=f"layer_{l}",
                kind="feedback",
                device={"gain": back, "stored": returned},
            )
        return found

    def devices(self) -> dict[str, dict[str, Array]]:
        """What was drawn for neurons and controllers, by part and parameter."""
        return layer_devices(self.deviations)

    def provenance(self) -> dict[str, Any]:
        """Versions, the model's hash and the chip's scales."""
        from importlib.metadata import version

        return {
            "neurosim": __version__,
            "brian2": version("brian2"),
            "numpy": np.__version__,
            "model": self.model.hash,
            "chip": self.chip.name,
            "voltage_unit_volt": float(self.chip.voltage_unit),
            "current_unit_amp": float(self.chip.current_unit),
            "time_base_second": float(self.chip.time_base),
            "dt_second": self.model.dt,
        }

    def _check(self, stimulus: Stimulus) -> None:
        layers, columns = self.spec.network.layers, self.model.n_columns
        for name, got, expected in (
            ("inputs per sample", stimulus.inputs.shape[1], layers[0]),
            ("desired outputs per sample", stimulus.desired.shape[1], layers[-1]),
            ("columns", stimulus.order.shape[1], columns),
            ("presentations", min(len(stimulus.order), 1), 1),
        ):
            if got != expected:
                raise DataError(f"{name} do not fit the network", expected=str(expected), got=str(got))

    def _schedule(
        self, stimulus: Stimulus, protocol: Protocol, traced: tuple[int, int], trace_steps: int
    ) -> dict[str, ArrayLike]:
        if protocol.dt_ratio != self._design.dt_ratio:
            raise SpecError("the chip was built for another time step", where="run.dt_ratio")
        ends = isinstance(self.method.plasticity, AtSteadyState)
        plastic_from = protocol.period - 1 if ends else protocol.settle_steps
        return {
            "schedule.period": protocol.period,
            "schedule.settle_steps": protocol.settle_steps,
            "schedule.plastic_from": plastic_from if protocol.learn_steps else protocol.period,
            "schedule.presentations": stimulus.n_presentations,
            "schedule.trace_first": traced[0],
            "schedule.trace_last": traced[1],
            "schedule.trace_stride": trace_steps,
        }

    def _weight_values(self, weights: Weights, protocol: Protocol, learning: bool) -> dict[str, ArrayLike]:
        continuous = self.spec.method.weight_updates == "continuous"
        scale = update_scale(
            self._design,
            learn_steps=protocol.learn_steps,
            at_steady_state=isinstance(self.method.plasticity, AtSteadyState),
        )
        if not learning:
            scale = 0.0
        rate = ("update_rate", scale / self.model.dt) if continuous else ("update_scale", scale)
        values: dict[str, ArrayLike] = {}
        for l in range(1, self.spec.network.depth + 1):
            forward, biases = weights.forward[l - 1], weights.biases[l - 1]
            values[f"synapses_{l}.stored"] = forward
            values[f"synapses_{l}.weight"] = self.deviations.forward_gain[l - 1] * forward
            values[f"biases_{l}.stored"] = biases
            values[f"biases_{l}.weight"] = biases
            values[f"feedback_{l}.stored"] = weights.feedback[l - 1]
            values[f"feedback_{l}.weight"] = self.deviations.feedback_gain[l - 1] * weights.feedback[l - 1]
            values[f"synapses_{l}.{rate[0]}"] = rate[1]
            values[f"biases_{l}.{rate[0]}"] = rate[1]
        return values

    def _noise_values(self, noise: bool, passage: int) -> dict[str, ArrayLike]:
        values: dict[str, ArrayLike] = {}
        if not self.chip.noise:
            return values
        for l in range(1, self.spec.network.depth + 1):
            values[f"layer_{l}.noise_key"] = noise_key(self.spec, layer=l, passage=passage)
            if not noise:
                values[f"layer_{l}.soma_noise_current"] = 0.0
                values[f"layer_{l}.apical_noise"] = 0.0
        return values

    def _weights_after(self, recording: Recording, before: Weights) -> Weights:
        layers = range(1, self.spec.network.depth + 1)
        return attrs.evolve(
            before,
            forward=tuple(
                recording.final[f"synapses_{l}.stored"].reshape(before.forward[l - 1].shape) for l in layers
            ),
            biases=tuple(recording.final[f"biases_{l}.stored"] for l in layers),
        )

    def _endings(self, recording: Recording) -> dict[str, Array]:
        outputs, columns = self.spec.network.layers[-1], self.model.n_columns
        records = recording.files["endings"].reshape(-1, len(ENDINGS), outputs, columns)
        volts = float(self.chip.voltage_unit)
        return {
            name: records[:, number].transpose(0, 2, 1) / (volts if name in ("integrator", "output") else 1.0)
            for number, name in enumerate(ENDINGS)
        }

    def _settling(self, endings: Mapping[str, Array]) -> Array:
        leak = self.spec.method.leak * self.deviations.controller.leak
        moving = endings["error"] - leak * endings["integrator"]
        start = np.sqrt(np.mean((endings["target"] - endings["held"]) ** 2, axis=(1, 2)))
        floor = 3 * _noise_level(self.spec, self.deviations)
        return np.sqrt(np.mean(moving**2, axis=(1, 2))) / np.maximum(start, max(floor, 1e-300))

    def _traces(
        self, recording: Recording, protocol: Protocol, stride: int
    ) -> dict[str, dict[str, Trace]]:
        traces: dict[str, dict[str, Trace]] = {}
        columns = self.model.n_columns
        for file, entries in self.model.traced.items():
            records, start = recording.files[file], 0
            for reference, n_units, unit in entries:
                part, variable = reference.split(".")
                values = records[:, start : start + n_units * columns].reshape(-1, n_units, columns)
                start += n_units * columns
                if len(records):
                    traces.setdefault(part, {})[variable] = Trace(
                        values=values.transpose(2, 0, 1).copy(), unit=unit, dt=stride * self.model.dt
                    )
        return traces

    def _status(
        self, recording: Recording, endings: Mapping[str, Array], settling: Array, protocol: Protocol
    ) -> Status:
        limit = self.deviations.controller.limit
        railed = np.abs(endings["output"]).max(axis=(1, 2)) >= limit * (1 - 1e-9) if len(settling) else [0.0]
        saturated = float(np.mean(railed))
        if recording.stop is not None:
            return self._diverged(recording, saturated)
        if recording.interrupted:
            return Status(
                kind=INTERRUPTED, message=f"interrupted after {len(settling)} presentations", saturated=saturated
            )
        last = settling[-max(1, len(settling) // 4) :]
        if protocol.learn_steps and float(np.median(last)) > UNSETTLED_ABOVE:
            step = len(settling) * protocol.period
            return Status(
                kind=NOT_SETTLED,
                step=step,
                time=step * self.model.dt,
                part="controller",
                message=(
                    "the controller's integrators still move at "
                    f"{float(np.median(last)):.2g} of their initial rate when a presentation ends"
                ),
                saturated=saturated,
            )
        return Status(saturated=saturated)

    def _diverged(self, recording: Recording, saturated: float) -> Status:
        stop = recording.stop
        assert stop is not None  # the caller has looked
        sources, _ = guarded(self.model)
        part, variable = sources[stop.source].split(".")
        unit, column = divmod(stop.index, self.model.n_columns)
        time = stop.step * self.model.dt
        return Status(
            kind=DIVERGED,
            step=stop.step,
            time=time,
            part=part,
            unit=unit,
            column=column,
            message=f"{variable} of {part}, unit {unit}, left all bounds in step {stop.step} ({time:.6g} s)",
            saturated=saturated,
        )


def chip_of(spec: Spec) -> Chip:
    """The chip that a spec's table names; SpecError names the key, what it expects and what it got."""
    try:
        return chip_from_table(spec.chip)
    except KeyError as error:
        path, got, hint = error.args
        raise SpecError(
            "no such chip" if path == "name" else f'unknown key "chip.{path}"',
            where=f"{spec.source or 'spec'}: chip.{path}",
            got=repr(got),
            remedy=hint,
        ) from None
    except QuantityError as error:
        key = getattr(error, "key", "")
        raise SpecError(
            "bad value", where=f"{spec.source or 'spec'}: chip.{key}", expected=error.expected, got=error.got
        ) from None


def design_of(spec: Spec, *, columns: int | None = None) -> Design:
    """What `assemble` needs for a spec; `columns` overrides the batch."""
    chip = chip_of(spec)
    try:
        draw = chip.draw(
            spec.network.layers,
            lambda name: stream(chip.seed, "chip", name),
            tau_soma=spec.network.tau_soma_ratio * chip.time_base,
        )
        if chip.noise:
            chip.soma_noise_current(spec.network.tau_soma_ratio * chip.time_base)
    except ChipError as error:
        raise SpecError(
            "the chip cannot be biased for this spec",
            where=f"{spec.source or 'spec'}: chip",
            got=str(error),
            remedy="change chip.time_base, a capacitance, or the spec's time constants",
        ) from None
    return Design(
        network=spec.network,
        method=spec.method,
        chip=chip,
        draw=draw,
        loss=spec.task.loss,
        dt_ratio=spec.run.dt_ratio,
        columns=columns or spec.run.batch,
    )


def noise_key(spec: Spec, *, layer: int, passage: int) -> int:
    """The 31-bit key of a layer's noise in one run."""
    seed = int(spec.chip.get("seed", 1))
    return int(stream(seed, "noise", spec.run.seed, layer, passage).integers(2**31))


def _noise_level(spec: Spec, deviations: Deviations) -> float:
    """σ of the output layer's soma, activation units."""
    layer, tau = deviations.layers[-1], spec.network.tau_soma_ratio
    apical = layer.apical_noise / tau if spec.network.tau_apical_ratio == 0 else 0.0
    return float(np.sqrt(np.mean(layer.soma_noise**2 + apical**2) * tau / 2))


def emulate(
    spec: Spec,
    stimulus: Stimulus,
    *,
    weights: Weights | None = None,
    backend: str | None = None,
    learning: bool = True,
    noise: bool = True,
    traced: tuple[int, int] = (0, 1),
) -> Result:
    """Show a stimulus to the spec's chip once and return everything known after it.

    Parameters
    ----------
    stimulus : inputs (n_samples, n_0), desired (n_samples, n_L), order (n_presentations, batch).
    weights : where to start; by default as a run of the spec would.
    traced : first and last + 1 presentation of which traces are kept.

    Raises
    ------
    SpecError, DataError, CompileError, EngineError
    """
    chip = VirtualChip(spec, columns=stimulus.order.shape[1], backend=backend)
    passage = chip.show(
        stimulus,
        weights=weights or Weights.initial(spec),
        protocol=spec.run.protocol,
        learning=learning,
        noise=noise,
        traced=traced,
        trace_steps=spec.run.trace_steps,
    )
    return Result(
        spec=write_spec(spec),
        seed=spec.run.seed,
        backend=chip.backend,
        status=passage.status,
        connectivity=chip.projections(passage.weights),
        traces=passage.traces,
        devices=chip.devices(),
        provenance={**chip.provenance(), "wall_seconds": passage.wall_seconds},
    )
