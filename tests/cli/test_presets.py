"""neurosim presets: every chip as a table and as JSON, a chip of one's own, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hardware_models import load_preset, preset_names
from tests.cli.conftest import Cli, assert_refused

OWN = """
title = "mine"
based_on = "subthreshold_180nm"
[sources]
lab = "measured in our lab"
[chip]
time_base = { value = "2 ms", mark = "R", source = "lab", range = ["1 ms", "5 ms"], kind = "design" }
"""


def test_the_list_names_every_chip(cli: Cli):
    outcome = cli("presets")
    assert outcome.status == 0
    assert all(name in outcome.out for name in preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_a_chips_numbers_stand_with_unit_range_and_source(cli: Cli, name: str):
    outcome = cli("presets", name, "--json")
    assert outcome.status == 0
    numbers = json.loads(outcome.out)[name]["numbers"]
    assert set(numbers) == set(load_preset(name).numbers)
    for path, number in numbers.items():
        assert number["source"], path
        assert number["mark"], path
        assert number["range"] is not None or not isinstance(number["value"], float), path
    capacitance = numbers["soma.capacitance"]
    assert capacitance["unit"] == "F"
    assert capacitance["value"] == pytest.approx(float(load_preset(name).chip.soma.capacitance))


def test_the_table_has_the_sources_below(cli: Cli):
    outcome = cli("presets", "sky130_subthreshold")
    assert outcome.status == 0
    for words in ("process.n.a_vt_pair", "4.75 mV*um", "SKY130 open process design kit", "general knowledge"):
        assert words in outcome.out, words


@pytest.mark.parametrize(
    ("line", "where"),
    [('based_on = "subthreshold_180um"', "based_on"), ("titel = 1", "titel")],
)
def test_a_file_that_is_no_chip_is_refused_by_its_key(cli: Cli, tmp_path: Path, line: str, where: str):
    own = tmp_path / "mine.toml"
    own.write_text(OWN.replace('based_on = "subthreshold_180nm"', line))
    outcome = cli("presets", own)
    assert_refused(outcome, str(own), where)
    assert f"chip.{where}" not in outcome.err


def test_a_chip_of_ones_own_is_shown_and_used(cli: Cli, spec: Path, tmp_path: Path):
    """By `neurosim presets FILE`, and by a spec whose table [chip] names the file, which lies beside the spec."""
    own = tmp_path / "mine.toml"
    own.write_text(OWN)
    outcome = cli("presets", own)
    assert outcome.status == 0
    assert "measured in our lab" in outcome.out
    spec.write_text(spec.read_text() + f'[chip]\nfile = "{own.name}"\n')
    assert own.parent == spec.parent
    assert cli("equations", spec).status == 0
    outcome = cli("equations", spec, "--set", "chip.time_base=9 ms")
    assert_refused(outcome, "chip.time_base", "1 ms to 5 ms (measured in our lab)", "got: 9 ms")


def test_what_is_wrong_with_a_chip_is_named(cli: Cli, tmp_path: Path):
    assert_refused(cli("presets", "sky130"), "no such chip", "sky130_subthreshold")
    assert_refused(cli("presets", tmp_path / "none.toml"), "none.toml", "cannot be read")
    own = tmp_path / "mine.toml"
    own.write_text(OWN.replace(', source = "lab"', ""))
    assert_refused(cli("presets", own), "mine.toml: chip.time_base.source", "a number has no source")
    own.write_text(OWN.replace('mark = "R"', 'mark = "read"'))
    assert_refused(cli("presets", own), "chip.time_base.mark", "an unknown mark", "got: 'read'")
