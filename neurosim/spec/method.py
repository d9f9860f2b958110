"""The settings of a learning method; what its name stands for is decided in `neurosim.learning`."""

from __future__ import annotations

import attrs

from neurosim.errors import SpecError
from neurosim.spec.checks import number, one_of, text
from neurosim.spec.optimizer import Optimizer
from neurosim.spec.sleep import Sleep

WEIGHT_UPDATES = ("buffered", "continuous")
"""When updates reach the weights: at the end of the presentation, or in every step."""


INITIAL_FEEDBACK = ("default", "transpose", "random", "output_identity", "stable")
"""Where feedback weights start; what transpose, random and stable mean depends on the feedback's shape."""

EXPANDING_LAYERS = ("plain", "swapped")
"""Where the leak α sits in the inversion of a layer that is larger than the one below."""


@attrs.frozen(kw_only=True)
class MethodSettings:
    """u = K_I u_int + k_p e + k_d ė_f,  τ_u du_int/dt = e − α u_int,  e = r_L* − r_L,  r_L* = r_L⁻ − λ ∂L/∂r_L
    (Meulemans et al. 2021, eq. 3, 4), with ė_f = (e − e_f)/τ_d and τ_d de_f/dt = e − e_f.

    The update of a presentation is ΔW_l = η ⟨post_l r_{l−1}ᵀ⟩, the mean over the learn phase and the batch;
    as a continuous rule τ_W dW_l/dt = post_l r_{l−1}ᵀ this is τ_W = (learn duration)/η.
    """

    name: str = attrs.field(default="DFC-fixed", validator=text)
    """Name in the table of methods (`neurosim.learning.METHODS`)."""
    learning_rate: float = attrs.field(default=1.0, validator=number(least=0))
    """η, without unit."""
    target_stepsize: float = attrs.field(default=0.05, validator=number(least=0))
    """λ (β of target propagation), per sample: the papers' definition, not divided by the batch. Of no effect
    where errors are carried instead of targets. 1 with squared_error makes the target the label itself: the
    strong feedback of Meulemans et al., whose loss lacks the ½ and so needs 0.5."""
    proportional_gain: float = attrs.field(default=2.0, validator=number(least=0))
    """k_p, without unit; 2 is the setting of the paper's code on MNIST."""
    integral_gain: float = attrs.field(default=1.0, validator=number(least=0))
    """K_I, without unit; 0: a proportional controller."""
    derivative_gain: float = attrs.field(default=0.0, validator=number(least=0))
    """k_d over τ_u; 0: no derivative path."""
    derivative_filter_ratio: float = attrs.field(default=0.1, validator=number(above=0))
    """τ_d/τ_u, the pole without which a derivative would be all noise. Chosen."""
    leak: float = attrs.field(default=1e-3, validator=number(least=0))
    """α, leak of the integrator, without unit."""
    weight_updates: str = attrs.field(default="buffered", validator=one_of(WEIGHT_UPDATES))
    """buffered: applied at the end of the presentation, as in the paper's code; or continuous."""
    initial_feedback: str = attrs.field(default="default", validator=one_of(INITIAL_FEEDBACK))
    """default: what the method's paper uses; transpose: from the initial forward weights (Q = Π Wᵀ, B = −Wᵀ);
    random; output_identity: random but for Q_L = I, as in the code of Meulemans et al. 2021, so that the output obeys
    the controller from the start; stable: random, then made stable (R-Init of Podlaski and Machens 2020)."""
    initial_feedback_gain: float = attrs.field(default=1.0, validator=number(above=0))
    """Factor on random initial feedback weights."""
    expanding_layers: str = attrs.field(default="plain", validator=one_of(EXPANDING_LAYERS))
    """plain: the controller leaks, so α = 0 is forbidden there; swapped: the controlled layer does."""
    optimizer: Optimizer = attrs.field(factory=Optimizer, metadata={"table": Optimizer})
    sleep: Sleep = attrs.field(factory=Sleep, metadata={"table": Sleep})
    """Of no effect unless the method learns its feedback weights."""

    def __attrs_post_init__(self) -> None:
        if self.integral_gain == 0 and self.proportional_gain == 0:
            raise SpecError(
                "a controller without a gain does nothing at rest",
                where="integral_gain",
                expected="method.integral_gain or method.proportional_gain > 0",
                got="0 for both",
                remedy="set integral_gain to 1",
            )
        if self.weight_updates == "continuous" and self.optimizer != Optimizer():
            raise SpecError(
                "an optimiser steps at the end of a presentation, and continuous updates never wait for it",
                where="weight_updates",
                expected="buffered with [method.optimizer]",
                got=f"continuous, and optimizer.name = {self.optimizer.name}",
                remedy='set weight_updates = "buffered", or leave [method.optimizer] out',
            )

    @property
    def effective_leak(self) -> float:
        """α̃ of the controller at rest, e = α̃ u: α/(K_I + α k_p); 1/k_p for K_I = 0."""
        if self.integral_gain == 0:
            return 1.0 / self.proportional_gain
        return self.leak / (self.integral_gain + self.leak * self.proportional_gain)
