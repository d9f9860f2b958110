"""The numbers of a run as plain data, and numbers with prefixes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from neurosim.report import as_json, checks_as_json, final_numbers
from neurosim.report.engineering import duration, engineering
from neurosim.result import Result, Series, Status


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2e-5, "20 µV"),
        (1e-3, "1 mV"),
        (0.9999, "1 V"),
        (999.9e-6, "1 mV"),
        (-0.03, "-30 mV"),
        (0.0, "0 V"),
        (1234.0, "1.23 kV"),
        (1e-20, "1e-05 fV"),
        (math.nan, "—"),
        (math.inf, "∞ V"),
    ],
)
def test_engineering(value, text):
    assert engineering(value, "V") == text


def test_engineering_of_every_decade_reads_back():
    powers = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
    for exponent in range(-15, 12):
        number, unit = engineering(10.0**exponent, "A").split()
        assert 1 <= float(number) < 1000
        assert float(number) * 10.0 ** powers[unit[:-1]] == pytest.approx(10.0**exponent)


def test_duration():
    assert [duration(s) for s in (12.5, 300, 9000, math.nan)] == ["12.5 s", "5.0 min", "2.5 h", "—"]


def test_final_numbers(learned):
    numbers = final_numbers(learned())
    assert (numbers["train_loss"], numbers["test_accuracy"], numbers["wall_seconds"]) == (0.25, 0.925, 300)
    assert (
        final_numbers(learned(provenance={}))["wall_seconds"] == 6
    )  # of the epochs, when nothing else tells


def test_what_is_missing_is_nan():
    numbers = final_numbers(Result(spec="", seed=0, backend="numpy"))
    assert all(math.isnan(value) for name, value in numbers.items() if name != "saturated")


def test_json_is_strict(learned, diverged, emulated):
    for result in (learned(), diverged, emulated, Result(spec="no [toml", seed=0, backend="x")):
        json.dumps(as_json(result), allow_nan=False)


def test_json_says_how_it_ended(learned, diverged):
    good, bad = as_json(learned()), as_json(diverged)
    assert (good["status"]["good"], good["verified"], good["method"]) == (True, True, "DFC-fixed")
    assert (bad["status"]["kind"], bad["status"]["good"], bad["verified"]) == ("diverged", False, False)
    assert bad["checks"][0]["value"] is None
    assert bad["final"]["train_loss"] is None
    assert as_json(learned(verification=()))["verified"] is None


def test_json_of_numpy_and_odd_values(learned):
    odd = {"a": np.float64(1.5), "b": np.int64(2), "c": np.array([1.0, np.nan]), "d": (True, None), "e": 1j}
    document = json.loads(json.dumps(as_json(learned(provenance=odd)), allow_nan=False))["provenance"]
    assert document == {"a": 1.5, "b": 2, "c": [1.0, None], "d": [True, None], "e": "1j"}


def test_checks_as_json(checks):
    document = checks_as_json(checks, {"settle_time": math.nan})
    assert document["passed"] is True  # the one out of tolerance only informs
    assert document["facts"] == {"settle_time": None}
    assert checks_as_json(())["passed"] is False  # nothing checked is not a pass


def test_a_measure_of_many_numbers_a_point_has_no_last_value(learned):
    series = Series(values=np.ones((3, 2)), axis="epoch")
    result = learned(learning={"train_loss": series}, status=Status(saturated=0.25))
    assert math.isnan(final_numbers(result)["train_loss"])
    assert final_numbers(result)["saturated"] == 0.25
