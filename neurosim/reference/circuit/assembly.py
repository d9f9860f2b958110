"""A circuit with its weights and the deviations of one chip folded in, as tensors; knows no time step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.circuit import SOMA, Circuit, Drive, Population
from neurosim.learning.circuits import circuit_of
from neurosim.learning.feedback import feedback_shapes
from neurosim.learning.methods import Method, method_of
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Layer, assemble_layers
from neurosim.reference.tensors import double
from neurosim.spec.deviations import Deviations, PopulationDeviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

OUTPUT = "output"
"""The source that is no population: what the loss says."""


@attrs.frozen(kw_only=True, eq=False)
class Cells:
    """τ ds/dt = gain ∘ Σ drives − leak ∘ s + offset,  ds = … + noise dB,  |s| ≤ limit.    Tensors are (n,)."""

    population: Population
    tau: float
    """τ/τ_u."""
    gain: Tensor
    leak: Tensor
    """The leak of the population times its factor."""
    offset: Tensor
    noise: Tensor
    limit: float


@attrs.frozen(kw_only=True, eq=False)
class AssembledCircuit:
    """The network's layers, the populations beside them, and the weights that drive these."""

    method: Method
    circuit: Circuit
    plant: tuple[Layer, ...]
    """Layers 1..L; no feedback reaches them."""
    cells: Mapping[str, Cells]
    """By name, in the order of the circuit."""
    feedback: tuple[Tensor, ...]
    """The feedback matrices with their gains."""
    hidden: str
    """σ, the nonlinearity of the hidden layers."""
    auto_zero: bool

    def matrix(self, drive: Drive) -> Tensor | None:
        """What the drive multiplies its signal with, (n, n_source); None: one to one."""
        if not drive.weights:
            return None
        if drive.weights == "forward":
            return self.plant[drive.index - 1].weights
        return self.feedback[drive.index - 1]

    def position(self, source: str) -> int:
        """l − 1 of the network's own layer beside a population; the last one's for the output."""
        return len(self.plant) - 1 if source == OUTPUT else self.cells[source].population.layer - 1

    def sizes(self, names: Iterable[str]) -> list[int]:
        """How many units each of these populations has."""
        return [len(self.cells[name].gain) for name in names]


@attrs.frozen(kw_only=True, eq=False)
class CircuitState:
    """All that drives and synapses can see at one time; B samples."""

    soma: tuple[Tensor, ...]
    """v_l of layers 1..L, (B, n_l)."""
    populations: Mapping[str, Tensor]
    """s by name, (B, n)."""
    output: Tensor
    """The signal "output", kept from the end of the settle phase, (B, n_L)."""
    balance: Mapping[str, Tensor] = attrs.field(factory=dict)
    """What is added to the drives of the populations that are balanced, kept likewise, (B, n)."""


def assemble_circuit(
    network: Network,
    parameters: Parameters,
    settings: MethodSettings,
    *,
    deviations: Deviations | None = None,
) -> AssembledCircuit:
    """The circuit of a method around a network, with deviations (None: ideal) folded in.

    Raises
    ------
    SpecError : the method has no circuit, or weights or deviations do not fit it.
    """
    parameters.check_network(network)
    method = method_of(settings.name)
    circuit = circuit_of(method, settings, network)
    if circuit is None:
        raise SpecError(
            f"{settings.name} has no circuit beside the network",
            where="method.name",
            expected="a method such as DI, SLDI or DTP",
            remedy="neurosim.reference.simulate runs DFC, neurosim.reference.training the others",
        )
    parameters.check_feedback(method.feedback, network)
    shapes = feedback_shapes(method.feedback, network.layers)
    chip = deviations if deviations is not None else Deviations.ideal(network, feedback=shapes)
    _check_shapes("deviations.feedback_gain", chip.feedback_gain, shapes)
    return AssembledCircuit(
        method=method,
        circuit=circuit,
        plant=assemble_layers(network, parameters.forward, parameters.biases, deviations=chip),
        cells=_assemble_cells(network, circuit, chip),
        feedback=tuple(
            double(gain) * double(matrix)
            for gain, matrix in zip(chip.feedback_gain, parameters.feedback, strict=True)
        ),
        hidden=network.common_hidden,
        auto_zero=chip.auto_zero,
    )


def _assemble_cells(network: Network, circuit: Circuit, chip: Deviations) -> dict[str, Cells]:
    sizes = {p.name: network.layers[p.layer] for p in circuit.populations}
    unknown = sorted(set(chip.populations) - set(sizes))
    if unknown:
        raise SpecError(
            f"no such population: {unknown[0]}",
            where="deviations.populations",
            expected="some of " + ", ".join(sizes),
        )
    cells = {}
    for population in circuit.populations:
        n = sizes[population.name]
        own = chip.populations.get(population.name) or PopulationDeviations.ideal(n)
        parts = [double(x) for x in (own.gain, own.leak, own.offset, own.noise)]
        _check_shapes(f"deviations.populations[{population.name}]", parts, [(n,)] * len(parts))
        gain, leak, offset, noise = parts
        cells[population.name] = Cells(
            population=population,
            tau=network.tau_soma_ratio if population.tau == SOMA else 1.0,
            gain=gain,
            leak=population.leak * leak,
            offset=offset,
            noise=noise,
            limit=float(own.limit),
        )
    return cells


def _check_shapes(where: str, got: Sequence[Tensor | np.ndarray], wanted: Sequence[tuple[int, ...]]) -> None:
    shapes = [tuple(array.shape) for array in got]
    if shapes != list(wanted):
        raise SpecError(
            "shapes do not fit the circuit",
            where=where,
            expected=str(list(wanted)),
            got=str(shapes),
            remedy="neurosim.learning.feedback_shapes names those of the feedback",
        )
