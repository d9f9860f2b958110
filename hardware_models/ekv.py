"""A MOS transistor from weak through moderate inversion, where its current decides; knows no circuit."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, amp, kelvin, metre, mvolt, namp, umetre, volt
from brian2.units.constants import boltzmann_constant

from hardware_models.checks import choice, number, positive_fraction, quantity
from hardware_models.noise import thermal_voltage
from hardware_models.quantity import QuantityError

REFERENCE = 300.15 * kelvin
"""27 °C: the temperature at which the constants of a process are stated."""


@attrs.frozen(kw_only=True)
class Transistor:
    """Width and length of one device, and its kind."""

    width: Quantity = attrs.field(default=2 * umetre, validator=quantity(0 * metre, above=0), eq=float)
    length: Quantity = attrs.field(default=2 * umetre, validator=quantity(0 * metre, above=0), eq=float)
    kind: str = attrs.field(default="n", validator=choice("n", "p"))

    @property
    def area(self) -> Quantity:
        """WL, m²."""
        return self.width * self.length

    @property
    def root_area(self) -> Quantity:
        """√(WL), m."""
        return Quantity(self.area) ** 0.5

    @property
    def squares(self) -> float:
        """W/L."""
        return float(self.width / self.length)


@attrs.frozen(kw_only=True)
class Mos:
    """I = I_s (W/L) (q + q²),  gm = (κ/U_T) I/(1 + q),  κ(V_G − V_T)/U_T = 2q + ln q    (EKV, in saturation).

    q  charge at the source, 1;  I/(I_s W/L) the inversion coefficient: below .1 weak, above 10 strong inversion.
    Source: Enz, Krummenacher, Vittoz 1995; Enz and Vittoz, Charge-based MOS Transistor Modeling, 2006. Without
    velocity saturation and loss of mobility, so not beyond `largest_inversion`.
    """

    kappa: float = attrs.field(default=0.696, validator=positive_fraction)
    """κ, inverse slope factor at 27 °C."""
    kappa_slope: Quantity = attrs.field(default=0 / kelvin, validator=quantity(1 / kelvin), eq=float)
    """dκ/dT."""
    specific_current: Quantity = attrs.field(
        default=147.8 * namp, validator=quantity(0 * amp, above=0), eq=float
    )
    """I_s of a square device at 27 °C."""
    mobility_exponent: float = attrs.field(default=1.5, validator=number(least=0))
    """k of µ ∝ T^−k; I_s ∝ µU_T² ∝ T^(2−k)."""
    threshold: Quantity = attrs.field(default=0.621 * volt, validator=quantity(0 * volt, above=0), eq=float)
    """V_T at 27 °C."""
    threshold_slope: Quantity = attrs.field(
        default=0 * volt / kelvin, validator=quantity(volt / kelvin), eq=float
    )
    """dV_T/dT."""
    a_vt_pair: Quantity = attrs.field(
        default=7.148 * mvolt * umetre, validator=quantity(0 * volt * metre, least=0), eq=float
    )
    """σ(ΔV_T)·√(WL) of a *pair difference*; per device it is this over √2 (Pelgrom 1989)."""
    a_beta_pair: Quantity = attrs.field(
        default=0.70e-2 * umetre, validator=quantity(0 * metre, least=0), eq=float
    )
    """σ(Δβ/β)·√(WL) of a pair."""
    flicker: Quantity = attrs.field(
        default=0 * volt**2 * metre**2, validator=quantity(volt**2 * metre**2, least=0), eq=float
    )
    """K of S_V(f) = K/(WL)·(1 Hz)^(x−1)/f^x referred to the gate, one-sided."""
    flicker_exponent: float = attrs.field(default=1.0, validator=number(above=0, least=0.5, most=1.5))
    """x."""
    smallest_width: Quantity = attrs.field(
        default=0.22 * umetre, validator=quantity(0 * metre, above=0), eq=float
    )
    smallest_length: Quantity = attrs.field(
        default=0.28 * umetre, validator=quantity(0 * metre, above=0), eq=float
    )
    largest_inversion: float = attrs.field(default=10.0, validator=number(above=0))
    """Inversion coefficient up to which these equations are trusted."""
    leakage_factor: float = attrs.field(default=1.0, validator=number(above=0), metadata={"given": True})
    """Off current over that of the typical device: what a corner makes of it."""

    def shifted(self, threshold: Quantity, leakage: float) -> Mos:
        """The device of a corner: V_T moved, and the off current at 27 °C multiplied, all told."""
        moved = attrs.evolve(self, threshold=self.threshold + threshold)
        square = Transistor()
        alone = float(moved.off_current(square, REFERENCE) / self.off_current(square, REFERENCE))
        return attrs.evolve(moved, leakage_factor=self.leakage_factor * leakage / alone)

    def slope(self, temperature: Quantity) -> Quantity:
        """κ/U_T, 1/V: gm/I_D in the limit of weak inversion."""
        kappa = self.kappa + float(self.kappa_slope * (temperature - REFERENCE))
        return kappa / thermal_voltage(temperature)

    def specific(self, transistor: Transistor, temperature: Quantity) -> Quantity:
        """I_s·W/L, A."""
        warmth = float(temperature / REFERENCE) ** (2 - self.mobility_exponent)
        return self.specific_current * transistor.squares * warmth

    def inversion(self, current: Quantity, transistor: Transistor, temperature: Quantity) -> float:
        """The inversion coefficient; QuantityError where the model does not hold."""
        coefficient = float(current / self.specific(transistor, temperature))
        if not 0 <= coefficient <= self.largest_inversion:
            largest = self.largest_inversion * self.specific(transistor, temperature)
            raise QuantityError(
                f"at most {largest} in a device of {transistor.width} × {transistor.length} "
                f"(inversion coefficient {self.largest_inversion:g}, where strong inversion begins)",
                f"{current}",
                limit=f"process.{transistor.kind}.largest_inversion",
            )
        return coefficient

    def charge(self, current: Quantity, transistor: Transistor, temperature: Quantity) -> float:
        """q."""
        coefficient = self.inversion(current, transistor, temperature)
        return 2 * coefficient / (1 + np.sqrt(1 + 4 * coefficient))  # no digits lost for small ones

    def gm_over_id(self, current: Quantity, transistor: Transistor, temperature: Quantity) -> Quantity:
        """gm/I_D = (κ/U_T)/(1 + q), 1/V."""
        return self.slope(temperature) / (1 + self.charge(current, transistor, temperature))

    def current_for(
        self, transconductance: Quantity, transistor: Transistor, temperature: Quantity
    ) -> Quantity:
        """The I_D of a gm, A: I_s (W/L) q(1 + q) with q = gm/(κ/U_T · I_s W/L)."""
        specific = self.specific(transistor, temperature)
        q = float(transconductance / (self.slope(temperature) * specific))
        current = specific * q * (1 + q)
        self.inversion(current, transistor, temperature)
        return current

    def gate_voltage(self, current: Quantity, transistor: Transistor, temperature: Quantity) -> Quantity:
        """V_GS that carries a current in saturation, V."""
        q = self.charge(current, transistor, temperature)
        threshold = self.threshold + self.threshold_slope * (temperature - REFERENCE)
        return threshold + (2 * q + np.log(q)) / self.slope(temperature)

    def off_current(self, transistor: Transistor, temperature: Quantity) -> Quantity:
        """I_D at V_GS = 0, A: I_s (W/L) exp(−κV_T/U_T), times what a corner makes of it."""
        threshold = self.threshold + self.threshold_slope * (temperature - REFERENCE)
        exponent = float(self.slope(temperature) * threshold)
        return self.leakage_factor * self.specific(transistor, temperature) * np.exp(-exponent)

    def sigma_vt(self, transistor: Transistor) -> Quantity:
        """σ of the threshold difference of a pair, V; of one device it is this over √2."""
        return self.a_vt_pair / transistor.root_area

    def sigma_beta(self, transistor: Transistor) -> float:
        """σ(Δβ/β) of a pair."""
        return float(self.a_beta_pair / transistor.root_area)

    def sigma_log_current(self, transistor: Transistor, current: Quantity, temperature: Quantity) -> float:
        """σ(ln I) of a mirror of two such transistors: gm/I_D at the bias times σ_VT, and the gain factor."""
        threshold = self.gm_over_id(current, transistor, temperature) * self.sigma_vt(transistor)
        return float(np.hypot(float(threshold), self.sigma_beta(transistor)))

    def white_noise_density(
        self, current: Quantity, transistor: Transistor, temperature: Quantity
    ) -> Quantity:
        """One-sided S_I = 4kT (γ/κ) gm with γ = (½ + ⅔q)/(1 + q), A²/Hz: 2qI in weak inversion, ⅔ in strong."""
        q = self.charge(current, transistor, temperature)
        gamma = (0.5 + 2 / 3 * q) / (1 + q)
        slope = self.slope(temperature)
        kappa = float(slope * thermal_voltage(temperature))
        gm = slope * current / (1 + q)
        return 4 * boltzmann_constant * temperature * gamma / kappa * gm

    def flicker_density(self, current: Quantity, transistor: Transistor, temperature: Quantity) -> Quantity:
        """One-sided S_I at 1 Hz of the 1/f^x part: gm²·K/(WL), A²/Hz."""
        gm = self.gm_over_id(current, transistor, temperature) * current
        return gm**2 * self.flicker / transistor.area / Quantity(1.0)
