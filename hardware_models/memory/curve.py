"""Curves over the conductance of a device in the forms that published fits have; knows no memory."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_models.checks import number
from hardware_models.quantity import QuantityError

Array = NDArray[np.float64]

SMALLEST = 1e-7
"""Below it x counts as this: its logarithm stays finite, and every published curve is clipped long before."""


def coefficients(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """Of a polynomial, ascending powers: a tuple of one finite number or more."""
    good = isinstance(value, tuple) and len(value) > 0
    good = good and all(isinstance(c, int | float) and not isinstance(c, bool) for c in value)
    if not (good and bool(np.all(np.isfinite(value)))):
        raise QuantityError(f"{field.name} a tuple of finite numbers, ascending powers", repr(value))


def polynomial(terms: tuple[float, ...], x: ArrayLike) -> Array:
    """Σ_k c_k x^k."""
    return np.asarray(np.polynomial.polynomial.polyval(np.asarray(x, float), terms))


@attrs.frozen(kw_only=True)
class Curve:
    """f(x) = clip(c + a ln x + b x^(−p), low, high) below the knee,  Σ_k d_k x^k from it on;  x = g/g_fit, in [0, 1].

    Drift exponents and read noise of phase-change memory are published in these two forms (Nandakumar et al. 2019;
    IBM HERMES: Le Gallo et al. 2023, whose curves have both).
    """

    constant: float = attrs.field(default=0.0, validator=number())
    """c."""
    log_slope: float = attrs.field(default=0.0, validator=number())
    """a."""
    scale: float = attrs.field(default=0.0, validator=number())
    """b."""
    power: float = attrs.field(default=0.0, validator=number())
    """p."""
    low: float = attrs.field(default=0.0, validator=number(least=0))
    high: float = attrs.field(default=1.0, validator=number(least=0))
    knee: float = attrs.field(default=2.0, validator=number(least=0))
    """x from which the polynomial holds; above 1: nowhere."""
    terms: tuple[float, ...] = attrs.field(default=(0.0,), validator=coefficients)
    """d_k."""

    def __attrs_post_init__(self) -> None:
        if self.high < self.low:
            raise QuantityError(f"high at least low, {self.low:g}", repr(self.high), "high")

    def __call__(self, x: ArrayLike) -> Array:
        """Of conductances x; what lies outside [0, 1] counts as the end. Never negative."""
        x = np.clip(np.asarray(x, float), SMALLEST, 1)
        below = self.constant + self.log_slope * np.log(x) + self.scale * x**-self.power
        above = np.maximum(polynomial(self.terms, x), 0)
        return np.where(x < self.knee, np.clip(below, self.low, self.high), above)
