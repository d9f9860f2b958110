"""One population of a circuit beside the network, as equations: an integrator with drives, signals and a window."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from brian2 import Quantity

from hardware_models import Chip, Parameter, PopulationDraw
from hardware_models.current_noise import integrator_current_noise
from hardware_models.noise import white_noise_amplitude
from neurosim.equations.activation import activation, slope_of
from neurosim.equations.model import GatedCode, Group, ModelParameter, Updater
from neurosim.equations.parameters import declarations, model_parameter, noise_key_parameter
from neurosim.equations.wander import Wander
from neurosim.learning.circuit import CONTROLLER, REST, Circuit, Population, Signal
from neurosim.spec import Network

SIGNALS_ORDER = 6
"""In the slot "start", after the output's own signal."""


def signal_name(signal: Signal) -> str:
    """The variable that holds a signal, "group.variable"."""
    if signal.source == "output":
        return "controller.signal" if signal.activation == "linear" else f"controller.{_variable(signal)}"
    return f"{signal.source}.{_variable(signal)}"


def signals_of(circuit: Circuit, source: str) -> list[Signal]:
    """What others see of a source, each once."""
    seen = [drive.signal for population in circuit.populations for drive in population.drives]
    seen += [post.signal for post in circuit.posts]
    return list(dict.fromkeys(signal for signal in seen if signal.source == source))


def drive_names(population: Population) -> list[str]:
    """The variable that each drive of a population arrives in."""
    return [f"drive_{number}" for number in range(1, len(population.drives) + 1)]


def population_group(
    population: Population,
    circuit: Circuit,
    network: Network,
    chip: Chip,
    draw: PopulationDraw | None,
    *,
    columns: int,
    wander: Wander | None = None,
) -> Group:
    """C ds/dt = engaged (g (γ V_unit Σ drives − λ_l leak s + V_os) + I_n ξ), |s| within the rails of a controller."""
    integrator = population.tau == CONTROLLER
    wander = wander or Wander()
    railed = chip.railed and integrator
    names = drive_names(population)
    given = {
        name: signal_name(drive.signal)
        for name, drive in zip(names, population.drives, strict=True)
        if not drive.weights
    }
    signals = signals_of(circuit, population.name)
    links = dict(given) | _layer_links(population, signals, mismatched=draw is not None)
    gain, leak, offset = ("gain*", "leak*", " + offset") if draw is not None else ("", "", "")
    noise = " + noise_current*xi_soma" if chip.noise else ""
    noise += wander.current("state")
    parameters = _parameters(population, network, chip, draw) | dict(wander.parameters)
    equations = [
        f"dstate/dt = engaged*(g_state*({gain}V_unit*total - {leak}leak_ratio*state{offset}){noise})/C_state : volt",
        "engaged : 1 (shared)",
        "total : 1",
        *(["balance : 1"] if population.balanced else []),
        "previous : volt",
        "moved : 1",
        *(f"{name} : 1{' (linked)' if name in given else ''}" for name in names),
        *(f"{_variable(signal)} : 1" for signal in signals),
        *(f"{name} : {unit} (linked)" for name, unit in _linked_units(links, given).items()),
        *wander.equations,
        *declarations(parameters),
    ]
    total = f"total = {_total(population)}{' + balance' if population.balanced else ''}"
    clip = "\nstate = clip(state, -V_limit, V_limit)" if railed else ""
    return Group(
        name=population.name,
        n_units=network.layers[population.layer],
        n_columns=columns,
        equations="\n".join(equations),
        parameters=parameters,
        links=links,
        updater=Updater(
            slot="groups",
            order=1,
            before="\n".join(part for part in (total, "previous = state") if part),
            after=f"{clip}\nmoved = (state - previous)/V_unit".strip(),
        ),
        wander=wander.starts,
        idle=wander.idle,
    )


