"""What a synapse does with the displacement of its neuron; knows no engine."""

from __future__ import annotations

import attrs


@attrs.frozen
class Controlled:
    """post = φ(v) − φ(v_ff), pre = r_{l−1}(t), averaged over the learn phase (Meulemans et al. 2021, eq. 5)."""


@attrs.frozen
class AtSteadyState:
    """The same product, taken once at the end of the learn phase (eq. 9 with φ)."""


@attrs.frozen
class Gradient:
    """post = −δ_l with δ_l = ∂L/∂v_l or what a method puts in its place, pre = r_{l−1}."""


@attrs.frozen
class TargetDifference:
    """post = (τ_l − h_l)/‖σ(h_{l−1})‖², pre = σ(h_{l−1}) (Bengio 2020, eq. of DTP1); h are the somas.

    The presynaptic vector of a layer with a bias has one more entry, 1, which counts in the norm.
    """

    influence: bool
    """Times ‖τ_L − h_L‖²/‖τ_l − h_l‖², so that every layer moves by its influence on the loss (DTP)."""


@attrs.frozen
class Anytime:
    """dW_l = dτ_l nᵀ, n = σ(h_{l−1})/‖σ(h_{l−1})‖²: right whenever it is stopped (Bengio 2020, section 7)."""


Plasticity = Controlled | AtSteadyState | Gradient | TargetDifference | Anytime
