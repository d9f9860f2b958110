"""Mismatch from geometry: σ = A/√(WL) (Pelgrom 1989), and what it does to currents and offsets."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, metre, mvolt, nS, siemens, umetre, volt

from hardware_models.checks import positive_fraction, quantity
from hardware_models.noise import shot_noise_density, thermal_voltage


@attrs.frozen(kw_only=True)
class Process:
    """What a process gives: A_VT of a *pair* difference (per device it is A_VT/√2), A_β, κ."""

    a_vt_pair: Quantity = attrs.field(
        default=7.148 * mvolt * umetre, validator=quantity(0 * volt * metre, least=0), eq=float
    )
    """σ(ΔV_T)·√(WL) of a pair of n devices. GF180MCU 3.3 V n: 7.148 mV·µm [R: sm141064.ngspice]."""
    a_beta_pair: Quantity = attrs.field(
        default=0.70e-2 * umetre, validator=quantity(0 * metre, least=0), eq=float
    )
    """σ(Δβ/β)·√(WL) of a pair. GF180MCU 3.3 V n: 0.70 %·µm [R: sm141064.ngspice]."""
    kappa: float = attrs.field(default=0.696, validator=positive_fraction)
    """Inverse slope factor of the n device in weak inversion at 27 °C: GF180MCU .696 [S]."""

    def gm_over_id(self, current: Quantity, temperature: Quantity) -> Quantity:
        """gm/I_D, 1/V. Weak inversion only: κ/U_T whatever the current; the seam for an EKV model."""
        return self.kappa / thermal_voltage(temperature)

    def sigma_vt(self, transistor: Transistor) -> Quantity:
        """σ of the threshold difference of a pair, V."""
        return self.a_vt_pair / transistor.root_area

    def sigma_log_current(self, transistor: Transistor, current: Quantity, temperature: Quantity) -> float:
        """σ(ln I) of a mirror of two such transistors: threshold and gain factor, independent."""
        threshold = self.gm_over_id(current, temperature) * self.sigma_vt(transistor)
        gain = self.a_beta_pair / transistor.root_area
        return float(np.hypot(float(threshold), float(gain)))


@attrs.frozen(kw_only=True)
class Transistor:
    """Width and length of one device."""

    width: Quantity = attrs.field(default=2 * umetre, validator=quantity(0 * metre, above=0), eq=float)
    length: Quantity = attrs.field(default=2 * umetre, validator=quantity(0 * metre, above=0), eq=float)

    @property
    def root_area(self) -> Quantity:
        """√(WL), m."""
        return Quantity(self.width * self.length) ** 0.5


@attrs.frozen(kw_only=True)
class Transconductor:
    """A five-transistor OTA in weak inversion, in its linear range: I = g·ΔV, g = κI_b/(2U_T).

    Four of its devices carry I_b/2 each and make noise: S = 4·2q·(I_b/2), one-sided.
    """

    pair: Transistor = attrs.field(factory=Transistor)
    """Input pair; its load mirror is taken to be as large."""
    tail: Transistor = attrs.field(factory=Transistor)
    """The mirror that brings the bias current."""
    smallest: Quantity = attrs.field(
        default=1e-6 * nS, validator=quantity(0 * siemens, above=0), repr=False, eq=float
    )
    """Smallest conductance it is trusted for; chosen, about .1 pA of bias: leakage takes over below."""
    largest: Quantity = attrs.field(
        default=1300 * nS, validator=quantity(0 * siemens, above=0), repr=False, eq=float
    )
    """Largest: about 100 nA of bias, where weak inversion ends on small devices [S]."""

    def bias(self, conductance: Quantity, process: Process, temperature: Quantity) -> Quantity:
        """The tail current for a conductance, A. ValueError outside the range the model holds for."""
        if not float(self.smallest) <= float(conductance) <= float(self.largest):
            raise ValueError(
                f"a transconductance of {conductance} is outside {self.smallest} to {self.largest}, "
                "where weak inversion holds"
            )
        return 2 * thermal_voltage(temperature) * conductance / process.kappa

    def noise_density(self, conductance: Quantity, process: Process, temperature: Quantity) -> Quantity:
        """One-sided density of its output current noise, A²/Hz."""
        return shot_noise_density(self.bias(conductance, process, temperature) / 2, 4)

    def sigma_log_gain(self, conductance: Quantity, process: Process, temperature: Quantity) -> float:
        """σ(ln g): g follows the tail current, so the tail's mirror decides."""
        current = self.bias(conductance, process, temperature)
        return process.sigma_log_current(self.tail, current, temperature)

    def sigma_offset(self, process: Process) -> Quantity:
        """σ of the input offset, V: the pair and a load mirror of the same size and gm."""
        return process.sigma_vt(self.pair) * 2**0.5
