"""A resistor at an op-amp: what a lab solders in place of a transconductor."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, amp, hertz, metre, volt
from brian2.units.constants import boltzmann_constant

from hardware_models.checks import fraction, gain, quantity
from hardware_models.coupling import OperatingPoint
from hardware_models.ekv import REFERENCE
from hardware_models.process import Conditions
from hardware_models.quantity import QuantityError


@attrs.frozen(kw_only=True)
class Resistor:
    """A resistor into the summing node of an op-amp: I = ΔV/R, g = 1/R.

    Noise 4kT/R and the op-amp's e_n²/R²; spread from the resistor's tolerance; offset and gain of the op-amp,
    which several resistors into one node have in common.
    """

    tolerance: float = attrs.field(default=0.01, validator=fraction)
    """Printed on the part; σ is a third of it."""
    smallest: Quantity = attrs.field(
        default=100 * volt / amp, validator=quantity(0 * volt / amp, above=0), eq=float
    )
    """Smallest resistance the op-amp can drive."""
    largest: Quantity = attrs.field(
        default=1e8 * volt / amp, validator=quantity(0 * volt / amp, above=0), eq=float
    )
    """Largest that is sold with such a tolerance."""
    temperature_slope: Quantity = attrs.field(
        default=0 / REFERENCE * 1.0, validator=quantity(1 / REFERENCE), eq=float
    )
    """(dR/dT)/R."""
    offset_spread: Quantity = attrs.field(default=0 * volt, validator=quantity(0 * volt, least=0), eq=float)
    """σ of the op-amp's input offset."""
    voltage_noise: Quantity = attrs.field(
        default=0 * volt**2 / hertz, validator=quantity(volt**2 / hertz, least=0), eq=float
    )
    """e_n² of the op-amp, V²/Hz."""
    flicker_corner: Quantity = attrs.field(
        default=0 * hertz, validator=quantity(0 * hertz, least=0), eq=float
    )
    """Where the op-amp's 1/f noise is as large as its white noise."""
    gain: float = attrs.field(default=float("inf"), validator=gain)
    """Open-loop gain of the op-amp."""
    supply_current: Quantity = attrs.field(default=0 * amp, validator=quantity(0 * amp, least=0), eq=float)
    """Of one op-amp."""
    area: Quantity = attrs.field(default=0 * metre**2, validator=quantity(0 * metre**2, least=0), eq=float)
    """On the board, op-amp and resistor."""

    def operate(self, conductance: Quantity, conditions: Conditions) -> OperatingPoint:
        """A resistor of that conductance."""
        resistance = 1 / conductance
        for name, bad in (
            ("smallest", float(resistance) < float(self.smallest)),
            ("largest", float(resistance) > float(self.largest)),
        ):
            if bad:
                word = "at least" if name == "smallest" else "at most"
                raise QuantityError(
                    f"a resistor of {word} {getattr(self, name)}", f"{Quantity(resistance)}", limit=name
                )
        warmth = 1 + float(self.temperature_slope * (conditions.temperature - REFERENCE))
        actual = conductance / warmth
        white = 4 * boltzmann_constant * conditions.temperature * actual
        own = self.voltage_noise * actual**2
        return OperatingPoint(
            conductance=actual,
            designed=conductance,
            linear_range=np.inf * volt,
            gain_spread=self.tolerance / 3,
            offset_spread=self.offset_spread,
            white=white + own,
            flicker=own * float(self.flicker_corner / hertz),
            flicker_exponent=1.0,
            gain=self.gain,
            supply_current=self.supply_current,
            area=self.area,
            shared=True,
            shared_white=float(own),
        )
