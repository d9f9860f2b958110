"""One presentation, stepped as the emulation steps it; knows its phases, but no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.added import added_of, check_noise, sampled_of
from neurosim.reference.euler import Clock, Moment, State, advance, observe
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Controller, assemble_controller
from neurosim.reference.plasticity import FeedbackPlasticity, Plasticity
from neurosim.reference.targets import target as nudged
from neurosim.reference.tensors import shaped
from neurosim.reference.updates import Updates
from neurosim.reference.wiring import assemble_feedback
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.protocol import Protocol

Traces = Mapping[str, Mapping[str, Tensor]]


@attrs.frozen(kw_only=True, eq=False)
class Simulation:
    """What one presentation of B samples leaves behind."""

    traces: Traces
    """traces["layer_1"]["soma" | "rate" | "basal" | "apical"] and traces["controller"]["error" | "output" |
    "integrator" | "target"], each (B, n_times, n): all as it is at time k, before the step that leaves it."""
    steps: Tensor
    """k of each sample of the traces, (n_times,)."""
    final: State
    """The state after the last step."""
    held: Tensor
    """r_L⁻ as sampled at the end of the settle phase, (B, n_L)."""
    updates: Updates | None
    """Change of the weights with the learning rate in it; None if it was not to be accumulated."""
    feedback_updates: tuple[Tensor, ...] | None = None
    """−⟨v_fb,l uᵀ⟩/σ² − β Q_l of layers 1..L, (n_l, n_L) each, without any learning rate and for Q_l as stored;
    None if the feedback was not to learn."""


def simulate(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    protocol: Protocol,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    deviations: Deviations | None = None,
    soma_noise: Any = None,
    apical_noise: Any = None,
    wander: Mapping[str, Any] | None = None,
    sampled: Mapping[str, Any] | None = None,
    initial_soma: Sequence[Any] | None = None,
    accumulate: bool = True,
    learn_feedback: bool = False,
    record_every: int = 1,
) -> Simulation:
    """Explicit Euler of one presentation from silence: settle, hold r⁻ and set the target, learn.

    A sleep phase is one with the network and method of `neurosim.spec.asleep`, `learn_feedback` and without
    `accumulate`; where feedback learns awake, both plasticities work at once.

    Parameters
    ----------
    inputs, desired : (B, n_0), (B, n_L).
    soma_noise, apical_noise : standard normals, (protocol.period, B, Σ n_l over l = 1..L); None: none,
        whatever the deviations say. They are white noise; where the deviations have more (`sources`), the rest is
        to be given as `wander`, {} for none.
    wander : what else noise adds to what drives the states "soma", "basal", "apical", (protocol.period, B, Σ n_l),
        and "integrator", (protocol.period, B, n_L), in activation units; white noise as σ/√h times normals. Tensors
        that are differentiated stay in their graph, so do those of `sampled`.
    sampled : what noise adds to what is sampled and held when the controller is turned on: "held" to r⁻,
        (B, n_L), and "difference" to the post-synaptic terms that auto-zero takes off, (B, Σ n_l).
    initial_soma : v_l of layers 1..L at k = 0, (B, n_l) each; None: zero, as the compartments are.
    accumulate : whether to work out the updates; without it continuous updates leave the weights alone, too.
    learn_feedback : whether to work out those of the feedback. The apical noise of the learn phase is then
        √(device² + σ²) with σ of `method.sleep`.
    record_every : the traces keep the steps k that it divides.

    Raises
    ------
    SpecError : the method has no dynamics, its feedback cannot learn, parameters do not fit the network, or the
        deviations have noise beyond what is given.
    DataError : another array does not.
    """
    _check_interval(record_every)
    teacher = None
    if learn_feedback:
        zeroed = deviations is not None and deviations.auto_zero
        teacher = FeedbackPlasticity(network, parameters, method, protocol, auto_zero=zeroed)
    if wander is None and (soma_noise is not None or apical_noise is not None):
        check_noise(deviations)
    batch_inputs = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    columns = batch_inputs.shape[0]
    wanted = shaped(desired, shape=(columns, network.layers[-1]), name="desired")
    noises = [
        _split_noise(noise, name, network, protocol, columns)
        for noise, name in ((soma_noise, "soma_noise"), (apical_noise, "apical_noise"))
    ]
    added = added_of(wander or {}, network, protocol, columns)
    samples = sampled_of(sampled or {}, network, columns)
    plasticity = Plasticity(
        network, parameters, method, protocol, deviations, accumulate, zero_noise=samples.get("difference")
    )
    state = _initial_state(network, batch_inputs, initial_soma)
    plant = plasticity.plant
    wiring = assemble_feedback(network, parameters, method, deviations=deviations)
    controller = assemble_controller(network, method, deviations=deviations)
    clock = Clock.of(network, dt_ratio=protocol.dt_ratio)
    target = None
    held = torch.zeros_like(wanted)
    records: list[tuple[int, State, Moment, Tensor]] = []
    for k in range(protocol.period):
        if k == protocol.settle_steps:
            held = plant[-1].rate(state.soma[-1]) + samples.get("held", 0.0)
            target = nudged(loss, held, wanted, method.target_stepsize)
            state = _engage(state, controller)
        wanted_now = (
            target if target is None else target - (k - protocol.settle_steps) * clock.step * controller.droop
        )
        moment = observe(
            plant,
            wiring,
            controller,
            clock,
            state=state,
            inputs=batch_inputs,
            target=wanted_now,
            added=added(k),
        )
        if k % record_every == 0:
            records.append((k, state, moment, target if target is not None else torch.zeros_like(held)))
        after = advance(
            plant,
            controller,
            clock,
            state=state,
            moment=moment,
            engaged=target is not None,
            soma_noise=noises[0][k] if noises[0] is not None else None,
            apical_noise=noises[1][k] if noises[1] is not None else None,
            injected=method.sleep.noise if teacher is not None and target is not None else 0.0,
            added=added(k),
        )
        if target is not None:
            plasticity.learn(k, state, moment, batch_inputs)
            plant = plasticity.plant
        if teacher is not None and protocol.settle_steps <= k < protocol.settle_steps + protocol.learn_steps:
            teacher.learn(state, moment)
        state = after
    return Simulation(
        traces=_traces(records),
        steps=torch.tensor([k for k, *_ in records]),
        final=state,
        held=held,
        updates=plasticity.updates(),
        feedback_updates=teacher.updates() if teacher is not None else None,
    )


def _check_interval(record_every: int) -> None:
    if record_every < 1:
        raise SpecError(
            "bad value", where="record_every", expected="a whole number >= 1", got=repr(record_every)
        )


def _engage(state: State, controller: Controller) -> State:
    """The controller begins at 0; so do the filter of its derivative path and its output stage, where it has them."""
    zero = torch.zeros_like(state.integrator)
    return attrs.evolve(
        state,
        integrator=zero,
        filtered=zero if controller.derivative_ratio > 0 else None,
        output=zero if controller.output_tau > 0 else None,
    )


def _initial_state(network: Network, inputs: Tensor, initial_soma: Sequence[Any] | None) -> State:
    columns = len(inputs)
    silence = tuple(inputs.new_zeros(columns, n) for n in network.layers[1:])
    soma = silence
    if initial_soma is not None:
        if len(initial_soma) != network.depth:
            raise DataError(
                "layers are missing or too many",
                where="initial_soma",
                expected=f"{network.depth} arrays",
                got=str(len(initial_soma)),
            )
        soma = tuple(
            shaped(v, shape=(columns, n), name=f"initial_soma[{l}]")
            for l, (v, n) in enumerate(zip(initial_soma, network.layers[1:], strict=True))
        )
    return State(soma=soma, basal=silence, apical=silence, integrator=silence[-1])


def _split_noise(
    noise: Any, name: str, network: Network, protocol: Protocol, columns: int
) -> list[tuple[Tensor, ...]] | None:
    if noise is None:
        return None
    sizes = list(network.layers[1:])
    tensor = shaped(noise, shape=(protocol.period, columns, sum(sizes)), name=name)
    return [tuple(torch.split(step, sizes, dim=1)) for step in tensor]


def _traces(records: Sequence[tuple[int, State, Moment, Tensor]]) -> Traces:
    traces: dict[str, dict[str, Tensor]] = {}
    for l in range(len(records[0][1].soma)):
        traces[f"layer_{l + 1}"] = {
            "soma": torch.stack([state.soma[l] for _, state, _, _ in records], dim=1),
            "rate": torch.stack([moment.rate[l] for _, _, moment, _ in records], dim=1),
            "basal": torch.stack([moment.basal[l] for _, _, moment, _ in records], dim=1),
            "apical": torch.stack([moment.apical[l] for _, _, moment, _ in records], dim=1),
        }
    traces["controller"] = {
        "error": torch.stack([moment.error for _, _, moment, _ in records], dim=1),
        "output": torch.stack([moment.output for _, _, moment, _ in records], dim=1),
        "integrator": torch.stack([state.integrator for _, state, _, _ in records], dim=1),
        "target": torch.stack([target for *_, target in records], dim=1),
    }
    return traces
