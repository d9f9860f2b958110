"""The unit of a quantity as text for equations: one name for a dimension, whatever ran before.

Brian2's own `get_unit` answers from a register that every product of units adds to, and calls a plain number
a radian; a Model's text and hash must not depend on that.
"""

from __future__ import annotations

from brian2 import (
    Quantity,
    amp,
    farad,
    get_dimensions,
    hertz,
    kelvin,
    metre,
    ohm,
    second,
    siemens,
    volt,
    watt,
)

_NAMED = {
    "1": Quantity(1.0),
    "volt": volt,
    "amp": amp,
    "siemens": siemens,
    "ohm": ohm,
    "farad": farad,
    "second": second,
    "hertz": hertz,
    "kelvin": kelvin,
    "metre": metre,
    "watt": watt,
    "volt*second**0.5": volt * second**0.5,
    "amp*second**0.5": amp * second**0.5,
}
_TEXTS = {get_dimensions(unit): text for text, unit in _NAMED.items()}


def unit_text(quantity: Quantity) -> str:
    """Its SI unit as Brian2 reads it; powers of base units where the dimensions have no name here."""
    dimensions = get_dimensions(quantity)
    return _TEXTS.get(dimensions) or repr(dimensions)
