"""What a synapse does with the displacement of its neuron; knows no engine."""

from __future__ import annotations

import attrs


@attrs.frozen
class Controlled:
    """post = φ(v) − φ(v_ff), pre = r_{l−1}(t), averaged over the learn phase (eq. 5)."""


@attrs.frozen
class AtSteadyState:
    """The same product, taken once at the end of the learn phase (eq. 9 with φ)."""


@attrs.frozen
class Gradient:
    """post = −∂L/∂v_l, pre = r_{l−1}."""


Plasticity = Controlled | AtSteadyState | Gradient
