"""A virtual chip: a spec's network on a drawn chip, built on one engine, shown one stimulus after another."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_models import Chip
from neurosim.backend import Emulator, Recording, Stimulus, build_emulator
from neurosim.backend.emulator import Progress
from neurosim.emulate.design import chip_of, design_of, noise_key
from neurosim.emulate.passage import Passage, read_passage
from neurosim.emulate.weights import Weights, projections
from neurosim.equations import Model, assemble, deviations_of
from neurosim.equations.assemble import update_scale
from neurosim.equations.deviations import layer_devices
from neurosim.errors import DataError, SpecError
from neurosim.learning import AtSteadyState, method_of
from neurosim.result import Projection
from neurosim.spec import Deviations, Protocol, Spec
from neurosim.version import __version__

Array = NDArray[np.float64]


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
        weights.check(self.spec.network)
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
        return read_passage(
            recording,
            weights=self._weights_after(recording, weights),
            model=self.model,
            method=self.spec.method,
            deviations=self.deviations,
            noise_level=_noise_level(self.spec, self.deviations),
            voltage_unit=float(self.chip.voltage_unit),
            protocol=protocol,
            trace_steps=trace_steps,
        )

    def projections(self, weights: Weights) -> dict[str, Projection]:
        """The connectivity as a result holds it: weights with device errors, and what made them."""
        return projections(self.spec, weights, deviations=self.deviations)

    def devices(self) -> dict[str, dict[str, Array]]:
        """What was drawn for neurons and controllers, by part and parameter."""
        return layer_devices(self.deviations)

    def provenance(self) -> dict[str, Any]:
        """Versions, the model's hash and the chip's scales."""
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


def _noise_level(spec: Spec, deviations: Deviations) -> float:
    """σ of the output layer's soma, activation units."""
    layer, tau = deviations.layers[-1], spec.network.tau_soma_ratio
    slow = max(tau, spec.network.tau_apical_ratio)  # an apical compartment of its own filters its noise
    variance = layer.soma_noise**2 * tau / 2 + layer.apical_noise**2 / (2 * slow)
    return float(np.sqrt(np.mean(variance)))
