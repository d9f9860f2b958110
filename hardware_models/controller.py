"""The analog PI controller: leaky integrator, proportional path, rails, offset."""

from __future__ import annotations

import attrs
from brian2 import Quantity, farad, mvolt, pfarad, umetre, volt

from hardware_models.checks import fraction, quantity
from hardware_models.fragment import Fragment, Parameter
from hardware_models.variability import Transconductor, Transistor

_LARGE = Transistor(width=20 * umetre, length=20 * umetre)


@attrs.frozen(kw_only=True)
class AnalogPI:
    """C du_int/dt = g (V_unit e − α u_int),    u = K_I u_int + k_p V_unit e,  both within the rails.

    u_int, u  V;  e  error, without unit;  g = C/τ_u  transconductance of the input;  α  leak;  k_p, K_I  gains
    (Meulemans et al. 2021, eq. 4: the leak is on the integrator). Its transconductors make no noise here.
    With a derivative path u has (k_d/τ_d) V_unit (e − e_f) on top, and τ_d de_f/dt = e − e_f.
    """

    capacitance: Quantity = attrs.field(default=5 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C of the integrator. Chosen."""
    coupling: Transconductor = attrs.field(factory=lambda: Transconductor(pair=_LARGE, tail=_LARGE))
    """The transconductor of the integrator's input; there are few controllers, so they may be large."""
    limit: Quantity = attrs.field(default=300 * mvolt, validator=quantity(0 * volt, above=0), eq=float)
    """Distance from mid-supply to the rails. Chosen for a 1.8 V supply with cascodes."""
    offset_residue: float = attrs.field(default=0.02, validator=fraction)
    """What correlated double sampling of r⁻ leaves of the offset: charge injection [K]."""

    def fragment(self, *, railed: bool, drawn: bool, derivative: bool = False) -> Fragment:
        """Its equations; `error` is computed from `target`, `output_rate` and `engaged`."""
        gain = "proportional_gain*proportional" if drawn else "proportional_gain"
        leak = "leak_ratio*leak" if drawn else "leak_ratio"
        offset = " + error_offset" if drawn else ""
        drive = f"integral_gain*integrator + {gain}*V_unit*error"
        if derivative:
            drive += " + derivative_ratio*V_unit*(error - filtered)"
        equations = [
            f"dintegrator/dt = g_integrator*(V_unit*error - {leak}*integrator)/C_integrator : volt",
            "error : 1",
            "output : volt",
            *(["dfiltered/dt = (error - filtered)/tau_derivative : 1"] if derivative else []),
        ]
        before = [
            f"error = engaged*(target - output_rate{offset})",
            f"output = clip({drive}, -V_limit, V_limit)" if railed else f"output = {drive}",
        ]
        parameters = {}
        if railed:
            parameters["V_limit"] = Parameter(value=self.limit, meaning="rails of the controller")
        return Fragment(
            equations="\n".join(equations),
            before="\n".join(before),
            after="integrator = clip(integrator, -V_limit, V_limit)" if railed else "",
            parameters=parameters,
        )
