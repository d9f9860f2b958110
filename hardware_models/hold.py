"""Sample-and-hold: a switch and a capacitor, with the noise of sampling and the droop of holding."""

from __future__ import annotations

import attrs
from brian2 import Quantity, farad, pfarad, volt

from hardware_models.checks import quantity, truth
from hardware_models.ekv import Transistor
from hardware_models.noise import sampling_noise
from hardware_models.process import Conditions


@attrs.frozen(kw_only=True)
class SampleHold:
    """σ = √(kT/C) when it samples,    dV/dt = −(I_off + G V)/C while it holds."""

    present: bool = attrs.field(default=False, validator=truth)
    """Whether its noise and droop are modelled; else it holds what it was given."""
    capacitance: Quantity = attrs.field(default=1 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C."""
    switch: Transistor = attrs.field(factory=Transistor)
    """Its off current discharges C."""

    def noise(self, conditions: Conditions) -> Quantity:
        """σ of a sample, V."""
        return sampling_noise(self.capacitance * conditions.capacitance_factor, conditions.temperature)

    def droop(self, conditions: Conditions, voltage: Quantity = 0 * volt) -> Quantity:
        """−dV/dt while it holds `voltage`, V/s.

        An emulation takes 0 V: for MIM capacitors G/C is 1e-3/s, below 1e-5 of what is held in a presentation.
        """
        process = conditions.process
        off = process.device(self.switch).off_current(self.switch, conditions.temperature)
        through = process.capacitor.leak(self.capacitance) * voltage
        return (off + through) / (self.capacitance * conditions.capacitance_factor)
