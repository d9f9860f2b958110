"""What turns a voltage into a current, at the point it works at; the kinds of it are in files of their own."""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np
from brian2 import Quantity, amp, hertz

from hardware_models.process import Conditions


@attrs.frozen(kw_only=True, eq=False)
class OperatingPoint:
    """A coupling that was designed for a conductance, at the temperature and corner it works at.

    I = g·R tanh(ΔV/R) + g V_os,    output conductance g/A_0.
    """

    conductance: Quantity
    """g as it is, S."""
    designed: Quantity
    """g as it was asked for, S."""
    linear_range: Quantity
    """R, V; inf: it never saturates."""
    gain_spread: float
    """σ(ln g)."""
    offset_spread: Quantity
    """σ(V_os), V."""
    white: Quantity
    """One-sided density of its output current noise, A²/Hz."""
    flicker: Quantity
    """One-sided density of the 1/f^x part at 1 Hz, A²/Hz."""
    flicker_exponent: float
    """x."""
    gain: float
    """A_0; inf: no output conductance."""
    supply_current: Quantity
    """What it draws, A."""
    area: Quantity
    """Of its devices, without wires, m²."""
    shared: bool = False
    """Whether couplings into one node have one amplifier between them, whose offset and 1/f noise they share."""
    shared_white: float = 0.0
    """The part of `white` that is then the amplifier's, A²/Hz."""
    traps: tuple[tuple[float, Quantity], ...] = ()
    """(mean number, step of the output current in A) of the traps in each kind of its devices."""

    def offset_of(self, couplings: int) -> Quantity:
        """σ of what the offsets of several couplings into one node add up to, as the input voltage of one, V."""
        return self.offset_spread * (couplings if self.shared else np.sqrt(couplings))

    def white_of(self, couplings: float) -> Quantity:
        """`white` of several couplings into one node."""
        return couplings * self.own_white + couplings**2 * self.shared_white * amp**2 / hertz

    @property
    def own_white(self) -> Quantity:
        """`white` without what is the shared amplifier's, A²/Hz."""
        return self.white - self.shared_white * amp**2 / hertz

    @property
    def factor(self) -> float:
        """g over what was asked for."""
        return float(self.conductance / self.designed)

    @property
    def largest_current(self) -> Quantity:
        """g·R, A: what slews a capacitor."""
        return self.conductance * self.linear_range


class Coupling(Protocol):
    """What a part may have as its coupling."""

    def operate(self, conductance: Quantity, conditions: Conditions) -> OperatingPoint:
        """It, designed for a conductance; QuantityError where its model does not hold, `key` below the part."""
        ...
