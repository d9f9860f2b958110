"""What copies a current: two transistors of a size, or a copy whose spread was measured."""

from __future__ import annotations

import attrs
from brian2 import Quantity, metre, umetre

from hardware_models.checks import fraction, quantity
from hardware_models.ekv import Transistor
from hardware_models.process import Process


@attrs.frozen(kw_only=True)
class MeasuredMirror:
    """A copy of which only the spread is known, from measured chips."""

    spread: float = attrs.field(default=0.0, validator=fraction)
    """σ(ln I)."""
    area: Quantity = attrs.field(default=8 * umetre**2, validator=quantity(metre**2, least=0), eq=float)
    """Of its devices."""


Mirror = Transistor | MeasuredMirror
"""A Transistor stands for two of its size."""


def mirror_spread(mirror: Mirror, process: Process, *, current: Quantity, temperature: Quantity) -> float:
    """σ(ln I) of a copy of `current`."""
    if isinstance(mirror, MeasuredMirror):
        return mirror.spread
    return process.device(mirror).sigma_log_current(mirror, current, temperature)


def mirror_area(mirror: Mirror) -> Quantity:
    """Of its devices, m²."""
    return mirror.area if isinstance(mirror, MeasuredMirror) else 2 * mirror.area
