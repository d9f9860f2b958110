"""What a part offers to an emulation: equation text and the parameters in it; it builds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from brian2 import Quantity


@attrs.frozen(kw_only=True, eq=False)
class Parameter:
    """One number of the silicon: the same for all units, or one for each."""

    value: Any
    """A Quantity or float; () when shared, (n_units,) when drawn for each unit."""
    meaning: str
    """What it is, in words."""

    @property
    def shared(self) -> bool:
        """Whether all units have the same."""
        return Quantity(self.value).ndim == 0


@attrs.frozen(kw_only=True, eq=False)
class Fragment:
    """Equations in Brian2's syntax with the parameters they use.

    `before` and `after` are statements that run before and after the integration of a step.
    """

    equations: str
    parameters: Mapping[str, Parameter] = attrs.field(factory=dict)
    before: str = ""
    after: str = ""


def saturated(value: str, limit: str) -> str:
    """R tanh(x/R) as text: what a transconductor makes of a voltage, over its conductance."""
    return f"{limit}*tanh({value}/{limit})"
