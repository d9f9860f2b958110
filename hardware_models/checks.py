"""Validators for the fields of parts: dimensions and ranges, with messages that name both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from brian2 import Quantity, have_same_dimensions

from hardware_models.quantity import QuantityError, unit_name


def quantity(
    like: Quantity, *, above: float | None = None, least: float | None = None
) -> Callable[..., None]:
    """One quantity with the dimensions of `like`, finite, within the bounds in SI units that are given."""
    bounds = [
        f"above {above:g}" if above is not None else "",
        f"at least {least:g}" if least is not None else "",
    ]
    expected = " and ".join(["finite", *(bound for bound in bounds if bound)])

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, Quantity) or value.ndim > 0 or not have_same_dimensions(value, like):
            raise QuantityError(f"{field.name} as one quantity in {unit_name(like)}", str(value))
        number = float(value)
        good = np.isfinite(number) and (above is None or number > above)
        if not (good and (least is None or number >= least)):
            raise QuantityError(f"{field.name} {expected}", str(value))

    return check


def fraction(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise QuantityError(f"{field.name} from 0 to 1", repr(value))


def positive_fraction(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A number above 0, up to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise QuantityError(f"{field.name} above 0, up to 1", repr(value))


def truth(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise QuantityError(f"{field.name} true or false", repr(value))


def seed(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A whole number from 0 that fits into 63 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise QuantityError(f"{field.name} a whole number >= 0 and < 2^63", repr(value))


def number(
    *, above: float | None = None, least: float | None = None, most: float | None = None
) -> Callable[..., None]:
    """A finite number without unit, within the bounds that are given."""
    bounds = [
        f"above {above:g}" if above is not None else "",
        f"at least {least:g}" if least is not None else "",
        f"at most {most:g}" if most is not None else "",
    ]
    expected = " and ".join(["a number, finite", *(bound for bound in bounds if bound)])

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
        good = good and (above is None or value > above) and (least is None or value >= least)
        if not (good and (most is None or value <= most)):
            raise QuantityError(f"{field.name} {expected}", repr(value))

    return check


def gain(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A number above 0; infinity: ideal."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise QuantityError(f"{field.name} a number above 0, or inf", repr(value))


def whole(*, least: int, most: int) -> Callable[..., None]:
    """A whole number within bounds."""

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise QuantityError(f"{field.name} a whole number from {least} to {most}", repr(value))

    return check


def choice(*names: str) -> Callable[..., None]:
    """One of some names."""

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if value not in names:
            raise QuantityError(f"{field.name} one of " + ", ".join(names), repr(value))

    return check
