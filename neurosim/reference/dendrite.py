"""A compartment behind a conductance that may saturate, at rest and on its way there; knows no soma."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from neurosim.reference.saturation import saturate, saturation_slope
from neurosim.reference.tensors import double
from neurosim.spec.deviations import DendriteDeviations

_MOST = 1 - 2.0**-50
"""What is nearer to 1 has an inverse hyperbolic tangent of more than 17.6, beyond all rails."""


@attrs.frozen(kw_only=True, eq=False)
class Dendrite:
    """τ dx/dt = I − leak·S(x + offset),  |x + offset| ≤ limit,  S(x) = R tanh(x/R) with R = saturation.

    x  v_ff or v_fb, (B, n);  I  what drives it, (B, n).
    """

    leak: Tensor
    offset: Tensor
    saturation: float
    limit: float

    @staticmethod
    def of(deviations: DendriteDeviations) -> Dendrite:
        """As tensors."""
        return Dendrite(
            leak=double(deviations.leak),
            offset=double(deviations.offset),
            saturation=float(deviations.saturation),
            limit=float(deviations.limit),
        )

    def rest(self, drive: Tensor) -> Tensor:
        """x under a constant I: R atanh(I/(leak R)) between the rails, less the offset."""
        given = drive / self.leak
        if math.isfinite(self.saturation):
            given = self.saturation * torch.atanh((given / self.saturation).clamp(-_MOST, _MOST))
        return self.keep(given - self.offset)

    def push(self, drive: Tensor, here: Tensor) -> Tensor:
        """τ dx/dt at x = here."""
        return drive - self.leak * saturate(here + self.offset, self.saturation)

    def keep(self, here: Tensor) -> Tensor:
        """Within the rails."""
        if not math.isfinite(self.limit):
            return here
        return torch.clamp(here + self.offset, -self.limit, self.limit) - self.offset

    def follows(self, here: Tensor) -> Tensor:
        """∂x/∂I at rest; 0 at a rail."""
        slope = 1 / (self.leak * saturation_slope(here + self.offset, self.saturation))
        if not math.isfinite(self.limit):
            return slope
        # a rail is reached to rounding, the offset having been added and taken off
        return torch.where(
            (here + self.offset).abs() < self.limit * (1 - 1e-12), slope, torch.zeros_like(slope)
        )
