"""How an accumulated update changes a weight; what is accumulated is not known here."""

from __future__ import annotations

import attrs

from neurosim.spec.checks import number, one_of

OPTIMIZERS = ("sgd", "adam", "fixed_norm")
"""sgd: plain updates, what a chip does by itself."""


@attrs.frozen(kw_only=True)
class Optimizer:
    """Of a mean update g of a presentation:

    sgd         ΔW = η g
    adam        ΔW = η m̂/(√v̂ + ε),  m ← β₁ m + (1−β₁) g,  v ← β₂ v + (1−β₂) g²,  hats: corrected for the start
                (Kingma and Ba 2014)
    fixed_norm  ΔW = η g/‖g‖, each weight matrix and bias vector by itself (Podlaski and Machens 2020, figure 3b)

    with g ← g − weight_decay · W before; fixed_norm takes η · weight_decay · W off after.
    """

    name: str = attrs.field(default="sgd", validator=one_of(OPTIMIZERS))
    beta1: float = attrs.field(default=0.9, validator=number(least=0, below=1))
    """β₁."""
    beta2: float = attrs.field(default=0.999, validator=number(least=0, below=1))
    """β₂."""
    epsilon: float = attrs.field(default=1e-8, validator=number(above=0))
    """ε."""
    weight_decay: float = attrs.field(default=0.0, validator=number(least=0))
    """Without unit."""
