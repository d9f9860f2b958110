"""A layer of three-compartment neurons as equations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from brian2 import Quantity

from hardware_models import Chip, Fragment, LayerDraw, Parameter
from neurosim.equations.activation import activation
from neurosim.equations.model import GatedCode, Group, ModelParameter, Updater
from neurosim.equations.units import unit_text
from neurosim.spec import Network


def model_parameter(parameter: Parameter) -> ModelParameter:
    """A chip's parameter as plain SI numbers and a unit's name."""
    value = Quantity(parameter.value)
    plain = np.asarray(value, dtype=float)
    return ModelParameter(
        value=float(plain) if plain.ndim == 0 else plain,
        unit=unit_text(value),
        meaning=parameter.meaning,
    )


def declarations(parameters: Mapping[str, ModelParameter]) -> list[str]:
    """The lines that declare parameters in a group's equations."""
    return [
        f"{name} : integer (shared, constant)"
        if p.integer
        else f"{name} : {p.unit} ({'shared, constant' if p.shared else 'constant'})"
        for name, p in parameters.items()
    ]


def layer_group(network: Network, chip: Chip, draw: LayerDraw | None, *, index: int, columns: int) -> Group:
    """Layer `index` (1..L): soma, basal and apical compartment, rate, post-synaptic term.

    Inputs from projections: basal_drive (Σ w r + b, a current over I_unit) and apical_drive (Σ q u, V).
    """
    tau_soma, tau_basal, tau_apical = taus(network, chip)
    dynamic_apical = float(tau_apical) > 0
    fragments = [
        chip.soma.fragment(
            tau_soma,
            drawn=draw is not None,
            soma_noise=chip.noise,
            apical_noise=chip.noise and not dynamic_apical,
        ),
        chip.basal.fragment(
            "basal", "I_unit*basal_drive", conductance=chip.unit_conductance, tau=tau_basal, noisy=False
        ),
        chip.apical.fragment(
            "apical",
            "g_feedback*apical_drive",
            conductance=chip.unit_conductance,
            tau=tau_apical,
            noisy=chip.noise and dynamic_apical,
        ),
    ]
    parameters = {
        name: model_parameter(p)
        for fragment in fragments
        for name, p in _layer_parameters(chip, draw, fragment, tau_soma, tau_apical).items()
    }
    if chip.noise:
        parameters["noise_key"] = ModelParameter(
            value=0.0, unit="1", meaning="which noise, set for each run", integer=True
        )
    basal_rate = activation(network.activations[index - 1], _argument("basal", draw))
    offset = " + comparator_offset" if draw is not None else ""
    held = " - held_difference" if chip.comparator.auto_zero else ""
    before = [
        *(fragment.before for fragment in fragments),
        f"difference = rate - {basal_rate}{offset}",
        f"post = difference{held}",
    ]
    equations = [
        *(fragment.equations for fragment in fragments),
        "basal_drive : 1",
        "apical_drive : volt",
        "rate : 1",
        "difference : 1",
        "post : 1",
        *(["held_difference : 1"] if chip.comparator.auto_zero else []),
        *(["post_sum : 1"] if index == 1 else []),
        *declarations(parameters),
    ]
    return Group(
        name=f"layer_{index}",
        n_units=network.layers[index],
        n_columns=columns,
        equations="\n".join(equations),
        parameters=parameters,
        updater=Updater(
            slot="groups",
            order=1,
            before="\n".join(line for line in before if line),
            after="\n".join(fragment.after for fragment in fragments if fragment.after),
        ),
    )


def layer_code(network: Network, chip: Chip, draw: LayerDraw | None, *, index: int) -> list[GatedCode]:
    """The rate at the start of every step, and the auto-zero of the post-synaptic term."""
    name = f"layer_{index}"
    rate = activation(network.activations[index - 1], _argument("soma", draw))
    code = [
        GatedCode(
            name=f"{name}_rate", group=name, code=f"rate = {rate}", gate="always", slot="start", order=-5
        )
    ]
    if chip.comparator.auto_zero:
        code.append(
            GatedCode(
                name=f"{name}_autozero",
                group=name,
                code="held_difference = difference\npost = 0",
                gate="hold",
                slot="groups",
                order=2,
            )
        )
    return code


def taus(network: Network, chip: Chip) -> tuple[Quantity, Quantity, Quantity]:
    """τ of soma, basal and apical compartment on this chip, s."""
    base = chip.time_base
    return (
        network.tau_soma_ratio * base,
        network.tau_basal_ratio * base,
        network.tau_apical_ratio * base,
    )


def _argument(compartment: str, draw: LayerDraw | None) -> str:
    return f"{'slope*' if draw is not None else ''}{compartment}/V_unit"


def _layer_parameters(
    chip: Chip, draw: LayerDraw | None, fragment: Fragment, tau_soma: Quantity, tau_apical: Quantity
) -> dict[str, Parameter]:
    parameters = {
        "V_unit": Parameter(value=chip.voltage_unit, meaning="voltage of activity 1"),
        "I_unit": Parameter(value=chip.current_unit, meaning="current of activity 1"),
        "g_feedback": Parameter(value=chip.unit_conductance, meaning="transconductance of feedback weight 1"),
        **fragment.parameters,
    }
    if chip.noise:
        parameters["soma_noise_current"] = Parameter(
            value=chip.soma_noise_current(tau_soma, tau_apical),
            meaning="shot noise of the soma's transconductors",
        )
        parameters["apical_noise"] = Parameter(
            value=chip.apical_noise(tau_soma, tau_apical), meaning="shot noise of the apical input"
        )
    if draw is not None:
        parameters |= {
            "leak": Parameter(value=draw.leak, meaning="mismatch of the leak"),
            "basal_gain": Parameter(value=draw.basal_gain, meaning="mismatch of the basal coupling"),
            "apical_gain": Parameter(value=draw.apical_gain, meaning="mismatch of the apical coupling"),
            "offset": Parameter(value=draw.offset, meaning="input offset of the soma"),
            "slope": Parameter(value=draw.slope, meaning="mismatch of the nonlinearity's slope"),
            "comparator_offset": Parameter(value=draw.comparator_offset, meaning="offset of the comparator"),
        }
    return parameters
