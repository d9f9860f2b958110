"""What a process gives: its transistors, its capacitors, its corners; and the conditions a chip works under."""

from __future__ import annotations

import attrs
from brian2 import Quantity, farad, kelvin, metre, siemens, umetre, volt

from hardware_models.checks import choice, fraction, number, quantity
from hardware_models.ekv import REFERENCE, Mos, Transistor
from hardware_models.quantity import QuantityError
from hardware_models.traps import Traps

CORNERS = ("tt", "ff", "ss", "fs", "sf")
"""Typical, both fast, both slow, n fast and p slow, n slow and p fast."""


@attrs.frozen(kw_only=True)
class Capacitor:
    """C = c_a·area + c_p·perimeter of a square,    σ(ΔC/C) = A_C/√area of a pair,    I = G·area·V through it."""

    density: Quantity = attrs.field(
        default=2 * farad / metre**2 * 1e-3, validator=quantity(0 * farad / metre**2, above=0), eq=float
    )
    """c_a, F/m²; 1 fF/µm² is 1e-3."""
    fringe: Quantity = attrs.field(
        default=0 * farad / metre, validator=quantity(0 * farad / metre, least=0), eq=float
    )
    """c_p, F/m."""
    tolerance: float = attrs.field(default=0.1, validator=fraction)
    """By how much all capacitors of a lot may lie above or below, together."""
    matching: Quantity = attrs.field(default=0 * metre, validator=quantity(0 * metre, least=0), eq=float)
    """A_C, m."""
    temperature_slope: Quantity = attrs.field(default=0 / kelvin, validator=quantity(1 / kelvin), eq=float)
    """(dC/dT)/C."""
    leakage: Quantity = attrs.field(
        default=0 * siemens / metre**2, validator=quantity(0 * siemens / metre**2, least=0), eq=float
    )
    """G, S/m²."""

    def area(self, capacitance: Quantity) -> Quantity:
        """Of a square capacitor of that value, m²: the root of c_a s² + 4c_p s = C, squared."""
        a, p, c = float(self.density), 4 * float(self.fringe), float(capacitance)
        side = 2 * c / (p + (p**2 + 4 * a * c) ** 0.5)
        return side**2 * metre**2

    def spread(self, capacitance: Quantity) -> float:
        """σ(ΔC/C) of a pair of that value."""
        return float(self.matching / Quantity(self.area(capacitance)) ** 0.5)

    def leak(self, capacitance: Quantity) -> Quantity:
        """Conductance through a capacitor of that value, S."""
        return self.leakage * self.area(capacitance)

    def warmth(self, temperature: Quantity) -> float:
        """C over that at 27 °C."""
        return 1 + float(self.temperature_slope * (temperature - REFERENCE))


@attrs.frozen(kw_only=True)
class Corner:
    """How the devices of a lot differ from the typical ones."""

    n_threshold: Quantity = attrs.field(default=0 * volt, validator=quantity(0 * volt), eq=float)
    """Added to V_T of n devices; p_threshold likewise."""
    p_threshold: Quantity = attrs.field(default=0 * volt, validator=quantity(0 * volt), eq=float)
    n_leakage: float = attrs.field(default=1.0, validator=number(above=0))
    """Factor on the off current of n devices, all told; p_leakage likewise."""
    p_leakage: float = attrs.field(default=1.0, validator=number(above=0))
    capacitance: float = attrs.field(default=0.0, validator=number(least=-1, most=1))
    """In units of the capacitors' tolerance."""


@attrs.frozen(kw_only=True)
class Process:
    """Devices at the typical corner and 27 °C, and what corners make of them."""

    n: Mos = attrs.field(factory=Mos)
    p: Mos = attrs.field(factory=Mos)
    capacitor: Capacitor = attrs.field(factory=Capacitor)
    traps: Traps = attrs.field(factory=Traps)
    ff: Corner = attrs.field(factory=Corner)
    ss: Corner = attrs.field(factory=Corner)
    fs: Corner = attrs.field(factory=Corner)
    sf: Corner = attrs.field(factory=Corner)
    supply: Quantity = attrs.field(default=1.8 * volt, validator=quantity(0 * volt, above=0), eq=float)
    """Nominal."""
    correlation_length: Quantity = attrs.field(
        default=0 * metre, validator=quantity(0 * metre, least=0), eq=float
    )
    """ℓ of neighbours' mismatch within a block, corr = exp(−distance/ℓ); 0: independent."""
    pitch: Quantity = attrs.field(default=10 * umetre, validator=quantity(0 * metre, above=0), eq=float)
    """Distance of neighbours in a block."""

    def device(self, transistor: Transistor) -> Mos:
        """The model of a transistor's kind; QuantityError where it is smaller than the process allows."""
        mos = self.n if transistor.kind == "n" else self.p
        for name in ("width", "length"):
            least = getattr(mos, f"smallest_{name}")
            if float(getattr(transistor, name)) < float(least) * (1 - 1e-12):
                raise QuantityError(
                    f"{name} at least {least}, the process's smallest",
                    str(getattr(transistor, name)),
                    name,
                    limit=f"process.{transistor.kind}.smallest_{name}",
                )
        return mos

    def at(self, corner: str) -> Process:
        """The same process at one of its corners."""
        if corner == "tt":
            return self
        c: Corner = getattr(self, corner)
        factor = 1 + c.capacitance * self.capacitor.tolerance
        capacitor = attrs.evolve(
            self.capacitor, density=self.capacitor.density * factor, fringe=self.capacitor.fringe * factor
        )
        return attrs.evolve(
            self,
            n=self.n.shifted(c.n_threshold, c.n_leakage),
            p=self.p.shifted(c.p_threshold, c.p_leakage),
            capacitor=capacitor,
        )


@attrs.frozen(kw_only=True)
class Conditions:
    """Under which all parts of a chip work."""

    process: Process
    """At its corner."""
    typical: Process
    """At tt: what the designer reckoned with."""
    temperature: Quantity
    tracking: str = attrs.field(
        default="constant_current", validator=choice("constant_current", "constant_gm")
    )
    """What the bias circuit keeps as it gets warmer."""
    saturating: bool = False
    """Whether transconductors give no more than their bias current."""

    @property
    def capacitance_factor(self) -> float:
        """Capacitors over what the designer reckoned with: the lot and the temperature."""
        typical, lot = self.typical.capacitor, self.process.capacitor
        return float(lot.density / typical.density) * lot.warmth(self.temperature)
