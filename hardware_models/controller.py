"""The analog PI controller: leaky integrator, proportional path, output stage, rails, offset."""

from __future__ import annotations

import attrs
from brian2 import Quantity, farad, mvolt, nS, pfarad, siemens, umetre, volt

from hardware_models.checks import fraction, quantity, truth
from hardware_models.coupling import Coupling
from hardware_models.ekv import Transistor
from hardware_models.fragment import Fragment, Parameter, saturated
from hardware_models.ota import Ota
from hardware_models.parts import COUPLINGS

_LARGE = Transistor(width=20 * umetre, length=20 * umetre)
_LARGE_LOAD = Transistor(width=20 * umetre, length=20 * umetre, kind="p")


def _large() -> Coupling:
    return Ota(pair=_LARGE, load=_LARGE_LOAD, tail=_LARGE)


@attrs.frozen(kw_only=True)
class OutputStage:
    """C du/dt = I_b tanh(g(u_in − u)/I_b): an OTA as a follower: a pole g/C, slew I_b/C."""

    present: bool = attrs.field(default=False, validator=truth)
    """Whether it is modelled; else u follows at once."""
    coupling: Coupling = attrs.field(factory=_large, metadata={"parts": COUPLINGS})
    conductance: Quantity = attrs.field(default=100 * nS, validator=quantity(0 * siemens, above=0), eq=float)
    """g."""
    load: Quantity = attrs.field(default=1 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C of the line to the neurons."""


@attrs.frozen(kw_only=True)
class AnalogPI:
    """C du_int/dt = g (γ S(V_unit e) − (αλ + 1/A_0) u_int) + I_n,  u = K_I u_int + k_p V_unit e, all within the rails.

    u_int, u  V;  e  error, without unit;  g = C/τ_u  transconductance of the input;  α  leak;  k_p, K_I  gains
    (Meulemans et al. 2021, eq. 4: the leak is on the integrator);  γ, λ  mismatch of input and leak;
    A_0  gain of the input's transconductor: finite, it leaks;  I_n  noise of input and leak, A.
    With an output stage u goes on through a pole: τ_o du/dt = S_o(u_in − u + V_o) with its offset V_o.
    With a derivative path u has (k_d/τ_d) V_unit (e − e_f) on top, τ_d de_f/dt = e − e_f.
    """

    capacitance: Quantity = attrs.field(default=5 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C of the integrator."""
    coupling: Coupling = attrs.field(factory=_large, metadata={"parts": COUPLINGS})
    """The transconductor of the integrator's input; there are few controllers, so they may be large."""
    limit: Quantity = attrs.field(default=300 * mvolt, validator=quantity(0 * volt, above=0), eq=float)
    """Distance from mid-supply to the rails, at the nominal supply."""
    offset_residue: float = attrs.field(default=0.02, validator=fraction)
    """What correlated double sampling of r⁻ leaves of the offset: charge injection."""
    output_stage: OutputStage = attrs.field(factory=OutputStage)
    """What drives the lines to the neurons."""

    def fragment(
        self,
        *,
        railed: bool,
        drawn: bool,
        derivative: bool = False,
        saturating: bool = False,
        staged: bool = False,
        drooping: bool = False,
        noise: str = "",
    ) -> Fragment:
        """Its equations; `error` is computed from `target`, `output_rate` and `engaged`.

        Parameters input_range, tau_output, output_range, output_offset, droop_rate are the caller's, and the currents
        of `noise`, " + …", which reach the integrator while the controller is on: else its reset holds it.
        """
        gain = "proportional_gain*proportional" if drawn else "proportional_gain"
        leak = "(leak_ratio*leak + gain_leak)" if drawn else "leak_ratio"
        offset = " + error_offset" if drawn else ""
        drive = f"integral_gain*integrator + {gain}*V_unit*error"
        if derivative:
            drive += " + derivative_ratio*V_unit*(error - filtered)"
        given = saturated("(V_unit*error)", "input_range") if saturating else "V_unit*error"
        given = f"integral*{given}" if drawn else given
        flow = f"g_integrator*({given} - {leak}*integrator)"
        if noise:
            flow = f"({flow} + engaged*({noise.removeprefix(' + ')}))"
        equations = [
            f"dintegrator/dt = {flow}/C_integrator : volt",
            "error : 1",
            *(["dfiltered/dt = (error - filtered)/tau_derivative : 1"] if derivative else []),
            *(["ddrooped/dt = engaged*droop_rate : 1"] if drooping else []),
        ]
        limited = f"clip({drive}, -V_limit, V_limit)" if railed else drive
        stored = "(target - drooped)" if drooping else "target"
        before = [f"error = engaged*({stored} - output_rate{offset})"]
        equations.append("output : volt")
        if staged:
            missing = "(demand - delivered + output_offset)" if drawn else "(demand - delivered)"
            pushed = saturated(missing, "output_range") if saturating else missing
            equations += [f"ddelivered/dt = engaged*{pushed}/tau_output : volt", "demand : volt"]
            before += [f"demand = {limited}", "output = delivered"]  # as it is before this step
        else:
            before.append(f"output = {limited}")
        parameters = {}
        if railed:
            parameters["V_limit"] = Parameter(value=self.limit, meaning="rails of the controller")
        return Fragment(
            equations="\n".join(equations),
            before="\n".join(before),
            after="integrator = clip(integrator, -V_limit, V_limit)" if railed else "",
            parameters=parameters,
        )
