"""Where a number of a chip comes from and where it holds; knows no chip."""

from __future__ import annotations

from typing import Any

import attrs
from brian2 import Quantity

from hardware_models.quantity import QuantityError

MARKS = {
    "R": "read in the source",
    "S": "simulated or computed from the source",
    "K": "general knowledge",
    "chosen": "a choice of whoever designed the chip",
    "spec": "changed by the spec",
}
KINDS = {
    "design": "what the designer sets",
    "systematic": "the same for all devices",
    "device": "differs from device to device",
    "cycle": "differs from cycle to cycle",
}


@attrs.frozen(kw_only=True, eq=False)
class Number:
    """One number of a preset."""

    value: Any
    """A Quantity, float, int, bool, text, or tuple of floats."""
    text: str
    """As the file has it."""
    mark: str
    source: str
    """In words."""
    kind: str
    low: Any = None
    """Validity range, ends included; None where the value is no number."""
    high: Any = None
    range_text: str = ""
    """Such as "1 pF to 10 pF"; empty where there is none."""
    range_source: str = ""
    """Who says so, in words."""
    note: str = ""

    @property
    def origin(self) -> str:
        """Mark and source."""
        return f"{self.source} [{self.mark}]"

    def check(self, key: str) -> None:
        """Whether the value lies in its range; QuantityError names range and source."""
        if self.low is None:
            return
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        slack = 1e-12  # a text such as "0.1 pA" need not round to the same double as the end of the range
        for value in values:
            number, low, high = (float(x) for x in (value, self.low, self.high))
            if not low - slack * abs(low) <= number <= high + slack * abs(high):
                raise QuantityError(f"{self.range_text} ({self.range_source})", self.text, key)


def as_text(value: Any) -> str:
    """A value as a person would write it."""
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{x:g}" for x in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
