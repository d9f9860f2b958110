"""What each imperfection of a chip amounts to: its shift and its spread, as the numbers a draw is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from brian2 import Quantity

if TYPE_CHECKING:
    from hardware_models.chip import Chip


@attrs.frozen(kw_only=True)
class Spread:
    """A number of a device is its designed value plus `shift`, and differs by `sigma` from device to device.

    For a gain both are relative: γ − 1 of the median device, and σ(ln γ). An offset is in activation units.
    """

    shift: float = 0.0
    sigma: float = 0.0


def spreads_of(chip: Chip, tau_soma: Quantity, *, apical: bool = True) -> dict[str, Spread]:
    """By the name of the deviation it makes; what moves all terms of an equation alike moves no state at rest and
    is left out. Zero everywhere on a chip without mismatch that works as it was designed.

    apical : whether a third coupling brings an apical compartment to the soma, beside its leak and the basal one.

    Raises
    ------
    ChipError : a device outside the range of its model.
    """
    soma, control = chip.soma_point(tau_soma), chip.controller_point()
    dendrites = _dendrite(chip, "basal") | _dendrite(chip, "apical")
    volts = float(chip.voltage_unit)
    on = 1.0 if chip.mismatch else 0.0
    synapse = chip.mirror_spread("synapse.mirror", chip.synapse.mirror)
    comparator = chip.mirror_spread("comparator.mirror", chip.comparator.mirror)
    couplings = 3 if apical else 2
    leaking = float(chip.soma_leakage() / soma.conductance) / volts
    return {
        "leak": Spread(shift=couplings / soma.gain, sigma=on * soma.gain_spread),
        "basal_gain": Spread(sigma=on * soma.gain_spread),
        "apical_gain": Spread(sigma=on * soma.gain_spread),
        "offset": Spread(shift=-leaking, sigma=on * float(soma.offset_of(couplings)) / volts),
        "slope": Spread(shift=chip.warm_slope - 1, sigma=on * chip.soma.slope_spread),
        "comparator_offset": Spread(sigma=on * comparator),
        **dendrites,
        "proportional": Spread(sigma=on * control.gain_spread),
        "controller_leak": Spread(sigma=on * control.gain_spread),
        "integral": Spread(sigma=on * control.gain_spread),
        "gain_leak": Spread(shift=1 / control.gain),
        "error_offset": Spread(
            sigma=on * chip.controller.offset_residue * float(control.offset_spread) / volts
        ),
        "output_offset": _output_offset(chip),
        "forward_gain": Spread(sigma=on * synapse),
        "feedback_gain": Spread(sigma=on * synapse),
    }


def _dendrite(chip: Chip, name: str) -> dict[str, Spread]:
    """Of a compartment's conductance; what its finite gain leaks adds to it."""
    point = chip.dendrite_point(name)
    on, volts = (1.0 if chip.mismatch else 0.0), float(chip.voltage_unit)
    return {
        f"{name}_leak": Spread(shift=point.factor * (1 + 1 / point.gain) - 1, sigma=on * point.gain_spread),
        f"{name}_offset": Spread(sigma=on * float(point.offset_spread) / volts),
    }


def _output_offset(chip: Chip) -> Spread:
    if not chip.controller.output_stage.present:
        return Spread()
    on, volts = (1.0 if chip.mismatch else 0.0), float(chip.voltage_unit)
    return Spread(sigma=on * float(chip.output_point().offset_spread) / volts)
