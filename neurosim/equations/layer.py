"""A layer of three-compartment neurons as equations."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, second, volt

from hardware_models import Chip, Fragment, LayerDraw, Parameter
from hardware_models.compartment import Dendrite
from hardware_models.draw import DendriteDraw
from neurosim.equations.activation import activation
from neurosim.equations.model import GatedCode, Group, Updater
from neurosim.equations.parameters import declarations, model_parameter, noise_key_parameter
from neurosim.equations.sites import HOLD, HOLD_APICAL, normal
from neurosim.equations.wander import Wander
from neurosim.spec import Network

UNLIMITED = 1e30
"""What stands for infinity where an equation divides by it, V."""


@attrs.frozen(kw_only=True)
class LayerDesign:
    """What kind of neurons a network has."""

    apical: bool = True
    """Whether a controller acts on them through an apical compartment; without one a circuit stands beside."""
    injected: float = 0.0
    """σ of the noise that is put into the apical compartment while the controller is on, activation units · √τ_u."""
    wander: Wander = attrs.field(factory=Wander, eq=False)
    """Noise that remembers."""
    constant: bool = False
    """Whether what drives the basal compartment stays the same for a whole presentation."""

    def rests(self, network: Network) -> bool:
        """Whether the basal compartment does, too: it follows its drive at once, and nothing wanders there."""
        return self.constant and network.tau_basal_ratio == 0 and not self.wander.current("basal")


def layer_group(
    network: Network,
    chip: Chip,
    draw: LayerDraw | None,
    *,
    index: int,
    columns: int,
    kind: LayerDesign | None = None,
) -> Group:
    """Layer `index` (1..L): soma, basal and apical compartment, rate, post-synaptic term.

    Inputs from projections: basal_drive (Σ w r + b, a current over I_unit) and apical_drive (Σ q u, V).

    Raises
    ------
    ValueError : the chip is noisy, and the kind has no white noise of somata.
    """
    kind = kind or LayerDesign()
    if chip.noise and not kind.wander.white("soma"):
        raise ValueError("noise of somata is drawn beside their equations, and the design has none of it")
    fragments = _compartments(network, chip, draw, kind)
    parameters = {
        name: model_parameter(p)
        for fragment in fragments.values()
        for name, p in _layer_parameters(network, chip, draw, fragment, kind).items()
    }
    if chip.noise or kind.injected > 0:
        parameters["noise_key"] = noise_key_parameter()
    parameters |= kind.wander.parameters
    moving = [fragment for name, fragment in fragments.items() if name != "basal" or not kind.rests(network)]
    before = [fragment.before for fragment in moving]
    equations = [fragment.equations for fragment in fragments.values()]
    equations += ["basal_drive : 1", "rate : 1", "post : 1"]
    equations += kind.wander.equations
    if kind.apical:
        basal_rate = "expected" if kind.rests(network) else _basal_rate(network, draw, index)
        offset = " + comparator_offset" if draw is not None else ""
        compared = f"rate - {basal_rate}{offset}"
        equations.append("apical_drive : volt")
        if chip.comparator.auto_zero:
            before += [f"difference = {compared}", "post = difference - held_difference"]
            equations += ["difference : 1", "held_difference : 1"]
        else:
            before.append(f"post = {compared}")
        equations += ["expected : 1"] if kind.rests(network) else []
        equations += ["post_sum : 1"] if index == 1 else []
    if kind.injected > 0:
        equations.append("apical_noise : volt*second**0.5 (shared)")
        equations += ["held_apical : volt", "apical_change : volt"] if chip.comparator.auto_zero else []
    return Group(
        name=f"layer_{index}",
        n_units=network.layers[index],
        n_columns=columns,
        equations="\n".join([*equations, *declarations(parameters)]),
        parameters=parameters,
        updater=Updater(
            slot="groups",
            order=1,
            before="\n".join(line for line in before if line),
            after="\n".join(fragment.after for fragment in fragments.values() if fragment.after),
        ),
        wander=kind.wander.starts,
        idle=kind.wander.idle,
    )


def layer_code(
    network: Network,
    chip: Chip,
    draw: LayerDraw | None,
    *,
    index: int,
    kind: LayerDesign | None = None,
) -> list[GatedCode]:
    """The rate at the start of every step, the injected noise, and auto-zero: of the post-synaptic term, and, where
    feedback is learned from v_fb, of that."""
    kind = kind or LayerDesign()
    name = f"layer_{index}"

    def code(what: str, text: str, gate: str, slot: str, order: int) -> GatedCode:
        return GatedCode(name=f"{name}_{what}", group=name, code=text, gate=gate, slot=slot, order=order)

    rate = activation(network.activations[index - 1], argument("soma", draw))
    codes = [code("rate", f"rate = {rate}", "always", "start", -5)]
    codes += kind.wander.code
    if kind.wander.white("soma"):
        codes.append(code("white", f"soma_strength = {_soma_strength(draw, kind)}", "begin", "start", -8))
    if kind.rests(network):
        text = _compartments(network, chip, draw, kind)["basal"].before
        text += f"\nexpected = {_basal_rate(network, draw, index)}" if kind.apical else ""
        codes.append(code("basal", text, "begin", "groups", 0))
    if kind.apical and chip.comparator.auto_zero:
        noise = f" + hold_noise*{normal(HOLD)}" if samples_noisily(chip) else ""
        codes.append(code("autozero", f"held_difference = difference{noise}\npost = 0", "hold", "groups", 2))
    if kind.injected > 0:
        with_noise = "apical_noise = sqrt(device_noise**2 + injected_noise**2)"
        codes.append(code("quiet", "apical_noise = device_noise", "begin", "start", -8))
        codes.append(code("noisy", with_noise, "hold", "start", 0))
    if kind.injected > 0 and chip.comparator.auto_zero:
        noise = f" + hold_noise*V_unit*{normal(HOLD_APICAL)}" if samples_noisily(chip) else ""
        codes.append(code("apical_zero", f"held_apical = apical{noise}", "hold", "start", -7))
        codes.append(code("apical_change", "apical_change = apical - held_apical", "always", "start", -6))
    return codes


def argument(compartment: str, draw: LayerDraw | None) -> str:
    """What goes into φ for a compartment's voltage."""
    return f"{'slope*' if draw is not None else ''}{compartment}/V_unit"


