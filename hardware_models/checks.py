"""Validators for the fields of parts: dimensions and ranges, with messages that name both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from brian2 import Quantity, have_same_dimensions

from hardware_models.quantity import QuantityError


def quantity(like: Quantity, *, above: float | None = None) -> Callable[..., None]:
    """A quantity with the dimensions of `like`, finite, and above a bound in SI units if one is given."""

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if not have_same_dimensions(value, like):
            raise QuantityError(f"{field.name} with the dimensions of {Quantity(like)}", str(value))
        if not np.isfinite(float(value)) or (above is not None and not float(value) > above):
            raise QuantityError(
                f"{field.name} above {above:g}" if above is not None else "a finite number", str(value)
            )

    return check


def fraction(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise QuantityError(f"{field.name} from 0 to 1", repr(value))


def truth(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise QuantityError(f"{field.name} true or false", repr(value))


def seed(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise QuantityError(f"{field.name} a whole number >= 0", repr(value))
