"""Quantities such as "10 nA" or "2 fF/um^2" from text, by a small grammar; nothing is evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from brian2 import (
    Quantity,
    amp,
    coulomb,
    farad,
    get_dimensions,
    have_same_dimensions,
    hertz,
    is_dimensionless,
    joule,
    kelvin,
    metre,
    ohm,
    second,
    siemens,
    volt,
    watt,
)
from brian2.units.fundamentalunits import get_unit

_BASE = {
    "V": volt,
    "A": amp,
    "F": farad,
    "S": siemens,
    "s": second,
    "Hz": hertz,
    "K": kelvin,
    "m": metre,
    "Ohm": ohm,
    "W": watt,
    "J": joule,
    "C": coulomb,
}
_PREFIX = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_PREFIX |= {"f": 1e-15, "a": 1e-18, "\u00b5": 1e-6, "\u03bc": 1e-6}  # the micro sign, the Greek letter
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_FACTOR = re.compile(r"([*/]?)\s*([A-Za-z\u00b5\u03bc]+)(?:(?:\^|\*\*)([+-]?\d))?\s*")


class QuantityError(ValueError):
    """A text that is no quantity, one of the wrong dimension or out of range; whoever knows its key fills that in."""

    def __init__(self, expected: str, got: str, key: str = "", *, limit: str = "") -> None:
        self.expected = expected
        self.got = got
        self.key = key
        """Path of the value at fault."""
        self.limit = limit
        """Path of the number that sets the bound; empty: the bound is the model's own."""
        super().__init__(f"expected {expected}, got {got}")


@contextmanager
def within(part: str) -> Iterator[None]:
    """Puts a part's name before the paths of what is raised inside; those of the process are whole already."""
    try:
        yield
    except QuantityError as error:
        error.key = f"{part}.{error.key}" if error.key else part
        if error.limit and not error.limit.startswith("process."):
            error.limit = f"{part}.{error.limit}"
        raise


def parse_quantity(text: str, *, like: Quantity) -> Quantity:
    """The quantity written in `text`, which must have the dimensions of `like`.

    Grammar: number, then units joined by * or /, each a symbol with an optional SI prefix and a power.

    Raises
    ------
    QuantityError : not of that form, not finite, or other dimensions.
    """
    unit = unit_name(like)
    match = re.fullmatch(rf"\s*({_NUMBER})\s*(.*)", text, flags=re.DOTALL)
    if match is None or not math.isfinite(float(match[1])):
        raise QuantityError(f'a number with the unit {unit}, such as "{like}"', repr(text))
    with np.errstate(all="ignore"):  # what overflows is refused below
        value = Quantity(float(match[1]) * _parse_unit(match[2].strip(), text, unit))
    if not have_same_dimensions(value, like):
        raise QuantityError(f"a quantity in {unit}", f'"{text}", which is in {unit_name(value)}')
    if not math.isfinite(float(value)):
        raise QuantityError("a finite number", repr(text))
    return value


def _parse_unit(text: str, whole: str, unit: str) -> Quantity:
    result = Quantity(1.0)
    position = 0
    while position < len(text):
        factor = _FACTOR.match(text, position)
        if factor is None or (position == 0) == bool(factor[1]):
            raise QuantityError(f"a quantity in {unit}", repr(whole))
        result = _combine(result, factor, whole, unit)
        position = factor.end()
    return result


def _combine(result: Quantity, factor: re.Match[str], whole: str, unit: str) -> Quantity:
    for size in (1, 2, 3):
        prefix, symbol = factor[2][:-size], factor[2][-size:]
        if symbol in _BASE and prefix in _PREFIX:
            value = (_PREFIX[prefix] * _BASE[symbol]) ** int(factor[3] or 1)
            return result / value if factor[1] == "/" else result * value
    raise QuantityError(f"a quantity in {unit}", f'{whole!r}, whose unit "{factor[2]}" is unknown')


def unit_name(quantity: Quantity) -> str:
    """The unit of its dimensions in SI, for messages."""
    return "no unit" if is_dimensionless(quantity) else str(get_unit(get_dimensions(quantity)))
