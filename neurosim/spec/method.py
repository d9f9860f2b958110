"""The settings of a learning method; what its name stands for is decided in `neurosim.learning`."""

from __future__ import annotations

import attrs

from neurosim.spec.checks import number, one_of, text

WEIGHT_UPDATES = ("buffered", "continuous")
"""When updates reach the weights: at the end of the presentation, or in every step."""


@attrs.frozen(kw_only=True)
class MethodSettings:
    """u = u_int + k_p e,  τ_u du_int/dt = e − α u_int,  e = r_L* − r_L,  r_L* = r_L⁻ − λ ∂L/∂r_L  (eq. 3, 4).

    The update of a presentation is ΔW_l = η ⟨post_l r_{l−1}ᵀ⟩, the mean over the learn phase and the batch;
    as a continuous rule τ_W dW_l/dt = post_l r_{l−1}ᵀ this is τ_W = (learn duration)/η.
    """

    name: str = attrs.field(default="DFC", validator=text)
    """Name in the table of methods (`neurosim.learning.METHODS`)."""
    learning_rate: float = attrs.field(default=1.0, validator=number(least=0))
    """η, without unit."""
    target_stepsize: float = attrs.field(default=0.05, validator=number(least=0))
    """λ, per sample (the paper's definition, not divided by the batch)."""
    proportional_gain: float = attrs.field(default=2.0, validator=number(least=0))
    """k_p, without unit; 2 is the setting of the paper's code on MNIST."""
    leak: float = attrs.field(default=1e-3, validator=number(least=0))
    """α, leak of the integrator, without unit."""
    weight_updates: str = attrs.field(default="buffered", validator=one_of(WEIGHT_UPDATES))
    """buffered: applied at the end of the presentation, as in the paper's code; or continuous."""
