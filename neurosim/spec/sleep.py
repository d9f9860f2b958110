"""The sleep phase, in which a learned feedback finds its weights; who sleeps is decided in `learning`."""

from __future__ import annotations

import attrs

from neurosim.spec.checks import integer, number


@attrs.frozen(kw_only=True)
class Sleep:
    """τ_Q dQ_l/dt = −v_fb,l uᵀ/σ² − β Q_l  with  τ_apical dv_fb,l/dt = −v_fb,l + Q_l u + σ ξ_l  and r_L* = r_L⁻.

    Meulemans et al. 2021, eq. 12 and 13. Every presentation settles, holds r⁻, then turns noise and controller on;
    the update is ΔQ_l = η_Q (−⟨v_fb,l uᵀ⟩/σ² − β Q_l), the mean over the noisy steps and the batch. Dividing by σ²
    makes learning rate and decay independent of the noise. The paper's code divides by max(σ, 0.01)² instead: where
    its σ is smaller, its β stands for β (0.01/σ)² here. Defaults: the settings of the paper's code for 15-10-10-5.
    Times are over τ_u.
    """

    pretraining_epochs: int = attrs.field(default=50, validator=integer(least=0, bits=31))
    """Passes over the training set before the first forward update."""
    epochs: int = attrs.field(default=2, validator=integer(least=0, bits=31))
    """Passes after every epoch of forward learning."""
    pretraining_learning_rate: float = attrs.field(default=0.1, validator=number(least=0))
    """η_Q during pre-training."""
    learning_rate: float = attrs.field(default=2e-3, validator=number(least=0))
    """η_Q afterwards."""
    decay: float = attrs.field(default=0.025, validator=number(least=0))
    """β."""
    noise: float = attrs.field(default=0.01, validator=number(least=1e-9, most=1e9))
    """σ of the noise put into the apical compartment, activation units · √τ_u. Where feedback learns awake (merged
    phases) it has to stand out from what the target does to u: 0.1 works on 15-10-10-5, 0.01 does not."""
    proportional_gain: float = attrs.field(default=0.1, validator=number(least=0))
    """k_p while asleep."""
    leak: float = attrs.field(default=0.25, validator=number(least=0))
    """α while asleep; large, so that the loop is stable before Q is any good."""
    tau_soma_ratio: float = attrs.field(default=0.01, validator=number(above=0))
    """τ_v/τ_u while asleep; Theorem 6 wants τ_v ≪ τ_u."""
    tau_apical_ratio: float = attrs.field(default=0.3, validator=number(above=0))
    """Time constant of the apical compartment, which colours the noise; without one v_fb and u do not correlate."""
    dt_ratio: float = attrs.field(default=0.002, validator=number(above=0))
    """Time step."""
    settle_duration: float = attrs.field(default=0.3, validator=number(above=0))
    """Length of the settle phase. Chosen: 30 τ_v."""
    duration: float = attrs.field(default=0.1, validator=number(above=0))
    """Length of the noisy phase."""
    highpass_ratio: float = attrs.field(default=1.0, validator=number(above=0))
    """Time constant of the high-pass on u where both plasticities are always on (App. C.3). Chosen."""
