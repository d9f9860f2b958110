"""A virtual chip: a spec's network on a drawn chip, built on one engine, shown one stimulus after another."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any, Unpack

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_models import Chip
from neurosim.backend import Emulator, Recording, Stimulus, build_emulator
from neurosim.backend.emulator import Progress
from neurosim.backend.memory import bytes_of_run, check_room
from neurosim.emulate.cores import CoresEmulator, cores_of
from neurosim.emulate.design import chip_of, design_of, noise_key
from neurosim.emulate.door import Door
from neurosim.emulate.passage import Passage, Reading, read_passage
from neurosim.emulate.plastic import Rates, optimizer_outputs, weight_values
from neurosim.emulate.redrawn import redrawn_values
from neurosim.emulate.showing import How, Showing
from neurosim.emulate.wandering import AT_GATES, noise_kind, wander_after, wander_outputs, wander_values
from neurosim.emulate.weights import Weights, projections
from neurosim.emulate.written import Storage
from neurosim.equations import Model, assemble, deviations_of
from neurosim.equations.controlled import learns_feedback
from neurosim.equations.deviations import layer_devices
from neurosim.errors import DataError, SpecError
from neurosim.learning import Controlled, feedback_shapes, method_of
from neurosim.learning.circuit import CONTROLLER
from neurosim.result import Projection
from neurosim.spec import Deviations, Protocol, Spec
from neurosim.spec.streams import stream
from neurosim.version import __version__

Array = NDArray[np.float64]


class VirtualChip:
    """One chip of the lot that a spec describes, ready to be shown data."""

    def __init__(
        self,
        spec: Spec,
        *,
        columns: int | None = None,
        backend: str | None = None,
        sleeps: bool = False,
        cells: bool = True,
        chip: Chip | None = None,
        built: bool = True,
    ) -> None:
        """`sleeps`: the spec is that of a sleep phase (`neurosim.spec.asleep`); only feedback weights change.
        Not `cells`: its memory is left out, and the network computes with the weights it is shown.
        `chip`: the spec's, if that was read before. Not `built`: it has no engine, a `Lot` shows it what it is
        shown."""
        self.spec = spec
        self.method = method_of(spec.method.name)
        if not self.method.dynamical:
            raise SpecError(
                f"{spec.method.name} has no dynamics to emulate",
                where="method.name",
                remedy="choose a method that is simulated, such as DFC, or use `neurosim run`",
            )
        self.chip: Chip = chip or chip_of(spec)
        self.door = Door(self.chip, loss=spec.task.loss)
        self._design = design_of(spec, columns=columns, sleeps=sleeps, chip=self.chip)
        if not cells:
            self._design = attrs.evolve(self._design, arrays={})
        self.deviations: Deviations = deviations_of(self._design)
        self.storage = Storage.of(self._design)
        self.model: Model = assemble(self._design)
        self.backend = backend or spec.run.backend
        self._values: dict[str, ArrayLike] = {}
        self._engine: Emulator | None = self._built() if built else None

    def _built(self) -> Emulator:
        parts = cores_of(self.spec.run, self.model, self.backend, where=self.spec.source or "spec")
        if parts == 1:
            return build_emulator(self.model, self.backend)
        return CoresEmulator(
            self.model, lambda columns: assemble(attrs.evolve(self._design, columns=columns)), parts
        )

    @property
    def build_seconds(self) -> float:
        """What building the emulation took; 0 where a compiled program was found in the cache."""
        return self._emulator.build_seconds

    def show(self, stimulus: Stimulus, *, progress: Progress | None = None, **how: Unpack[How]) -> Passage:
        """Stream a stimulus through the chip in one run.

        Raises
        ------
        DataError : the stimulus does not fit the network, or the chip's converter.
        SpecError : a kind of noise that the chip does not have.
        MemoryShortage : before anything runs.
        EngineError, CompileError : the engine failed.
        """
        showing = self.prepared(stimulus, **how)
        remedy = "lower run.batch, trace fewer presentations, or show fewer in one run"
        check_room(sum(self.bytes_of(showing)), where=self.spec.source or "emulation", remedy=remedy)
        recording = self._emulator.run(
            showing.stimulus, values=showing.values, outputs=showing.outputs, progress=progress
        )
        return self.passage(showing, recording)

    @property
    def _emulator(self) -> Emulator:
        if self._engine is None:
            raise RuntimeError("this chip runs in a lot")
        return self._engine

    def bytes_of(self, showing: Showing) -> tuple[int, int]:
        """What a run takes at most for states, and for the endings of presentations and traces."""
        return bytes_of_run(self.model, showing.values, showing.stimulus.n_presentations)

    def prepared(self, stimulus: Stimulus, **how: Unpack[How]) -> Showing:
        """What an engine is to be given for `show`."""
        weights, protocol, noise = how["weights"], how["protocol"], how.get("noise", True)
        passage, ageing, nudge = how.get("passage", 0), how.get("ageing", True), how.get("nudge")
        trace_steps = how.get("trace_steps", 1)
        self._check(stimulus)
        stimulus = self.door.given(stimulus)
        weights.check(self.spec.network, self.method.feedback)
        presentation = float(ageing) * protocol.period * self.model.dt  # by which stored weights age
        self.storage.check(weights, longer=stimulus.n_presentations * presentation)
        rates = self._rates(how.get("learning", True))
        start = self._wander(passage, how.get("wander"))
        values = {
            **self._values,
            **self._schedule(stimulus, protocol, how.get("traced", (0, 0)), trace_steps),
            **weight_values(
                self._design,
                self.deviations,
                weights,
                rates=rates,
                plastic_steps=self.plastic_steps(protocol),
            ),
            **self.storage.values(weights, pace=float(ageing)),
            **self._noise_values(noise, passage),
            **start,
            **dict(how.get("optimizer") or {}),
        }
        if not how.get("droop", True) and "droop_rate" in self.model.group(CONTROLLER).parameters:
            values[f"{CONTROLLER}.droop_rate"] = 0.0
        if nudge is not None:
            values["controller.target_stepsize"] = nudge
        values["schedule.rest_below"] = self._rest_below(how.get("fast_forward"), values)
        carried = [*optimizer_outputs(self.model), *wander_outputs(self.model)]
        return Showing(
            stimulus=stimulus,
            values=values,
            outputs=[*self._stored(), *carried, *self.storage.outputs],
            weights=weights,
            protocol=protocol,
            standing={} if noise else start,
            presentation=presentation,
            trace_steps=trace_steps,
        )

    def passage(self, showing: Showing, recording: Recording) -> Passage:
        """What came of it."""
        final = {**recording.final, **showing.standing}
        cells = self.storage.after(final, now=len(recording.files["endings"]) * showing.presentation)
        steps = 0 if showing.standing else showing.stimulus.n_presentations * showing.protocol.period
        return read_passage(
            recording,
            weights=self._weights_after(recording, showing.weights, cells),
            optimizer={name: final[name] for name in optimizer_outputs(self.model)},
            wander=wander_after(self.model, final, steps),
            reading=self._reading(showing.protocol, showing.trace_steps),
        )

    def redrawn(self, *chips: Deviations) -> VirtualChip:
        """Another chip of the lot on the engine that is built: this one's structure with other numbers.

        The two share the engine, so one is shown data after the other. Noise and the cells of a memory stay this
        chip's.

        Parameters
        ----------
        chips : one, or as many as there are columns, which then differ in neurons and controllers alone.
        """
        if len(chips) not in (1, self.model.n_columns):
            raise DataError(
                "chips do not fit the columns",
                expected=f"1 or {self.model.n_columns}",
                got=str(len(chips)),
            )
        if self.deviations.populations:
            raise SpecError(
                "a chip with a circuit beside its network cannot be redrawn",
                where="method.name",
                expected="a method with a controller, such as DFC-fixed",
                got=self.spec.method.name,
                remedy="build a VirtualChip for each",
            )
        other = copy.copy(self)
        other.deviations = chips[0]
        other._values = redrawn_values(
            self.model,
            chips,
            volts=float(self.chip.voltage_unit),
            seconds=float(self.chip.time_base),
        )
        return other

    def written(self, weights: Weights, *, writing: int = 0) -> Weights:
        """What this chip stores once weights were written into its memory, see `Storage`; DataError if they do not
        fit the network."""
        weights.check(self.spec.network, self.method.feedback)
        return self.storage.written(weights, writing=writing)

    def projections(self, weights: Weights) -> dict[str, Projection]:
        """The connectivity as a result holds it: weights with device errors, and what made them."""
        return projections(
            self.spec,
            weights,
            deviations=self.deviations,
            held=self.storage.held(weights),
            cells=self.storage.devices(weights),
        )

    def devices(self) -> dict[str, dict[str, Array]]:
        """What was drawn for neurons and controllers, by part and parameter."""
        return layer_devices(self.deviations)

    def provenance(self) -> dict[str, Any]:
        """Versions, the model's hash, every number of the chip as its file has it, and its scales."""
        return {
            "neurosim": __version__,
            "brian2": version("brian2"),
            "numpy": np.__version__,
            "model": self.model.hash,
            "chip": self.chip.name,
            "chip_numbers": json.dumps({path: number.text for path, number in self.chip.numbers.items()}),
            "voltage_unit_volt": float(self.chip.voltage_unit),
            "current_unit_amp": float(self.chip.current_unit),
            "time_base_second": float(self.chip.time_base),
            "pitch_metre": float(self.chip.process.pitch),
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

    def _rates(self, learning: bool | Rates) -> Rates:
        if isinstance(learning, Rates):
            return learning
        method = self.spec.method
        on = 1.0 if learning else 0.0
        return Rates(forward=on * method.learning_rate, feedback=on * method.sleep.learning_rate)

    def plastic_steps(self, protocol: Protocol) -> int:
        """The last steps of a presentation, over which plasticity accumulates."""
        every = isinstance(self.method.plasticity, Controlled) or self._design.sleeps
        return max(protocol.learn_steps, 1) if every else 1

    def _schedule(
        self, stimulus: Stimulus, protocol: Protocol, traced: tuple[int, int], trace_steps: int
    ) -> dict[str, ArrayLike]:
        if protocol.dt_ratio != self._design.dt_ratio:
            raise SpecError("the chip was built for another time step", where="run.dt_ratio")
        steps = self.plastic_steps(protocol)
        circuit = self._design.circuit
        return {
            "schedule.period": protocol.period,
            "schedule.settle_steps": protocol.settle_steps,
            "schedule.window_steps": protocol.learn_steps // circuit.windows if circuit else 0,
            "schedule.plastic_from": protocol.period - steps if protocol.learn_steps else protocol.period,
            "schedule.presentations": stimulus.n_presentations,
            "schedule.trace_first": traced[0],
            "schedule.trace_last": traced[1],
            "schedule.trace_stride": trace_steps,
            "schedule.stride": 1,
        }

    def _rest_below(self, wanted: float | None, values: Mapping[str, ArrayLike]) -> float:
        """See `Run.fast_forward`; 0 if there is noise in every step."""
        levels = (
            values.get(f"{group.name}.{name}", parameter.value)
            for group in self.model.groups
            for name, parameter in group.parameters.items()
            if (kind := noise_kind(name)) is not None and kind not in AT_GATES
        )
        if any(np.any(level) for level in levels):
            return 0.0
        return self.spec.run.fast_forward if wanted is None else wanted

    def _wander(self, passage: int, carried: Mapping[str, Array] | None) -> dict[str, Array]:
        seeds = self.spec.run.seed, "wander", passage, self._design.sleeps

        def streams(group: str) -> np.random.Generator:
            return stream(self.chip.seed, "noise", *seeds, group)

        return wander_values(self.model, streams, carried)

    def _noise_values(self, noise: bool | Collection[str], passage: int) -> dict[str, ArrayLike]:
        spec, design = self.spec, self._design
        values: dict[str, ArrayLike] = {}
        noisy = [group for group in self.model.groups if "noise_key" in group.parameters]
        known = {kind for group in noisy for kind in map(noise_kind, group.parameters) if kind}
        if not isinstance(noise, bool) and not known.issuperset(noise):
            raise SpecError(
                "the chip has no such noise",
                where="noise",
                expected="of " + (", ".join(sorted(known)) or "none"),
                got=", ".join(sorted(set(noise) - known)),
            )
        for group in noisy:
            place = int(group.name.removeprefix("layer_")) if group.name.startswith("layer_") else group.name
            values[f"{group.name}.noise_key"] = noise_key(
                spec, seed=self.chip.seed, place=place, passage=passage, sleeps=design.sleeps
            )
            kinds = {name: noise_kind(name) for name in group.parameters}
            values |= {
                f"{group.name}.{name}": 0.0
                for name, kind in kinds.items()
                if kind and not _is_on(kind, noise)
            }
        return values

    def _stored(self) -> list[str]:
        depth = self.spec.network.depth
        names = [f"{part}_{l}.stored" for l in range(1, depth + 1) for part in ("synapses", "biases")]
        count = len(feedback_shapes(self.method.feedback, self.spec.network.layers))
        return [*names, *(f"feedback_{position}.stored" for position in range(1, count + 1))]

    def _weights_after(self, recording: Recording, before: Weights, cells: Mapping[str, Array]) -> Weights:
        def read(name: str, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
            return tuple(
                recording.final[f"{name}_{position}.stored"].reshape(array.shape)
                for position, array in enumerate(arrays, start=1)
            )

        return Weights(
            forward=read("synapses", before.forward),
            biases=read("biases", before.biases),
            feedback=read("feedback", before.feedback),
            cells=cells,
        )

    def _reading(self, protocol: Protocol, trace_steps: int) -> Reading:
        circuit, network = self._design.circuit, self.spec.network
        return Reading(
            model=self.model,
            spec=self.spec,
            deviations=self.deviations,
            protocol=protocol,
            voltage_unit=float(self.chip.voltage_unit),
            noise_level=_noise_level(self.spec, self.deviations),
            taus={
                p.name: 1.0 if p.tau == CONTROLLER else network.tau_soma_ratio
                for p in (circuit.populations if circuit else ())
            },
            injected=circuit is None and learns_feedback(self._design),
            error_given=circuit is not None and circuit.output == "error",
            trace_steps=trace_steps,
        )


def _is_on(kind: str, noise: bool | Collection[str]) -> bool:
    return noise if isinstance(noise, bool) else kind in noise


def _noise_level(spec: Spec, deviations: Deviations) -> float:
    """σ of the output layer's soma, activation units: white noise filtered by it, slower noise as it comes."""
    layer, tau = deviations.layers[-1], spec.network.tau_soma_ratio
    part = f"layer_{spec.network.depth}."
    slow = max(tau, spec.network.tau_apical_ratio)  # an apical compartment of its own filters its noise
    variance = layer.soma_noise**2 * tau / 2 + layer.apical_noise**2 / (2 * slow)
    variance = variance + sum(x.variance for name, x in deviations.sources.items() if name.startswith(part))
    if f"{part}basal" in deviations.sources:  # with a time constant it filters its white noise
        basal = max(tau, spec.network.tau_basal_ratio)
        variance = variance + deviations.sources[f"{part}basal"].white ** 2 / (2 * basal)
    return float(np.sqrt(np.mean(variance)))