def finite(limit: Quantity) -> Quantity:
    """A range as an equation that divides by it can have it: x → R tanh(x/R) is x to rounding for a huge R."""
    return limit if np.isfinite(float(limit)) else UNLIMITED * volt


def samples_noisily(chip: Chip) -> bool:
    """Whether what is sampled and held gets noise."""
    return chip.noise and chip.hold.present


def sampling_noise(chip: Chip) -> float:
    """σ of a sample, activation units."""
    return float(chip.hold.noise(chip.conditions) / chip.voltage_unit)


def hold_noise(chip: Chip) -> Parameter:
    """The same as the equations have it."""
    return Parameter(value=sampling_noise(chip), meaning="noise of sampling, kT/C")


def taus(network: Network, chip: Chip) -> tuple[Quantity, Quantity, Quantity]:
    """τ of soma, basal and apical compartment on this chip, s."""
    base = chip.time_base
    return (
        network.tau_soma_ratio * base,
        network.tau_basal_ratio * base,
        network.tau_apical_ratio * base,
    )


def _basal_rate(network: Network, draw: LayerDraw | None, index: int) -> str:
    return activation(network.activations[index - 1], argument("basal", draw))


def _soma_strength(draw: LayerDraw | None, kind: LayerDesign) -> str:
    """Of the white noise into the soma, A·√s: its own, and that of an apical compartment which has no state."""
    own, *apical = kind.wander.white("soma")
    if not apical:
        return own
    gain = "apical_gain*" if draw is not None else ""
    return f"sqrt({own}**2 + (g_soma*{gain}{apical[0]})**2)"


def _compartments(
    network: Network, chip: Chip, draw: LayerDraw | None, kind: LayerDesign
) -> dict[str, Fragment]:
    tau_soma, tau_basal, tau_apical = taus(network, chip)
    dynamic = float(tau_apical) > 0
    fragments = {
        "soma": chip.soma.fragment(
            tau_soma,
            drawn=draw is not None,
            apical=kind.apical,
            saturating=chip.saturating,
            railed=chip.railed,
            wander=kind.wander.current("soma"),
        )
    }
    noisy = chip.noise and float(tau_basal) > 0
    inputs = {"basal": (_summed("I_unit*basal_drive", kind, "basal"), tau_basal, noisy)}
    if kind.apical:
        noisy = (chip.noise or kind.injected > 0) and dynamic
        inputs["apical"] = (_summed("g_feedback*apical_drive", kind, "apical"), tau_apical, noisy)
    for name, (current, tau, noisy) in inputs.items():
        part: Dendrite = getattr(chip, name)
        fragments[name] = part.fragment(
            name,
            current,
            conductance=chip.unit_conductance,
            tau=tau,
            noisy=noisy,
            drawn=draw is not None,
            saturating=np.isfinite(float(chip.dendrite_point(name).linear_range)),
            limited=np.isfinite(float(chip.dendrite_limit(name))),
        )
    return fragments


