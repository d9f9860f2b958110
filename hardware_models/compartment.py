"""The compartments of a neuron as gm-C circuits, and the comparator of its plasticity."""

from __future__ import annotations

import attrs
from brian2 import Quantity, farad, mvolt, pfarad, umetre, volt

from hardware_models.checks import fraction, quantity, truth
from hardware_models.coupling import Coupling
from hardware_models.ekv import Transistor
from hardware_models.fragment import Fragment, Parameter, saturated
from hardware_models.mirror import Mirror
from hardware_models.ota import Ota
from hardware_models.parts import COUPLINGS, MIRRORS

_LARGE = Transistor(width=10 * umetre, length=10 * umetre)
_LARGE_LOAD = Transistor(width=10 * umetre, length=10 * umetre, kind="p")


def _large() -> Coupling:
    return Ota(pair=_LARGE, load=_LARGE_LOAD, tail=_LARGE)


@attrs.frozen(kw_only=True)
class Soma:
    """C dv/dt = g(γ_b S(v_basal) + γ_a S(v_apical) − γ_l S(v) + V_os) + I_n ξ,    τ = C/g,    |v| ≤ limit.

    v  soma, V;  g  transconductance that gives the asked τ, S;  γ  mismatch of each coupling;
    V_os  offset, V;  I_n  white noise of the leak's and the basal transconductor, A·√s, and what wanders beside it;
    S(x) = R tanh(x/R) where they saturate at R, V; else x.
    """

    capacitance: Quantity = attrs.field(default=1 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C."""
    coupling: Coupling = attrs.field(factory=_large, metadata={"parts": COUPLINGS})
    """The transconductors of leak, basal and apical input."""
    slope_spread: float = attrs.field(default=0.01, validator=fraction)
    """σ of ln of the nonlinearity's slope: mismatch of κ."""
    limit: Quantity = attrs.field(default=300 * mvolt, validator=quantity(0 * volt, above=0), eq=float)
    """Distance from mid-supply to the rails, at the nominal supply."""
    switch: Transistor = attrs.field(factory=Transistor)
    """What resets it; its off current leaks."""

    def fragment(
        self,
        tau: Quantity,
        *,
        drawn: bool,
        soma_noise: bool,
        apical_noise: bool,
        apical: bool = True,
        saturating: bool = False,
        railed: bool = False,
        wander: str = "",
    ) -> Fragment:
        """Its equation for a time constant; `apical_noise` when the apical compartment has no state, not
        `apical` where there is no such compartment. Parameters V_linear and soma_limit are the caller's, and the
        currents of `wander`, " + …"."""

        def seen(name: str) -> str:
            return saturated(name, "V_linear") if saturating else name

        inputs = ["basal", "apical"] if apical else ["basal"]
        if drawn:
            terms = " + ".join(f"{n}_gain*{seen(n)}" for n in inputs) + f" - leak*{seen('soma')} + offset"
        else:
            terms = " + ".join(seen(n) for n in inputs) + f" - {seen('soma')}"
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
        current += wander
        return Fragment(
            equations=f"dsoma/dt = ({current})/C_soma : volt",
            parameters=parameters,
            after="soma = clip(soma, -soma_limit, soma_limit)" if railed else "",
        )


@attrs.frozen(kw_only=True)
class Dendrite:
    """C dv/dt = γ I − g v + g V_n ξ with C = gτ, or v = γ I/g where τ = 0.

    v  compartment, V;  I  its input current, A;  γ  mismatch of what brings it;  g  conductance, S;
    V_n  noise referred to v, V·√s.
    """

    coupling: Coupling = attrs.field(factory=Ota, metadata={"parts": COUPLINGS})
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

    mirror: Mirror = attrs.field(factory=Transistor, metadata={"parts": MIRRORS})
    """What turns one of the currents round."""
    auto_zero: bool = attrs.field(default=True, validator=truth)
    """Sample the difference at the end of the settle phase and subtract it while learning."""
