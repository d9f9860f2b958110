"""The PI controller with its sample-and-hold of the output and its target, as equations."""

from __future__ import annotations

from hardware_models import Chip, Draw, Parameter
from neurosim.equations.layer import declarations, model_parameter
from neurosim.equations.model import GatedCode, Group, ModelParameter, Program, Updater
from neurosim.equations.operations import ColumnReduce
from neurosim.spec import MethodSettings, Network

CONTROLLER = "controller"


def controller_group(
    network: Network, method: MethodSettings, chip: Chip, draw: Draw | None, *, columns: int
) -> Group:
    """u = u_int + k_p e and its leaky integrator; held, desired and target stand beside it."""
    fragment = chip.controller.fragment(railed=chip.railed, drawn=draw is not None)
    hardware = {
        "V_unit": Parameter(value=chip.voltage_unit, meaning="voltage of activity 1"),
        "C_integrator": Parameter(value=chip.controller.capacitance, meaning="capacitance of the integrator"),
        "g_integrator": Parameter(
            value=chip.controller.capacitance / chip.time_base, meaning="transconductance of its input"
        ),
        **fragment.parameters,
    }
    if draw is not None:
        hardware |= {
            "proportional": Parameter(value=draw.proportional, meaning="mismatch of the proportional gain"),
            "leak": Parameter(value=draw.leak, meaning="mismatch of the integrator's leak"),
            "error_offset": Parameter(value=draw.error_offset, meaning="what is left of the error's offset"),
        }
    parameters = {name: model_parameter(p) for name, p in hardware.items()} | {
        "proportional_gain": _setting(method.proportional_gain, "k_p"),
        "leak_ratio": _setting(method.leak, "α"),
        "target_stepsize": _setting(method.target_stepsize, "λ"),
    }
    equations = [
        fragment.equations,
        "output_rate : 1 (linked)",
        "engaged : 1 (shared)",
        "held : 1",
        "desired : 1",
        "target : 1",
        "exponential : 1",
        "reduced : 1",
        *declarations(parameters),
    ]
    return Group(
        name=CONTROLLER,
        n_units=network.layers[-1],
        n_columns=columns,
        equations="\n".join(equations),
        parameters=parameters,
        links={"output_rate": f"layer_{network.depth}.rate"},
        updater=Updater(slot="start", order=6, before=fragment.before, after=fragment.after),
    )


def controller_stages(network: Network, loss: str, *, columns: int) -> tuple[list[GatedCode], list[Program]]:
    """Reset at the beginning of a presentation; sample r⁻ and set the target after settling."""

    def code(name: str, text: str, gate: str, order: int) -> GatedCode:
        return GatedCode(
            name=f"{CONTROLLER}_{name}", group=CONTROLLER, code=text, gate=gate, slot="start", order=order
        )

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

    codes = [
        code("reset", "engaged = 0\nintegrator = 0*volt", "begin", -8),
        code("hold", "engaged = 1\nheld = output_rate", "hold", 0),
    ]
    if loss == "squared_error":
        return [*codes, code("target", "target = held - target_stepsize*(held - desired)", "hold", 4)], []
    # softmax cross-entropy: ∂L/∂r = softmax(r) − y, the largest output subtracted against overflow
    codes += [
        code("exponential", "exponential = exp(held - reduced)", "hold", 2),
        code("target", "target = held - target_stepsize*(exponential/reduced - desired)", "hold", 4),
    ]
    return codes, [reduce("largest", "held", "max", 1), reduce("total", "exponential", "sum", 3)]


def _setting(value: float, symbol: str) -> ModelParameter:
    return ModelParameter(value=float(value), unit="1", meaning=f"{symbol} of the spec")
