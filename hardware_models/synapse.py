"""The synapse array: weights as ratios of mirrors, each with its own mismatch."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity
from numpy.typing import NDArray

from hardware_models.variability import Process, Transistor


@attrs.frozen(kw_only=True)
class Crossbar:
    """I_i = I_unit Σ_j γ_ij w_ij r_j,    ln γ_ij ~ N(0, σ²), σ from the mirror's geometry."""

    mirror: Transistor = attrs.field(factory=Transistor)
    """The two transistors of one synapse."""

    def gain_spread(self, process: Process, *, current: Quantity, temperature: Quantity) -> float:
        """σ of ln γ."""
        return process.sigma_log_current(self.mirror, current, temperature)

    def draw_gains(
        self, shape: tuple[int, int], *, spread: float, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """γ, (n_post, n_pre)."""
        return np.exp(spread * generator.standard_normal(shape))
