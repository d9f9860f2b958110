"""Validators shared by the descriptions of a spec: each names the key, what it expects and what it got."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import attrs

from neurosim.errors import SpecError, nearest

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def number(
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> Validator:
    """A finite real number within the bounds that are given."""
    bounds = [
        f"> {above:g}" if above is not None else "",
        f">= {least:g}" if least is not None else "",
        f"<= {most:g}" if most is not None else "",
        f"< {below:g}" if below is not None else "",
    ]
    expected = " ".join(["a number", " and ".join(bound for bound in bounds if bound)]).strip()

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)
        good = good and (above is None or value > above)
        good = good and (least is None or value >= least) and (most is None or value <= most)
        good = good and (below is None or value < below)
        if not good:
            raise SpecError("bad value", where=field.name, expected=expected, got=repr(value))

    return check


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def integer(*, least: int, bits: int | None = None) -> Validator:
    """A whole number of at least `least` and, where `bits` are given, below 2^bits."""
    expected = f"a whole number >= {least}" + (f" and < 2^{bits}" if bits else "")

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if not (good and (bits is None or value < 2**bits)):
            raise SpecError("bad value", where=field.name, expected=expected, got=repr(value))

    return check


def truth(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise SpecError("bad value", where=field.name, expected="true or false", got=repr(value))


def text(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """A string."""
    if not isinstance(value, str):
        raise SpecError("bad value", where=field.name, expected="a string", got=repr(value))


def one_of(known: Collection[str]) -> Validator:
    """A name out of a table; a misspelling is answered with the nearest."""

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or value not in known:
            raise SpecError(
                "unknown name",
                where=field.name,
                expected="one of " + ", ".join(sorted(known)),
                got=repr(value),
                remedy=nearest(str(value), known),
            )

    return check
