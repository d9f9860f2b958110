"""Expressions for equations of what `curve` and `pair` are in numpy; knows no memory."""

from __future__ import annotations

from hardware_models.fragment import Parameter
from hardware_models.memory.curve import SMALLEST, Curve

HUGE = "1e30"
"""What stands for infinity as the end of a range."""


def pair_text(source: str) -> str:
    """`plus` and `minus`, the two devices of the weight `source`, from `lowest`."""
    devices = {"plus": source, "minus": f"-{source}"}
    return "\n".join(
        f"{name} = lowest + (1 - lowest)*clip({value}, 0, {HUGE})" for name, value in devices.items()
    )


def joined(first: str, second: str) -> str:
    """Standard deviation of a weight from the variances of its two devices."""
    return f"sqrt({first} + {second})/(1 - lowest)"


def terms_of(name: str, terms: tuple[float, ...], meaning: str) -> dict[str, Parameter]:
    """Coefficients as parameters."""
    return {
        f"{name}_{power}": Parameter(value=float(term), meaning=f"{meaning}, power {power}")
        for power, term in enumerate(terms)
    }


def polynomial_text(name: str, count: int, x: str) -> str:
    """Σ_k name_k x^k after Horner."""
    text = f"{name}_{count - 1}"
    for power in range(count - 2, -1, -1):
        text = f"({name}_{power} + {x}*{text})"
    return text


def curve_text(name: str, curve: Curve, x: str) -> str:
    """A curve of what x stands for."""
    x = f"clip({x}, {SMALLEST!r}, 1)"
    below = f"clip({name}_constant + {name}_log*log({x}) + {name}_scale*{x}**(-{name}_power), {name}_low, {name}_high)"
    if curve.knee > 1:
        return below
    above = f"clip({polynomial_text(f'{name}_term', len(curve.terms), x)}, 0, {HUGE})"
    return f"(int({x} < {name}_knee)*{below} + int({x} >= {name}_knee)*{above})"


def curve_parameters(name: str, curve: Curve, meaning: str) -> dict[str, Parameter]:
    """The numbers of `curve_text`."""
    numbers = {
        "constant": curve.constant,
        "log": curve.log_slope,
        "scale": curve.scale,
        "power": curve.power,
        "low": curve.low,
        "high": curve.high,
    }
    beyond = {"knee": curve.knee} if curve.knee <= 1 else {}
    found = {
        f"{name}_{key}": Parameter(value=float(value), meaning=f"{meaning}: {key}")
        for key, value in (numbers | beyond).items()
    }
    return found | (terms_of(f"{name}_term", curve.terms, meaning) if beyond else {})
