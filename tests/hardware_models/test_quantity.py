"""The grammar of quantities: what it reads, to the last digit, and what it refuses without evaluating it."""

import math
import os

import pytest
from brian2 import (
    Quantity,
    amp,
    coulomb,
    farad,
    hertz,
    joule,
    kelvin,
    metre,
    mvolt,
    ohm,
    second,
    siemens,
    volt,
    watt,
)
from hypothesis import given
from hypothesis import strategies as st

from hardware_models import QuantityError, parse_quantity

UNITS = {
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
PREFIXES = {
    "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "u": 1e-6, "\u00b5": 1e-6, "\u03bc": 1e-6,
    "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18,
}  # fmt: skip
ROUNDING = 4 * 2.0**-52
"""A prefix, a power and a product each round once."""

JUNK = [
    "",
    " ",
    "V",
    "mV 3",
    "3",
    "3 volts",
    "3 parsec",
    "3 mmV",
    "3 V V",
    "3 V*",
    "3 V**",
    "3 V^",
    "3 *V",
    "3 /V",
    "3 V//s*s",
    "3 V+2 V",
    "(3) V",
    "3 (V)",
    "3,5 V",
    "1_000 V",
    "0x10 V",
    "1e V",
    "1e5.5 V",
    "--3 V",
    "3 V^1.5",
    "3 V^10",
    "3 V^--1",
    "3 V; 4 V",
    "3 V\n4 V",
    "3 V # comment",
    "three V",
]
NOT_FINITE = ["nan V", "inf V", "-inf V", "infinity V", "1e999 V", "1e308 kV", "-1e308 GV", "9" * 400 + " V"]
OTHER_DIMENSION = ["3 A", "3 V*s", "3 V/V", "3 V^2", "3 s", "3 V^0", "3 V^-1"]
INJECTIONS = [
    "__import__('os')",
    "__import__('os').system('true') V",
    "3 __import__('os')",
    "3 V*__import__('os').getpid()",
    "3 volt.__class__",
    "3 V if True else 4 V",
    "3 lambda: V",
    "3 V**exec",
    "3 {V}",
    "3 %s",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("symbol", UNITS)
def test_every_unit_with_every_prefix(symbol: str, prefix: str) -> None:
    value = parse_quantity(f"2.5 {prefix}{symbol}", like=UNITS[symbol])
    assert float(value) == pytest.approx(2.5 * PREFIXES[prefix], rel=ROUNDING, abs=0)
    assert isinstance(value, Quantity)


@pytest.mark.parametrize(
    ("text", "like", "expected"),
    [
        ("10nA", amp, 1e-8),
        ("  10   nA  ", amp, 1e-8),
        ("+.5 V", volt, 0.5),
        ("-5. V", volt, -5.0),
        ("1.5e-3V", volt, 1.5e-3),
        ("1E3 mV", volt, 1.0),
        ("2 fF/um^2", farad / metre**2, 2e-3),
        ("2 fF / um**2", farad / metre**2, 2e-3),
        ("2 fF*um^-2", farad / metre**2, 2e-3),
        ("7.148 mV*um", volt * metre, 7.148e-9),
        ("3 V/s*s", volt, 3.0),
        ("3 V/s/s", volt / second**2, 3.0),
        ("4 W/V", amp, 4.0),
        ("4 J/C", volt, 4.0),
        ("4 C/s", amp, 4.0),
        ("4 Ohm*A", volt, 4.0),
        ("4 S*V", amp, 4.0),
        ("2 kHz*ms", Quantity(1.0), 2.0),
        ("3", Quantity(1.0), 3.0),
        ("27 aF", farad, 2.7e-17),
        ("1 MS", siemens, 1e6),
        ("1 ms", second, 1e-3),
        ("1 mS", siemens, 1e-3),
        ("1 mm", metre, 1e-3),
        ("1 pHz", hertz, 1e-12),
        ("0 V", volt, 0.0),
    ],
)
def test_grammar(text: str, like: Quantity, expected: float) -> None:
    """Quotients bind from the left; case tells mega from milli and second from siemens."""
    assert float(parse_quantity(text, like=like)) == pytest.approx(expected, rel=ROUNDING, abs=0)


@given(
    number=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12),
    symbol=st.sampled_from(sorted(UNITS)),
    prefix=st.sampled_from(sorted(PREFIXES)),
)
def test_written_numbers_come_back(number: float, symbol: str, prefix: str) -> None:
    value = float(parse_quantity(f"{number!r} {prefix}{symbol}", like=UNITS[symbol]))
    # below 1e-290 a prefix leaves a subnormal number, which has fewer digits
    assert math.isclose(value, number * PREFIXES[prefix], rel_tol=ROUNDING, abs_tol=1e-306)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_base_unit_changes_no_bit(number: float) -> None:
    assert float(parse_quantity(f"{number!r} V", like=volt)) == number


@given(
    factors=st.lists(
        st.tuples(st.sampled_from("*/"), st.sampled_from(["V", "A", "s", "m"]), st.integers(-3, 3)),
        min_size=1,
        max_size=4,
    )
)
def test_products_quotients_and_powers_are_those_of_the_units(factors: list[tuple[str, str, int]]) -> None:
    expected, text = 3 * volt, "3 V"
    for operator, symbol, power in factors:
        unit = UNITS[symbol] ** power
        expected = expected * unit if operator == "*" else expected / unit
        text += f" {operator} {symbol}^{power}"
    value = parse_quantity(text, like=Quantity(expected))
    assert float(value) == 3.0


@pytest.mark.parametrize("text", JUNK + NOT_FINITE + OTHER_DIMENSION + INJECTIONS)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, like=30 * mvolt)
    assert caught.value.expected
    assert caught.value.got


@given(st.text(max_size=30))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        value = parse_quantity(text, like=volt)
    except QuantityError:
        return
    assert math.isfinite(float(value))


def test_nothing_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by a builtin, nor by running the code whose side effect would be seen here."""
    evaluated: list[object] = []
    with monkeypatch.context() as patched:
        for name in ("eval", "exec"):
            patched.setattr(f"builtins.{name}", lambda *args: evaluated.append(args))
        patched.delenv("NEUROSIM_EVALUATED", raising=False)
        for text in [*INJECTIONS, "3 V*__import__('os').environ.setdefault('NEUROSIM_EVALUATED', '1')"]:
            with pytest.raises(QuantityError):
                parse_quantity(text, like=volt)
        assert "NEUROSIM_EVALUATED" not in os.environ
    assert evaluated == []


@pytest.mark.parametrize(
    ("text", "named"),
    [("3 parsec", '"parsec" is unknown'), ("3 A", "which is in A"), ("3 V/V", "no unit"), ("3", "no unit")],
)
def test_messages_name_the_fault(text: str, named: str) -> None:
    with pytest.raises(QuantityError, match=named):
        parse_quantity(text, like=volt)