def population_code(
    population: Population, circuit: Circuit, network: Network, *, mismatched: bool
) -> list[GatedCode]:
    """Where it starts, when it moves, and what others see of it."""
    name = population.name

    def code(what: str, text: str, gate: str, order: int) -> GatedCode:
        return GatedCode(name=f"{name}_{what}", group=name, code=text, gate=gate, slot="start", order=order)

    # the rest position is a voltage of the neuron at the end of the settle phase
    start = "soma" if population.starts == REST else "0*volt"
    opens = population.window in (None, 0)
    codes = [
        code("reset", "engaged = 0\nstate = 0*volt\nmoved = 0", "begin", -8),
        code("start", f"engaged = {int(opens)}\nstate = {start}", "hold", 1),
    ]
    if population.balanced:
        # once the products have given its drives, before it moves for the first time
        held = "(leak*leak_ratio*state - offset)/(gain*V_unit)" if mismatched else "leak_ratio*state/V_unit"
        text = f"balance = {held} - ({_total(population)})"
        codes.append(attrs.evolve(code("balance", text, "hold", 0), slot="groups"))
    if population.window is not None:
        if population.window > 0:
            codes.append(code("open", "engaged = 1", f"window_{population.window}", 1))
        if population.window < circuit.windows - 1:
            codes.append(code("close", "engaged = 0", f"window_{population.window + 1}", 1))
    signals = signals_of(circuit, name)
    if signals:
        lines = [
            f"{_variable(signal)} = {_signal_text(signal, population, network, mismatched)}"
            for signal in signals
        ]
        codes.append(code("signals", "\n".join(lines), "learn", SIGNALS_ORDER))
    return codes


def output_signals(circuit: Circuit) -> tuple[list[str], list[str]]:
    """Declarations and statements of what is made of the output's own signal."""
    made = [signal for signal in signals_of(circuit, "output") if signal.activation != "linear"]
    declared = [f"{_variable(signal)} : 1" for signal in made]
    return declared, [f"{_variable(signal)} = {activation(signal.activation, 'signal')}" for signal in made]


def _total(population: Population) -> str:
    names = zip(drive_names(population), population.drives, strict=True)
    return " ".join(f"{'+' if drive.sign > 0 else '-'} {name}" for name, drive in names)


def _variable(signal: Signal) -> str:
    return f"signal_{signal.activation}{'_slope' if signal.slope else ''}"


def _signal_text(signal: Signal, population: Population, network: Network, mismatched: bool) -> str:
    value = activation(signal.activation, "state/V_unit")
    if not signal.slope:
        return value
    factor = "slope*" if mismatched else ""
    return f"{value}*{factor}{slope_of(network.activations[population.layer - 1], f'{factor}soma/V_unit')}"


def _layer_links(population: Population, signals: Sequence[Signal], *, mismatched: bool) -> dict[str, str]:
    layer, sloped = f"layer_{population.layer}", any(signal.slope for signal in signals)
    links = {}
    if sloped or population.starts == REST:
        links["soma"] = f"{layer}.soma"
    if sloped and mismatched:
        links["slope"] = f"{layer}.slope"
    return links


def _linked_units(links: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    return {name: "volt" if name == "soma" else "1" for name in links if name not in given}


def _parameters(
    population: Population, network: Network, chip: Chip, draw: PopulationDraw | None
) -> dict[str, ModelParameter]:
    integrator = population.tau == CONTROLLER
    capacitance: Quantity = chip.controller.capacitance if integrator else chip.soma.capacitance
    tau = chip.time_base if integrator else network.tau_soma_ratio * chip.time_base
    hardware = {
        "V_unit": Parameter(value=chip.voltage_unit, meaning="voltage of activity 1"),
        "C_state": Parameter(value=capacitance, meaning="capacitance of the integrator"),
        "g_state": Parameter(value=capacitance / tau, meaning="transconductance of its input"),
    }
    if chip.railed and integrator:
        hardware["V_limit"] = Parameter(value=chip.rail(chip.controller), meaning="rails")
    if draw is not None:
        hardware |= {
            "leak": Parameter(value=draw.leak, meaning="mismatch of the leak"),
            "gain": Parameter(value=draw.gain, meaning="mismatch of the input"),
            "offset": Parameter(value=draw.offset, meaning="what is left of the offset"),
        }
    if chip.noise:
        hardware["noise_current"] = Parameter(
            value=population_noise_current(population, chip, tau),
            meaning="white noise of its transconductors",
        )
    parameters = {name: model_parameter(p) for name, p in hardware.items()}
    parameters["leak_ratio"] = ModelParameter(
        value=float(population.leak), unit="1", meaning="leak of the spec: 1, α or 0"
    )
    if chip.noise:
        parameters["noise_key"] = noise_key_parameter()
    return parameters


def population_noise_current(population: Population, chip: Chip, tau_soma: Quantity) -> Quantity:
    """I_n of its input's and its leak's transconductor, A·√s (two-sided)."""
    if population.tau == CONTROLLER:
        return white_noise_amplitude(integrator_current_noise(chip, population.leak).white)
    return chip.soma_noise_current(tau_soma, apical=False)
