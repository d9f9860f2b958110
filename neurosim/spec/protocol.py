"""The phases of a presentation, in steps; what happens in them is assembled elsewhere."""

from __future__ import annotations

import attrs

from neurosim.spec.checks import integer, number


@attrs.frozen(kw_only=True)
class Protocol:
    """A presentation of one batch: settle (feedback off) → sample and hold r⁻, set the target → learn → next.

    Steps count from the start of the presentation: settle is k in [0, settle_steps), learn is
    k in [settle_steps, settle_steps + learn_steps). With learn_steps = 0 the presentation only evaluates.
    """

    dt_ratio: float = attrs.field(validator=number(above=0))
    """Time step over τ_u."""
    settle_steps: int = attrs.field(validator=integer(least=1))
    """Steps with the feedback off."""
    learn_steps: int = attrs.field(validator=integer(least=0))
    """Steps with the controller on."""

    @property
    def period(self) -> int:
        """Steps of a whole presentation; an evaluating one has one step more than settle, to sample r⁻."""
        return self.settle_steps + max(self.learn_steps, 1)