def _dendrite_parameters(chip: Chip, draw: LayerDraw | None, name: str) -> dict[str, Parameter]:
    parameters = {}
    linear_range, limit = chip.dendrite_point(name).linear_range, chip.dendrite_limit(name)
    if np.isfinite(float(linear_range)):
        parameters[f"{name}_range"] = Parameter(
            value=linear_range, meaning=f"where the conductance of {name} saturates"
        )
    if np.isfinite(float(limit)):
        parameters[f"{name}_limit"] = Parameter(value=limit, meaning=f"rails of {name}")
    if draw is not None:
        drawn: DendriteDraw = getattr(draw, name)
        parameters[f"{name}_leak"] = Parameter(
            value=drawn.leak, meaning=f"mismatch of the conductance of {name}"
        )
        parameters[f"{name}_offset"] = Parameter(value=drawn.offset, meaning=f"input offset of {name}")
    return parameters


def _summed(current: str, kind: LayerDesign, name: str) -> str:
    """The current into a dendrite and what wanders in beside it."""
    beside = kind.wander.current(name)
    return f"({current}{beside})" if beside else current


def _layer_parameters(
    network: Network, chip: Chip, draw: LayerDraw | None, fragment: Fragment, kind: LayerDesign
) -> dict[str, Parameter]:
    parameters = {
        "V_unit": Parameter(value=chip.voltage_unit, meaning="voltage of activity 1"),
        "I_unit": Parameter(value=chip.current_unit, meaning="current of activity 1"),
        **fragment.parameters,
    }
    if kind.apical:
        parameters["g_feedback"] = Parameter(
            value=chip.unit_conductance, meaning="transconductance of feedback weight 1"
        )
    for name in ("basal", "apical") if kind.apical else ("basal",):
        parameters |= _dendrite_parameters(chip, draw, name)
    parameters |= _noise_parameters(network, chip, kind)
    if chip.saturating:
        tau_soma, _, _ = taus(network, chip)
        parameters["V_linear"] = Parameter(
            value=finite(chip.soma_point(tau_soma).linear_range),
            meaning="where the soma's couplings saturate",
        )
    if chip.railed:
        parameters["soma_limit"] = Parameter(value=chip.rail(chip.soma), meaning="rails of the soma")
    if draw is not None:
        parameters |= {
            "leak": Parameter(value=draw.leak, meaning="mismatch of the leak"),
            "basal_gain": Parameter(value=draw.basal_gain, meaning="mismatch of the basal coupling"),
            "offset": Parameter(value=draw.offset, meaning="input offset of the soma"),
            "slope": Parameter(value=draw.slope, meaning="mismatch of the nonlinearity's slope"),
            "comparator_offset": Parameter(value=draw.comparator_offset, meaning="offset of the comparator"),
        }
        if kind.apical:
            parameters["apical_gain"] = Parameter(
                value=draw.apical_gain, meaning="mismatch of the apical coupling"
            )
    return parameters


def _noise_parameters(network: Network, chip: Chip, kind: LayerDesign) -> dict[str, Parameter]:
    tau_soma, tau_basal, tau_apical = taus(network, chip)
    parameters = {}
    if chip.noise:
        parameters["soma_noise_current"] = Parameter(
            value=chip.soma_noise_current(tau_soma, tau_apical, apical=kind.apical),
            meaning="white noise of the soma's transconductors",
        )
    if chip.noise and float(tau_basal) > 0:
        parameters["basal_noise"] = Parameter(
            value=chip.dendrite_noise("basal"), meaning="white noise of the basal transconductor"
        )
    if not kind.apical:
        return parameters
    if samples_noisily(chip) and chip.comparator.auto_zero:
        parameters["hold_noise"] = hold_noise(chip)
    device = chip.apical_noise(tau_soma, tau_apical) if chip.noise else 0 * volt * second**0.5
    meaning = "white noise of the apical input"
    if kind.injected > 0:
        parameters["device_noise"] = Parameter(value=device, meaning=meaning)
        parameters["injected_noise"] = Parameter(
            value=kind.injected * chip.voltage_unit * chip.time_base**0.5,
            meaning="σ of the noise put in while feedback is learned",
        )
    elif chip.noise:
        parameters["apical_noise"] = Parameter(value=device, meaning=meaning)
    return parameters
