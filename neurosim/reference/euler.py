"""One explicit Euler step of network and controller; knows neither phases nor learning."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from neurosim.reference.dendrite import Dendrite
from neurosim.reference.plant import Controller, Layer
from neurosim.reference.wiring import Wiring
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class State:
    """What is carried from step to step; B samples, layers 1..L."""

    soma: tuple[Tensor, ...]
    """v_l, (B, n_l)."""
    basal: tuple[Tensor, ...]
    """v_ff,l, (B, n_l); of no effect where the compartment follows its drive at once."""
    apical: tuple[Tensor, ...]
    """v_fb,l, likewise."""
    integrator: Tensor
    """u_int, (B, n_L)."""
    filtered: Tensor | None = None
    """e_f, (B, n_L); None where the controller has no derivative path."""
    output: Tensor | None = None
    """u, (B, n_L); None where there is no output stage."""


@attrs.frozen(kw_only=True, eq=False)
class Moment:
    """All that holds at the time of a state, and the drives that push it on; B samples, layers 1..L."""

    rate: tuple[Tensor, ...]
    """r_l."""
    basal: tuple[Tensor, ...]
    """v_ff,l as the soma and the synapses see it."""
    apical: tuple[Tensor, ...]
    """v_fb,l as the soma sees it."""
    basal_drive: tuple[Tensor, ...]
    """W_l r_{l−1} + b_l, what drives the basal compartment."""
    apical_drive: tuple[Tensor, ...]
    """Q_l u, or R_l v_fb,l+1 where feedback is relayed; 0 while the controller is off."""
    error: Tensor
    """e, (B, n_L); 0 while the controller is off."""
    output: Tensor
    """u, likewise."""
    demand: Tensor
    """u_in, what u follows, likewise."""


@attrs.frozen(kw_only=True, eq=False)
class Added:
    """What noise adds in one step to what drives the states, activation units; None: nothing."""

    soma: tuple[Tensor, ...] | None = None
    """(B, n_l) of layers 1..L; so basal and apical."""
    basal: tuple[Tensor, ...] | None = None
    apical: tuple[Tensor, ...] | None = None
    integrator: Tensor | None = None
    """(B, n_L); only while the controller is on."""


def _with(drives: tuple[Tensor, ...], added: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
    return drives if added is None else tuple(a + b for a, b in zip(drives, added, strict=True))


@attrs.frozen(kw_only=True)
class Clock:
    """h and the time constants, all over τ_u; a compartment with 0 follows its drive at once."""

    step: float
    tau_soma: float
    tau_basal: float
    tau_apical: float

    @staticmethod
    def of(network: Network, *, dt_ratio: float) -> Clock:
        """The time constants of a network with a step."""
        return Clock(
            step=dt_ratio,
            tau_soma=network.tau_soma_ratio,
            tau_basal=network.tau_basal_ratio,
            tau_apical=network.tau_apical_ratio,
        )


def observe(
    plant: Sequence[Layer],
    wiring: Wiring,
    controller: Controller,
    clock: Clock,
    *,
    state: State,
    inputs: Tensor,
    target: Tensor | None,
    added: Added | None = None,
) -> Moment:
    """Rates, controller, drives and compartments at a state; no target: controller and feedback are off."""
    rate = tuple(layer.rate(v) for layer, v in zip(plant, state.soma, strict=True))
    error = output = demand = torch.zeros_like(rate[-1])
    apical_drive = tuple(torch.zeros_like(v) for v in state.soma)
    if target is not None:
        error = controller.error(target, rate[-1])
        demand = controller.output(state.integrator, error, state.filtered)
        output = demand if state.output is None else state.output
        apical_drive = wiring.drives(output, state.apical if clock.tau_apical > 0 else None)
    basal_drive = tuple(layer.basal_drive(r) for layer, r in zip(plant, (inputs, *rate[:-1]), strict=True))
    if added is not None:
        basal_drive = _with(basal_drive, added.basal)
        apical_drive = _with(apical_drive, added.apical)
    return Moment(
        rate=rate,
        basal=state.basal if clock.tau_basal > 0 else _at_rest([x.basal for x in plant], basal_drive),
        apical=state.apical if clock.tau_apical > 0 else _at_rest([x.apical for x in plant], apical_drive),
        basal_drive=basal_drive,
        apical_drive=apical_drive,
        error=error,
        output=output,
        demand=demand,
    )


def advance(
    plant: Sequence[Layer],
    controller: Controller,
    clock: Clock,
    *,
    state: State,
    moment: Moment,
    engaged: bool,
    soma_noise: Sequence[Tensor] | None = None,
    apical_noise: Sequence[Tensor] | None = None,
    injected: float = 0.0,
    added: Added | None = None,
) -> State:
    """The state one step later.

    soma_noise, apical_noise : standard normals (B, n_l) of each layer; None: none.
    injected : σ of noise put into the apical compartments on purpose, on top of what the device has:
        their apical_noise is √(device² + σ²).
    """
    h, added = clock.step, added or Added()
    soma, basal, apical = [], [], []
    for l, layer in enumerate(plant):
        kick = None
        if apical_noise is not None:
            kick = math.sqrt(h) * torch.sqrt(layer.apical_noise**2 + injected**2) * apical_noise[l]
        v = state.soma[l] + h / clock.tau_soma * layer.push(state.soma[l], moment.basal[l], moment.apical[l])
        if added.soma is not None:
            v = v + h / clock.tau_soma * added.soma[l]
        if soma_noise is not None:
            v = v + math.sqrt(h) * layer.soma_noise * soma_noise[l]
        if kick is not None and clock.tau_apical == 0:
            v = v + layer.apical_gain / clock.tau_soma * kick  # white noise of v_fb seen through the soma
        soma.append(layer.keep(v))
        basal.append(_moved(layer.basal, moment.basal[l], moment.basal_drive[l], h, clock.tau_basal))
        kicked = kick if clock.tau_apical > 0 else None
        apical.append(
            _moved(layer.apical, moment.apical[l], moment.apical_drive[l], h, clock.tau_apical, kicked)
        )
    integrator, filtered, output = state.integrator, state.filtered, state.output
    if engaged:
        push = controller.integrator_push(moment.error, integrator)
        if added.integrator is not None:
            push = push + added.integrator
        integrator = controller.clip(integrator + h * push)
        if output is not None:
            output = output + h * controller.output_push(moment.demand, output)
        if filtered is not None:
            filtered = _follow(filtered, moment.error, h, controller.tau_filter)
    return State(
        soma=tuple(soma),
        basal=tuple(basal),
        apical=tuple(apical),
        integrator=integrator,
        filtered=filtered,
        output=output,
    )


def _at_rest(dendrites: Sequence[Dendrite], drives: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(dendrite.rest(drive) for dendrite, drive in zip(dendrites, drives, strict=True))


def _moved(
    dendrite: Dendrite, here: Tensor, drive: Tensor, step: float, tau: float, kick: Tensor | None = None
) -> Tensor:
    """A compartment one step later; where it has no time constant it stays, and is of no effect."""
    if tau == 0:
        return here
    there = here + step / tau * dendrite.push(drive, here)
    return dendrite.keep(there if kick is None else there + kick / tau)


def _follow(value: Tensor, drive: Tensor, step: float, tau: float) -> Tensor:
    return value + step / tau * (drive - value) if tau > 0 else drive
