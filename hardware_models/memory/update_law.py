"""How a weight answers to a wanted change: steps, their spread and asymmetry, soft bounds; knows no device."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import ArrayLike

from hardware_models.checks import fraction, number, truth
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.curve import Array


@attrs.frozen(kw_only=True)
class UpdateLaw:
    """w' = clip(w + s Δ + s c √(|Δ| δ) z, −1, 1)    for a wanted change Δ, with z ~ N(0, 1).

    s = f √(1 + a) (1 − w) upwards, f/√(1 + a) (1 + w) downwards; without soft bounds the brackets are 1.
    It is what |Δ|/δ pulses do, each of mean s δ and standard deviation c s δ, where the number of pulses need not
    be whole: the mean is right however small Δ is, and the variance |Δ| δ (s c)².

    w  weight, 1 is full scale;   δ  smallest step;   f  factor of the device, ln f ~ N(0, device_spread²);
    c  cycle_spread;   a  asymmetry. The bracket is taken where the update starts, so |Δ| s ≪ 1.
    The default is the ideal: what is wanted happens. Source: the soft-bounds and constant-step devices of aihwkit
    (Rasch et al. 2021); Gokmen and Vlasov 2016. There w_min and w_max differ from device to device too; here they
    do not.
    """

    smallest_step: float = attrs.field(default=0.0, validator=fraction)
    """δ, in units of full scale; 0: continuous, and then without noise."""
    device_spread: float = attrs.field(default=0.0, validator=number(least=0))
    """σ(ln f)."""
    cycle_spread: float = attrs.field(default=0.0, validator=number(least=0))
    """c, in units of the step; may exceed 1."""
    asymmetry: float = attrs.field(default=0.0, validator=number(above=-1))
    """a: a step up over a step down at w = 0, less 1."""
    soft: bool = attrs.field(default=False, validator=truth)
    """Whether steps shrink linearly towards the bound they go to."""

    def draw_factor(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """f of each device."""
        return np.exp(self.device_spread * generator.standard_normal(shape))

    def slope(self, weights: ArrayLike, wanted: ArrayLike, *, device_factor: ArrayLike = 1.0) -> Array:
        """s: the mean change over the wanted one."""
        weights, up = np.asarray(weights, float), np.asarray(wanted) > 0
        ratio = np.sqrt(1 + self.asymmetry)
        room = np.where(up, 1 - weights, 1 + weights) if self.soft else 1.0
        return np.asarray(np.asarray(device_factor) * np.where(up, ratio, 1 / ratio) * room)

    def apply(
        self,
        weights: ArrayLike,
        wanted: ArrayLike,
        *,
        normals: ArrayLike = 0.0,
        device_factor: ArrayLike = 1.0,
    ) -> Array:
        """w' of weights w in [−1, 1], all arrays of one shape.

        Parameters
        ----------
        wanted : Δ.
        normals : z, one for each weight and update; 0: the mean.
        device_factor : f, drawn once for a chip.
        """
        wanted = np.asarray(wanted, float)
        slope = self.slope(weights, wanted, device_factor=device_factor)
        spread = self.cycle_spread * np.sqrt(np.abs(wanted) * self.smallest_step)
        return np.asarray(np.clip(weights + slope * (wanted + spread * normals), -1, 1))

    def fragment(self, normal: str) -> Fragment:
        """`apply` as statements: `changed` from kept and wanted.

        Uses a parameter `step` for f, and for z the text `normal`; empty: the mean.
        """
        room = "*(up*(1 - kept) + (1 - up)*(1 + kept))" if self.soft else ""
        noise = f" + cycle_spread*sqrt(abs(wanted)*smallest_step)*{normal}" if normal else ""
        text = f"""up = int(wanted > 0)
steepness = step*(up*up_step + (1 - up)*down_step){room}
changed = clip(kept + steepness*(wanted{noise}), -1, 1)"""
        ratio = float(np.sqrt(1 + self.asymmetry))
        numbers = {
            "up_step": (ratio, "√(1 + a), factor on steps upwards"),
            "down_step": (1 / ratio, "the same downwards"),
        }
        if normal:
            numbers["cycle_spread"] = (float(self.cycle_spread), "c, spread of a step over its mean")
            numbers["smallest_step"] = (float(self.smallest_step), "δ, over full scale")
        parameters = {
            name: Parameter(value=value, meaning=meaning) for name, (value, meaning) in numbers.items()
        }
        return Fragment(equations="", after=text, parameters=parameters)
