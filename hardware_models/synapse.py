"""The synapse array: weights as ratios of mirrors, each with its own mismatch."""

from __future__ import annotations

import attrs

from hardware_models.ekv import Transistor
from hardware_models.mirror import Mirror
from hardware_models.parts import MIRRORS


@attrs.frozen(kw_only=True)
class Crossbar:
    """I_i = I_unit Σ_j γ_ij w_ij r_j,    ln γ_ij ~ N(0, σ²), σ from the mirror's geometry."""

    mirror: Mirror = attrs.field(factory=Transistor, metadata={"parts": MIRRORS})
    """The two transistors of one synapse."""
