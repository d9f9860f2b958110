"""The cost of a chip as table, JSON and picture."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

from neurosim.emulate import Cost
from neurosim.emulate.cost import CostRow
from neurosim.report.cost import cost_as_json, print_cost
from neurosim.report.cost_picture import compose_cost
from neurosim.report.engineering import area
from tests.report.test_report_picture import words_of


def row_of(part: str, *, energy: float = 2e-9, high: float = 2e-9, capacitors: float = 0.0) -> CostRow:
    return CostRow(
        part=part,
        count=7,
        power_W=energy / 8e-3,
        energy_per_presentation_J=energy,
        energy_low_J=energy,
        energy_high_J=high,
        device_area_m2=4e-10 if part != "input lines" else 0.0,
        capacitor_area_m2=capacitors,
    )


COST = Cost(
    chip="a chip",
    method="DFC-fixed",
    layers=(4, 3),
    supply_V=1.8,
    settle_s=2e-3,
    learn_s=6e-3,
    activity=0.5,
    rows=(row_of("input lines"), row_of("somata", capacitors=1e-7), row_of("ADC", energy=1e-9, high=5e-9)),
    synaptic_operations=24,
    weight_updates=15,
    memory_cells=0,
    assumed=("that it [holds]",),
    not_counted=("wires",),
)
"""5 nJ in 8 ms, up to 9 nJ; .1008 mm²."""


def printed(width: int) -> str:
    stream = io.StringIO()
    print_cost(COST, Console(file=stream, width=width))
    return stream.getvalue()


def test_the_table_has_sums_ranges_and_words() -> None:
    text = printed(120)
    for words in ("a presentation takes 8 ms (2 ms settle + 6 ms learn)", "1 nJ to 5 nJ", "5 nJ to 9 nJ"):
        assert words in text
    for words in ("625 nW", "0.101 mm²", "333 pJ (15 weights)", "208 pJ (24 multiplications)"):
        assert words in text
    assert "assumed: that it [holds]" in text  # no rich markup in what is said
    assert "not counted: wires" in text


def test_a_narrow_terminal_loses_no_number() -> None:
    assert "…" not in printed(70)


def test_json_is_json() -> None:
    document = json.loads(json.dumps(cost_as_json(COST), allow_nan=False))
    assert document["rows"][1]["area_m2"] == pytest.approx(1.004e-7)
    assert document["total"]["part"] == "total"
    assert document["layers"] == [4, 3]


def test_the_picture_says_what_it_shows() -> None:
    words = words_of(compose_cost(COST))
    for said in ("somata  (7)", "p10 to p90", "mean power", "area (mm²)", "625 nW", "none", "capacitors"):
        assert said in words


def test_areas_have_no_prefix_that_would_be_squared() -> None:
    assert area(4e-10) == "400 µm²"
    assert area(1.234e-7) == "0.123 mm²"
    assert area(2.5) == "2.5e+06 mm²"
    assert area(0.0) == "0 µm²"
    assert (area(math.nan), area(math.inf)) == ("—", "∞ mm²")
