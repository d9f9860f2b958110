"""The PI controller with its sample-and-hold of the output and its target, as equations."""

from __future__ import annotations

from hardware_models import Chip, Draw, Parameter
from hardware_models.current_noise import integrator_current_noise
from hardware_models.noise import white_noise_amplitude
from neurosim.equations.activation import slope_of
from neurosim.equations.layer import finite, hold_noise, samples_noisily
from neurosim.equations.model import GatedCode, Group, ModelParameter, Program, Updater
from neurosim.equations.operations import ColumnReduce
from neurosim.equations.parameters import declarations, model_parameter, noise_key_parameter
from neurosim.equations.sites import HOLD, normal
from neurosim.equations.wander import Wander
from neurosim.spec import MethodSettings, Network

CONTROLLER = "controller"


def controller_group(
    network: Network,
    method: MethodSettings,
    chip: Chip,
    draw: Draw | None,
    *,
    columns: int,
    highpass: bool = False,
    wander: Wander | None = None,
) -> Group:
    """u = K_I u_int + k_p e + k_d ė_f and its leaky integrator; held, desired and target stand beside it.

    With `highpass` also `fast`, u without what a low-pass of it leaves: what awake feedback plasticity sees.
    """
    derivative = method.derivative_gain > 0
    wander = wander or Wander()
    white = " + integrator_noise_current*xi_integrator" if chip.noise else ""
    fragment = chip.controller.fragment(
        railed=chip.railed,
        drawn=draw is not None,
        derivative=derivative,
        saturating=chip.saturating,
        staged=chip.controller.output_stage.present,
        drooping=chip.hold.present,
        noise=white + wander.current("integrator"),
    )
    hardware = {
        "V_unit": Parameter(value=chip.voltage_unit, meaning="voltage of activity 1"),
        "C_integrator": Parameter(value=chip.controller.capacitance, meaning="capacitance of the integrator"),
        "g_integrator": Parameter(
            value=chip.controller.capacitance / chip.time_base, meaning="transconductance of its input"
        ),
        **fragment.parameters,
        **_imperfections(chip),
    }
    if draw is not None:
        hardware |= {
            "integral": Parameter(value=draw.integral, meaning="mismatch of what goes into the integrator"),
            "gain_leak": Parameter(value=draw.gain_leak, meaning="what its finite gain leaks"),
            "proportional": Parameter(value=draw.proportional, meaning="mismatch of the proportional gain"),
            "leak": Parameter(value=draw.leak, meaning="mismatch of the integrator's leak"),
            "error_offset": Parameter(value=draw.error_offset, meaning="what is left of the error's offset"),
        }
        if chip.controller.output_stage.present:
            hardware["output_offset"] = Parameter(
                value=draw.output_offset * chip.voltage_unit, meaning="offset of the output stage"
            )
    parameters = {name: model_parameter(p) for name, p in hardware.items()} | {
        "proportional_gain": _setting(method.proportional_gain, "k_p"),
        "integral_gain": _setting(method.integral_gain, "K_I"),
        "leak_ratio": _setting(method.leak, "α"),
        "target_stepsize": _setting(method.target_stepsize, "λ"),
    }
    if derivative:
        tau = method.derivative_filter_ratio * chip.time_base
        parameters["tau_derivative"] = model_parameter(Parameter(value=tau, meaning="τ_d of the spec"))
        ratio = method.derivative_gain / method.derivative_filter_ratio
        parameters["derivative_ratio"] = _setting(ratio, "k_d/τ_d")
    parameters |= _noise_parameters(method, chip) | dict(wander.parameters)
    equations = [fragment.equations, "engaged : 1 (shared)", *_sampled(), "output_rate : 1 (linked)"]
    equations += wander.equations
    before = fragment.before
    if highpass:
        tau = method.sleep.highpass_ratio * chip.time_base
        parameters["tau_slow"] = model_parameter(
            Parameter(value=tau, meaning="time constant of the high-pass")
        )
        equations += ["dslow/dt = (output - slow)/tau_slow : volt", "fast : volt"]
        before += "\nfast = output - slow"
    equations += declarations(parameters)
    return Group(
        name=CONTROLLER,
        n_units=network.layers[-1],
        n_columns=columns,
        equations="\n".join(equations),
        parameters=parameters,
        links={"output_rate": f"layer_{network.depth}.rate"},
        updater=Updater(slot="start", order=6, before=before, after=fragment.after),
        wander=wander.starts,
        idle=wander.idle,
    )


def _noise_parameters(method: MethodSettings, chip: Chip) -> dict[str, ModelParameter]:
    """Of a noisy controller."""
    if not chip.noise:
        return {}
    current = white_noise_amplitude(integrator_current_noise(chip, method.leak).white)
    parameters = {
        "integrator_noise_current": Parameter(
            value=current, meaning="white noise of the integrator's input and leak"
        )
    }
    if samples_noisily(chip):
        parameters["hold_noise"] = hold_noise(chip)
    return {
        **{name: model_parameter(p) for name, p in parameters.items()},
        "noise_key": noise_key_parameter(),
    }


