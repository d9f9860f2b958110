"""One presentation of a network and the circuit beside it, stepped as the emulation does; knows no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.added import check_noise
from neurosim.reference.circuit.assembly import AssembledCircuit, CircuitState, assemble_circuit
from neurosim.reference.circuit.layers import LayersMoment, LayersState, advance_layers, observe_layers
from neurosim.reference.circuit.plasticity import CircuitPlasticity
from neurosim.reference.circuit.schedule import windows_of
from neurosim.reference.circuit.start import begin
from neurosim.reference.circuit.step import advance_populations
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import shaped
from neurosim.reference.updates import Updates
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.protocol import Protocol

Traces = Mapping[str, Mapping[str, Tensor]]
Record = tuple[int, LayersState, LayersMoment, CircuitState]


@attrs.frozen(kw_only=True, eq=False)
class CircuitSimulation:
    """What one presentation of B samples leaves behind."""

    traces: Traces
    """traces["layer_1"]["soma" | "rate" | "basal"], traces[population]["state"], traces["output"]["signal"],
    each (B, n_times, n): all as it is at time k, before the step that leaves it. Populations and output are 0
    before the learn phase."""
    steps: Tensor
    """k of each sample of the traces, (n_times,)."""
    final: CircuitState
    """Somata, populations and output after the last step."""
    held: Tensor
    """r_L⁻ as sampled at the end of the settle phase, (B, n_L)."""
    updates: Updates | None
    """Change of the weights with the learning rate in it; None if it was not to be accumulated."""
    feedback_updates: tuple[Tensor, ...] | None
    """Change of the decoders without a learning rate; None likewise, or if the feedback does not learn."""


def simulate_circuit(
    network: Network,
    parameters: Parameters,
    settings: MethodSettings,
    protocol: Protocol,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    deviations: Deviations | None = None,
    soma_noise: Any = None,
    population_noise: Any = None,
    accumulate: bool = True,
    record_every: int = 1,
) -> CircuitSimulation:
    """Explicit Euler of one presentation from silence: settle, set the output's signal, learn.

    The layers run all the time and feel no feedback. The populations begin at k = settle_steps.

    Parameters
    ----------
    parameters : feedback of the shapes that `neurosim.learning.feedback_shapes` names.
    inputs, desired : (B, n_0), (B, n_L).
    soma_noise : standard normals, (protocol.period, B, Σ n_l over l = 1..L); None: none, whatever the
        deviations say.
    population_noise : likewise, (protocol.period, B, Σ n over the populations in the circuit's order).
        Neither goes with deviations that have other noise (`sources`).
    accumulate : whether to work out the updates.
    record_every : the traces keep the steps k that it divides.

    Raises
    ------
    SpecError : the method has no circuit, or parameters or deviations do not fit.
    DataError : another array does not.
    """
    if record_every < 1:
        raise SpecError(
            "bad value", where="record_every", expected="a whole number >= 1", got=repr(record_every)
        )
    assembled = assemble_circuit(network, parameters, settings, deviations=deviations)
    plasticity = CircuitPlasticity(assembled, settings, protocol)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(desired, shape=(len(rates), network.layers[-1]), name="desired")
    if soma_noise is not None or population_noise is not None:
        check_noise(deviations)
    soma_kicks = _split(soma_noise, network.layers[1:], protocol, len(rates), name="soma_noise")
    sizes = assembled.sizes(assembled.cells)
    kicks = _split(population_noise, sizes, protocol, len(rates), name="population_noise")
    windows = windows_of(assembled.circuit, protocol)
    layers = LayersState.silent(network, len(rates))
    state = _nothing(assembled, layers)
    held = torch.zeros_like(wanted)
    records: list[Record] = []
    for k in range(protocol.period):
        if k == protocol.settle_steps:
            held = assembled.plant[-1].rate(layers.soma[-1])
            state = begin(assembled, settings, soma=layers.soma, desired=wanted, loss=loss)
        moment = observe_layers(assembled.plant, network, state=layers, inputs=rates)
        if k % record_every == 0:
            records.append((k, layers, moment, state))
        populations = advance_populations(
            assembled,
            state,
            step=protocol.dt_ratio,
            moving={name for name, window in windows.items() if k in window},
            noise=dict(zip(assembled.cells, kicks[k], strict=True)) if kicks is not None else None,
        )
        layers = advance_layers(
            assembled.plant,
            network,
            state=layers,
            moment=moment,
            step=protocol.dt_ratio,
            noise=soma_kicks[k] if soma_kicks is not None else None,
        )
        if accumulate:
            plasticity.learn(k, state, populations, (rates, *moment.rate[:-1]))
        state = attrs.evolve(state, soma=layers.soma, populations=populations)
    return CircuitSimulation(
        traces=_traces(records),
        steps=torch.tensor([k for k, *_ in records]),
        final=state,
        held=held,
        updates=plasticity.updates() if accumulate else None,
        feedback_updates=plasticity.feedback_updates() if accumulate else None,
    )


def _nothing(assembled: AssembledCircuit, layers: LayersState) -> CircuitState:
    """What there is of the circuit before the learn phase."""
    columns, sizes = len(layers.soma[0]), assembled.sizes(assembled.cells)
    populations = {
        name: torch.zeros(columns, n, dtype=torch.float64)
        for name, n in zip(assembled.cells, sizes, strict=True)
    }
    return CircuitState(soma=layers.soma, populations=populations, output=torch.zeros_like(layers.soma[-1]))


def _split(
    noise: Any, sizes: Sequence[int], protocol: Protocol, columns: int, *, name: str
) -> list[tuple[Tensor, ...]] | None:
    if noise is None:
        return None
    tensor = shaped(noise, shape=(protocol.period, columns, sum(sizes)), name=name)
    return [tuple(torch.split(step, list(sizes), dim=1)) for step in tensor]


def _traces(records: Sequence[Record]) -> Traces:
    traces: dict[str, dict[str, Tensor]] = {}
    for l in range(len(records[0][1].soma)):
        traces[f"layer_{l + 1}"] = {
            "soma": torch.stack([layers.soma[l] for _, layers, _, _ in records], dim=1),
            "rate": torch.stack([moment.rate[l] for _, _, moment, _ in records], dim=1),
            "basal": torch.stack([moment.basal[l] for _, _, moment, _ in records], dim=1),
        }
    for name in records[0][3].populations:
        traces[name] = {"state": torch.stack([state.populations[name] for *_, state in records], dim=1)}
    traces["output"] = {"signal": torch.stack([state.output for *_, state in records], dim=1)}
    return traces
