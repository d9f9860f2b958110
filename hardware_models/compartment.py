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

ATANH_MOST = 1 - 2.0**-50
"""What is nearer to 1 has an inverse hyperbolic tangent of more than 17.6, beyond all rails."""
MOST_RANGES = 17
"""A compartment that saturates goes up to so many times its range, if no rail stops it before: there a double
still tells how near to 1 its tanh is."""
MOST_RANGES_SINGLE = 5
"""The same of single precision: 24 bits tell such a voltage to 7e-5, ten ranges not at all."""

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
        apical: bool = True,
        saturating: bool = False,
        railed: bool = False,
        wander: str = "",
    ) -> Fragment:
        """Its equation for a time constant; not `apical` where there is no such compartment. Parameters V_linear and
        soma_limit are the caller's, and the currents of `wander`, " + …", all noise among them."""

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
        current += wander
        return Fragment(
            equations=f"dsoma/dt = ({current})/C_soma : volt",
            parameters=parameters,
            after="soma = clip(soma, -soma_limit, soma_limit)" if railed else "",
        )


@attrs.frozen(kw_only=True)
class Dendrite:
    """C dv/dt = I − γ g S(v + V_os) + g V_n ξ with C = gτ, or where that rests, v = R atanh(I/(γ g R)) − V_os.

    v  compartment, V;  I  its input current, A;  g  conductance, S;  γ  its mismatch;  V_os  offset, V;
    V_n  noise referred to v, V·√s;  S(x) = R tanh(x/R) where it saturates at R, V, else x;  |v + V_os| ≤ limit.
    What the transconductor's finite gain leaks counts in γ: while v is small, S being the steepest there.
    """

    coupling: Coupling = attrs.field(factory=Ota, metadata={"parts": COUPLINGS})
    """The transconductor that is its conductance."""
    limit: Quantity = attrs.field(default=300 * mvolt, validator=quantity(0 * volt, above=0), eq=float)
    """Distance from mid-supply to the rails, at the nominal supply."""

    def fragment(
        self,
        name: str,
        current: str,
        *,
        conductance: Quantity,
        tau: Quantity,
        noisy: bool,
        drawn: bool = False,
        saturating: bool = False,
        limited: bool = False,
    ) -> Fragment:
        """The equation of compartment `name` with the input `current`.

        Parameters {name}_leak and {name}_offset where it is drawn, {name}_range where it is saturating, and
        {name}_limit where it is limited, are the caller's.
        """
        parameters = {f"g_{name}": Parameter(value=conductance, meaning=f"conductance of {name}")}
        leak = f"{name}_leak*g_{name}" if drawn else f"g_{name}"
        if float(tau) == 0:
            rest = f"{current}/({leak})" if drawn else f"{current}/{leak}"
            if saturating:
                rest = f"{name}_range*arctanh(clip({rest}/{name}_range, -{ATANH_MOST}, {ATANH_MOST}))"
            shifted = f"{rest} - {name}_offset" if drawn else rest
            statement = f"{name} = {_within(shifted, name, drawn) if limited else shifted}"
            return Fragment(equations=f"{name} : volt", before=statement, parameters=parameters)
        seen = f"({name} + {name}_offset)" if drawn else name
        seen = saturated(seen, f"{name}_range") if saturating else seen
        noise = f" + g_{name}*{name}_noise*xi_{name}" if noisy else ""
        parameters[f"C_{name}"] = Parameter(
            value=conductance * tau, meaning=f"capacitance of {name}: what its time constant asks for"
        )
        return Fragment(
            equations=f"d{name}/dt = ({current} - {leak}*{seen}{noise})/C_{name} : volt",
            parameters=parameters,
            after=f"{name} = {_within(name, name, drawn)}" if limited else "",
        )


def _within(value: str, name: str, drawn: bool) -> str:
    """A value of v with |v + V_os| ≤ limit, as text."""
    if not drawn:
        return f"clip({value}, -{name}_limit, {name}_limit)"
    return f"clip({value}, -{name}_limit - {name}_offset, {name}_limit - {name}_offset)"


@attrs.frozen(kw_only=True)
class Comparator:
    """post = φ(v) − φ(v_ff) + o: two currents subtracted; the mismatch of a mirror makes the offset o."""

    mirror: Mirror = attrs.field(factory=Transistor, metadata={"parts": MIRRORS})
    """What turns one of the currents round."""
    auto_zero: bool = attrs.field(default=True, validator=truth)
    """Sample the difference at the end of the settle phase and subtract it while learning."""
