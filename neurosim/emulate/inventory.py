"""Which parts a design consists of, how many of each, and what they carry; neither totals nor words about them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from brian2 import Quantity

from hardware_models import Chip
from hardware_models.cost import (
    PartCost,
    comparator_cost,
    controller_cost,
    dendrite_cost,
    hold_cost,
    integrator_cost,
    line_cost,
    rate_cost,
    soma_cost,
    synapse_cost,
)
from neurosim.emulate.weights import Weights
from neurosim.equations import Design
from neurosim.learning import Decoders
from neurosim.learning.circuit import CONTROLLER, Circuit
from neurosim.learning.from_noise import learns_from_noise


@attrs.frozen(kw_only=True, eq=False)
class Entry:
    """All parts of one kind."""

    part: str
    count: int
    cost: PartCost
    """Of all of them."""
    uses: int = 0
    """How often each is used in a presentation, where single uses take energy."""


@attrs.frozen(kw_only=True, eq=False)
class _Array:
    """Synapses of one array."""

    weights: int
    biases: int
    current: float
    """What they carry together while they are on, I_unit."""
    on: float
    """Part of the presentation for which they are."""


@attrs.frozen(kw_only=True, eq=False)
class Inventory:
    """The parts of a design, kind by kind. Powers are means over a presentation: what rests half of it counts half."""

    design: Design
    weights: Weights
    activity: float
    """Mean |rate| of inputs and neurons, mean |u|/V_unit of controllers."""
    learning: float
    """Part of the presentation in which the feedback is on."""

    def entries(self) -> Iterator[Entry]:
        """All of them; ChipError where a part cannot be biased."""
        yield from self._neurons()
        yield _synapses("synapses", self._forward(), self._chip)
        for name, arrays in self._others().items():
            if arrays:
                yield _synapses(name, arrays, self._chip)
        yield from self._feedback()
        yield from self._holds()

    @property
    def operations(self) -> int:
        """Multiplications: forward weights multiply while settling and while learning, all others while learning."""
        others = [array for arrays in self._others().values() for array in arrays]
        return sum(2 * array.weights for array in self._forward()) + sum(array.weights for array in others)

    @property
    def updates(self) -> int:
        """What a presentation changes: forward weights, biases, and feedback that is learned awake."""
        parts, weights = self.design.parts, self.weights
        changed = [*weights.forward, *weights.biases]
        if isinstance(parts.feedback, Decoders) or learns_from_noise(parts, asleep=False):
            changed += weights.feedback
        return sum(array.size for array in changed)

    @property
    def memory_cells(self) -> int:
        """Devices that store the weights, biases and feedback weights; 0 without a memory."""
        arrays = self.design.arrays.values()
        return sum(array.cells.step.size * (2 if array.memory.differential else 1) for array in arrays)

    @property
    def _chip(self) -> Chip:
        return self.design.chip

    @property
    def _layers(self) -> tuple[int, ...]:
        return self.design.network.layers

    @property
    def _tau_soma(self) -> Quantity:
        return self.design.network.tau_soma_ratio * self._chip.time_base

    def _neurons(self) -> Iterator[Entry]:
        """Inputs, compartments, outputs, comparators. No apical compartment where a circuit stands beside."""
        network, chip, n = self.design.network, self._chip, sum(self._layers[1:])
        names = ("basal", "apical") if self.design.circuit is None else ("basal",)
        yield _alike("input lines", self._layers[0], line_cost(chip, activity=self.activity))
        yield _alike("somata", n, soma_cost(chip, self._tau_soma, inputs=len(names)))
        for name in names:
            tau = getattr(network, f"tau_{name}_ratio") * chip.time_base
            yield _alike(f"{name} dendrites", n, dendrite_cost(chip, name, tau))
        yield _alike("neuron outputs", n, rate_cost(chip))
        yield _alike("comparators", n, comparator_cost(chip, activity=self.activity))

    def _feedback(self) -> Iterator[Entry]:
        """Controllers, or the integrators of the circuit beside the network with an output each."""
        circuit, method = self.design.circuit, self.design.method
        if circuit is None:
            cost = controller_cost(
                self._chip,
                leak=method.leak,
                proportional=method.proportional_gain > 0,
                derivative_ratio=method.derivative_filter_ratio if method.derivative_gain > 0 else 0.0,
            )
            yield _alike("controllers", self._layers[-1], cost)
            return
        for name, tau in (("integrators at τ_u", None), ("integrators at τ_v", self._tau_soma)):
            total, count = PartCost(), 0
            for population in circuit.populations:
                if (population.tau == CONTROLLER) == (tau is None):
                    n = self._layers[population.layer]
                    one = integrator_cost(self._chip, leak=population.leak, tau_soma=tau)
                    total, count = total + (one + rate_cost(self._chip)).times(n), count + n
            if count:
                yield Entry(part=name, count=count, cost=total)

    def _holds(self) -> Iterator[Entry]:
        """One an output for r⁻, one a neuron whose comparator zeroes itself, one for what a balance keeps."""
        circuit = self.design.circuit
        kinds = {
            "output holds": self._layers[-1],
            "auto-zero holds": sum(self._layers[1:]) if self._chip.comparator.auto_zero else 0,
            "balance holds": sum(
                self._layers[p.layer] for p in (circuit.populations if circuit else ()) if p.balanced
            ),
        }
        for name, count in kinds.items():
            if count:
                yield attrs.evolve(_alike(name, count, hold_cost(self._chip)), uses=1)

    def _forward(self) -> list[_Array]:
        return [self._array("forward", l, on=1.0, biased=True) for l in range(1, len(self._layers))]

    def _others(self) -> dict[str, list[_Array]]:
        """By name of their entry. In a circuit one for each drive, on while its window is open."""
        circuit = self.design.circuit
        if circuit is None:
            places = range(1, len(self.weights.feedback) + 1)
            return {"feedback synapses": [self._array("feedback", l, on=self.learning) for l in places]}
        return {
            "synapses beside": list(self._driving(circuit, "forward")),
            "feedback synapses": list(self._driving(circuit, "feedback")),
        }

    def _driving(self, circuit: Circuit, kind: str) -> Iterator[_Array]:
        for population in circuit.populations:
            on = self.learning / (circuit.windows if population.window is not None else 1)
            for drive in population.drives:
                if drive.weights == kind:
                    yield self._array(kind, drive.index, on=on, biased=drive.bias)

    def _array(self, kind: str, index: int, *, on: float, biased: bool = False) -> _Array:
        matrix = (self.weights.forward if kind == "forward" else self.weights.feedback)[index - 1]
        bias = self.weights.biases[index - 1] if biased else np.zeros(0)
        current = self.activity * float(np.abs(matrix).sum()) + float(np.abs(bias).sum())
        return _Array(weights=matrix.size, biases=bias.size, current=current, on=on)


def _alike(part: str, count: int, cost: PartCost) -> Entry:
    return Entry(part=part, count=count, cost=cost.times(count))


def _synapses(part: str, arrays: list[_Array], chip: Chip) -> Entry:
    count = sum(array.weights + array.biases for array in arrays)
    current = sum(array.current * array.on for array in arrays)
    return _alike(part, count, synapse_cost(chip, current=current / count))