def _imperfections(chip: Chip) -> dict[str, Parameter]:
    """What a real controller has beside what it computes."""
    parameters = {}
    if chip.railed:
        parameters["V_limit"] = Parameter(value=chip.rail(chip.controller), meaning="rails of the controller")
    if chip.saturating:
        parameters["input_range"] = Parameter(
            value=finite(chip.controller_point().linear_range),
            meaning="where the integrator's input saturates",
        )
    stage = chip.controller.output_stage
    if stage.present:
        point = chip.output_point()
        parameters["tau_output"] = Parameter(
            value=stage.load / point.conductance, meaning="time constant of the output stage"
        )
        if chip.saturating:
            parameters["output_range"] = Parameter(
                value=finite(point.linear_range), meaning="beyond which the output stage slews"
            )
    if chip.hold.present:
        parameters["droop_rate"] = Parameter(
            value=chip.hold.droop(chip.conditions) / chip.voltage_unit, meaning="how fast a held value falls"
        )
    return parameters


def output_group(
    network: Network, method: MethodSettings, chip: Chip, *, columns: int, mismatched: bool
) -> Group:
    """The output's sample-and-hold without a controller: what a circuit beside the network is given."""
    parameters = {
        "V_unit": model_parameter(Parameter(value=chip.voltage_unit, meaning="voltage of activity 1")),
        "target_stepsize": _setting(method.target_stepsize, "λ"),
    }
    links = {"output_rate": f"layer_{network.depth}.rate", "output_soma": f"layer_{network.depth}.soma"}
    equations = [*_sampled(), "signal : 1", "output_rate : 1 (linked)", "output_soma : volt (linked)"]
    if samples_noisily(chip):
        parameters |= {"hold_noise": model_parameter(hold_noise(chip)), "noise_key": noise_key_parameter()}
    if mismatched:
        links["slope"] = f"layer_{network.depth}.slope"
        equations.append("slope : 1 (linked)")
    return Group(
        name=CONTROLLER,
        n_units=network.layers[-1],
        n_columns=columns,
        equations="\n".join([*equations, *declarations(parameters)]),
        parameters=parameters,
        links=links,
    )


def _sampled() -> list[str]:
    return ["held : 1", "desired : 1", "gradient : 1", "target : 1", "exponential : 1", "reduced : 1"]


def controller_stages(
    network: Network,
    loss: str,
    chip: Chip,
    *,
    columns: int,
    derivative: bool = False,
    highpass: bool = False,
) -> tuple[list[GatedCode], list[Program]]:
    """Reset at the beginning of a presentation; sample r⁻ and set the target after settling."""
    states = ["integrator = 0*volt"]
    states += ["filtered = 0"] if derivative else []
    states += ["slow = 0*volt"] if highpass else []
    states += ["delivered = 0*volt"] if chip.controller.output_stage.present else []
    states += ["drooped = 0"] if chip.hold.present else []
    codes, programs = output_stages(network, loss, chip, columns=columns)
    reset = _code("reset", "\n".join(["engaged = 0", *states]), "begin", -8)
    return [reset, _code("engage", "engaged = 1", "hold", 0), *codes], programs


def output_stages(
    network: Network, loss: str, chip: Chip, *, columns: int
) -> tuple[list[GatedCode], list[Program]]:
    """Sample r⁻ when the settle phase ends; the gradient of the loss there, and the target."""

    def reduce(name: str, source: str, how: str, order: int) -> Program:
        operation = ColumnReduce(
            target=f"{CONTROLLER}.reduced",
            source=f"{CONTROLLER}.{source}",
            how=how,
            n_units=network.layers[-1],
            n_columns=columns,
            gate="hold",
        )
        return Program(name=f"{CONTROLLER}_{name}", operations=(operation,), slot="start", order=order)

    noise = f" + hold_noise*{normal(HOLD)}" if samples_noisily(chip) else ""
    hold = _code("hold", f"held = output_rate{noise}", "hold", 0)
    target = "target = held - target_stepsize*gradient"
    if loss == "squared_error":
        return [hold, _code("target", f"gradient = held - desired\n{target}", "hold", 4)], []
    # softmax cross-entropy: ∂L/∂r = softmax(r) − y, the largest output subtracted against overflow
    codes = [
        hold,
        _code("exponential", "exponential = exp(held - reduced)", "hold", 2),
        _code("target", f"gradient = exponential/reduced - desired\n{target}", "hold", 4),
    ]
    return codes, [reduce("largest", "held", "max", 1), reduce("total", "exponential", "sum", 3)]


def output_signal(network: Network, kind: str, *, mismatched: bool) -> GatedCode:
    """What a circuit beside the network is given: δ_L = φ'(v_L) ∂L/∂r_L, or v_L − λ δ_L; kept until the next."""
    inner = f"{'slope*' if mismatched else ''}output_soma/V_unit"
    delta = f"{'slope*' if mismatched else ''}{slope_of(network.output, inner)}*gradient"
    text = delta if kind == "error" else f"output_soma/V_unit - target_stepsize*{delta}"
    return _code("signal", f"signal = {text}", "hold", 5)


def _code(name: str, text: str, gate: str, order: int) -> GatedCode:
    return GatedCode(
        name=f"{CONTROLLER}_{name}", group=CONTROLLER, code=text, gate=gate, slot="start", order=order
    )


def _setting(value: float, symbol: str) -> ModelParameter:
    return ModelParameter(value=float(value), unit="1", meaning=f"{symbol} of the spec")
