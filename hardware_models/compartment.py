"""The compartments of a neuron as gm-C circuits, and the comparator of its plasticity."""

from __future__ import annotations

import attrs
from brian2 import Quantity, farad, pfarad, umetre

from hardware_models.checks import fraction, quantity, truth
from hardware_models.fragment import Fragment, Parameter
from hardware_models.variability import Transconductor, Transistor

_LARGE = Transistor(width=10 * umetre, length=10 * umetre)


@attrs.frozen(kw_only=True)
class Soma:
    """C dv/dt = g(γ_b v_basal + γ_a v_apical − γ_l v + V_os) + I_n ξ,    τ = C/g.

    v  soma, V;  g  transconductance that gives the asked τ, S;  γ  mismatch of each coupling;
    V_os  offset, V;  I_n  noise of the leak's and the basal transconductor, A·√s.
    """

    capacitance: Quantity = attrs.field(default=1 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C. Chosen: 500 µm² of a 2 fF/µm² MIM capacitor."""
    coupling: Transconductor = attrs.field(factory=lambda: Transconductor(pair=_LARGE, tail=_LARGE))
    """The transconductors of leak, basal and apical input."""
    slope_spread: float = attrs.field(default=0.01, validator=fraction)
    """σ of ln of the nonlinearity's slope: mismatch of κ [K]."""

    def fragment(
        self, tau: Quantity, *, drawn: bool, soma_noise: bool, apical_noise: bool, apical: bool = True
    ) -> Fragment:
        """Its equation for a time constant; `apical_noise` when the apical compartment has no state, not
        `apical` where there is no such compartment."""
        inputs = ["basal", "apical"] if apical else ["basal"]
        if drawn:
            terms = " + ".join(f"{name}_gain*{name}" for name in inputs) + " - leak*soma + offset"
        else:
            terms = " + ".join(inputs) + " - soma"
        current = f"g_soma*({terms})"
        parameters = {
            "g_soma": Parameter(
                value=self.capacitance / tau, meaning="transconductance of the soma's couplings"
            ),
            "C_soma": Parameter(value=self.capacitance, meaning="capacitance of the soma"),
        }
        if soma_noise:
            current += " + soma_noise_current*xi_soma"
        if apical_noise:
            gain = "apical_gain*" if drawn else ""
            current += f" + g_soma*{gain}apical_noise*xi_apical"
        return Fragment(equations=f"dsoma/dt = ({current})/C_soma : volt", parameters=parameters)


@attrs.frozen(kw_only=True)
class Dendrite:
    """C dv/dt = I − g v + g V_n ξ with C = gτ, or v = I/g where τ = 0.

    v  compartment, V;  I  its input current, A;  g  conductance, S;  V_n  noise referred to v, V·√s.
    """

    coupling: Transconductor = attrs.field(factory=Transconductor)
    """The transconductor that is its conductance."""

    def fragment(
        self, name: str, current: str, *, conductance: Quantity, tau: Quantity, noisy: bool
    ) -> Fragment:
        """The equation of compartment `name` with the input `current`."""
        parameters = {f"g_{name}": Parameter(value=conductance, meaning=f"conductance of {name}")}
        if float(tau) == 0:
            statement = f"{name} = {current}/g_{name}"
            return Fragment(equations=f"{name} : volt", before=statement, parameters=parameters)
        noise = f" + g_{name}*{name}_noise*xi_{name}" if noisy else ""
        parameters[f"C_{name}"] = Parameter(
            value=conductance * tau, meaning=f"capacitance of {name}: what its time constant asks for"
        )
        return Fragment(
            equations=f"d{name}/dt = ({current} - g_{name}*{name}{noise})/C_{name} : volt",
            parameters=parameters,
        )


@attrs.frozen(kw_only=True)
class Comparator:
    """post = φ(v) − φ(v_ff) + o: two currents subtracted; the mismatch of a mirror makes the offset o."""

    mirror: Transistor = attrs.field(factory=Transistor)
    """The mirror that turns one of the currents round."""
    auto_zero: bool = attrs.field(default=True, validator=truth)
    """Sample the difference at the end of the settle phase and subtract it while learning."""
