"""What each imperfection of a chip amounts to: its shift and its spread, as the numbers a draw is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
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


def spreads_of(chip: Chip, tau_soma: Quantity) -> dict[str, Spread]:
    """By the name of the deviation it makes; what moves all terms of an equation alike moves no state at rest and
    is left out. Zero everywhere on a chip without mismatch that works as it was designed.

    Raises
    ------
    ChipError : a device outside the range of its model.
    """
    soma, control, basal = chip.soma_point(tau_soma), chip.controller_point(), chip.dendrite_point("basal")
    volts = float(chip.voltage_unit)
    on = 1.0 if chip.mismatch else 0.0
    synapse = chip.mirror_spread("synapse.mirror", chip.synapse.mirror)
    comparator = chip.mirror_spread("comparator.mirror", chip.comparator.mirror)
    leaking = float(chip.soma_leakage() / soma.conductance) / volts
    return {
        "leak": Spread(shift=3 / soma.gain, sigma=on * soma.gain_spread),
        "basal_gain": Spread(sigma=on * soma.gain_spread),
        "apical_gain": Spread(sigma=on * soma.gain_spread),
        "offset": Spread(shift=-leaking, sigma=on * float(soma.offset_spread) * np.sqrt(3) / volts),
        "slope": Spread(shift=chip.warm_slope - 1, sigma=on * chip.soma.slope_spread),
        "comparator_offset": Spread(sigma=on * comparator),
        "drive": Spread(shift=1 / basal.factor - 1, sigma=on * basal.gain_spread),
        "proportional": Spread(sigma=on * control.gain_spread),
        "controller_leak": Spread(sigma=on * control.gain_spread),
        "integral": Spread(sigma=on * control.gain_spread),
        "gain_leak": Spread(shift=1 / control.gain),
        "error_offset": Spread(
            sigma=on * chip.controller.offset_residue * float(control.offset_spread) / volts
        ),
        "forward_gain": Spread(sigma=on * synapse),
        "feedback_gain": Spread(sigma=on * synapse),
    }
