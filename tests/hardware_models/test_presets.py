"""Chips from tables: what is changed, what stays, and how a wrong key or value is named."""

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import Quantity, mvolt, volt

from hardware_models import (
    Chip,
    ChipError,
    PresetError,
    QuantityError,
    chip_from_table,
    load_preset,
    preset_from_table,
    preset_names,
)
from hardware_models.checks import quantity
from hardware_models.provenance import KINDS, MARKS


def test_the_ideal_chip_has_nothing_turned_on() -> None:
    chip = chip_from_table({})
    assert chip == load_preset("ideal").chip
    assert not any((chip.noise, chip.mismatch, chip.railed, chip.saturating, chip.comparator.auto_zero))
    assert not any((chip.hold.present, chip.controller.output_stage.present))
    assert chip.draw([2, 3], lambda _: pytest.fail("drew"), tau_soma=chip.time_base) is None


def test_a_table_changes_what_it_names_and_nothing_else() -> None:
    chip = chip_from_table(
        {
            "name": "subthreshold_180nm",
            "seed": 7,
            "soma": {"capacitance": "2 pF", "coupling": {"tail": {"width": "20 um"}}},
            "comparator": {"auto_zero": False},
        }
    )
    preset = load_preset("subthreshold_180nm").chip
    assert chip.seed == 7
    assert float(chip.soma.capacitance) == pytest.approx(2e-12, rel=1e-15, abs=0)
    assert float(chip.soma.coupling.tail.width) == pytest.approx(2e-5, rel=1e-15, abs=0)
    assert chip.soma.coupling.tail.length == preset.soma.coupling.tail.length
    assert chip.soma.coupling.pair == preset.soma.coupling.pair
    assert not chip.comparator.auto_zero
    assert chip.process == preset.process
    assert (chip.noise, chip.mismatch, chip.railed) == (True, True, True)


@pytest.mark.parametrize(
    ("table", "path", "hint"),
    [
        ({"name": "subthreshold_180"}, "name", "subthreshold_180nm"),
        ({"name": ["ideal"]}, "name", "ideal"),
        ({"name": {}}, "name", "known"),
        ({"name": 3}, "name", "known"),
        ({"tmperature": "3 K"}, "tmperature", "temperature"),
        ({"soma": {"capacitanc": "1 pF"}}, "soma.capacitanc", "capacitance"),
        ({"soma": {"coupling": {"tail": {"w": "1 um"}}}}, "soma.coupling.tail.w", "width"),
    ],
)
def test_unknown_names_are_answered_with_a_hint(table: dict[str, Any], path: str, hint: str) -> None:
    with pytest.raises(KeyError) as caught:
        chip_from_table(table)
    assert caught.value.args[0] == path
    assert hint in caught.value.args[2]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"voltage_unit": "0 V"}, "voltage_unit"),
        ({"voltage_unit": "-1 mV"}, "voltage_unit"),
        ({"voltage_unit": "1 nA"}, "voltage_unit"),
        ({"voltage_unit": 5}, "voltage_unit"),
        ({"voltage_unit": "1e308 kV"}, "voltage_unit"),
        ({"temperature": "-3 K"}, "temperature"),
        ({"time_base": "0 s"}, "time_base"),
        ({"current_unit": "0 A"}, "current_unit"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"noise": 1}, "noise"),
        ({"mismatch": "yes"}, "mismatch"),
        ({"soma": 3}, "soma"),
        ({"soma": {"capacitance": "0 pF"}}, "soma.capacitance"),
        ({"soma": {"slope_spread": 2}}, "soma.slope_spread"),
        ({"soma": {"slope_spread": float("nan")}}, "soma.slope_spread"),
        ({"soma": {"coupling": {"smallest_bias": "-1 A"}}}, "soma.coupling.smallest_bias"),
        ({"soma": {"coupling": {"pair": {"length": "0 um"}}}}, "soma.coupling.pair.length"),
        ({"process": {"n": {"kappa": 0}}}, "process.n.kappa"),
        ({"process": {"n": {"kappa": 1.1}}}, "process.n.kappa"),
        ({"process": {"n": {"kappa": float("nan")}}}, "process.n.kappa"),
        ({"process": {"p": {"kappa": "x"}}}, "process.p.kappa"),
        ({"process": {"n": {"a_vt_pair": "-1 mV*um"}}}, "process.n.a_vt_pair"),
        ({"process": {"p": {"a_beta_pair": "-1 um"}}}, "process.p.a_beta_pair"),
        ({"corner": "slow"}, "corner"),
        ({"temperature": "400 K"}, "temperature"),
        ({"tracking": 3}, "tracking"),
        ({"soma": {"coupling": {"attenuation": "4"}}}, "soma.coupling.attenuation"),
        ({"soma": {"capacitance": {"value": "1 pF"}}}, "soma.capacitance"),
        ({"soma": {"coupling": {"part": "lamp"}}}, "soma.coupling.part"),
        ({"controller": {"limit": "0 V"}}, "controller.limit"),
        ({"controller": {"offset_residue": -0.1}}, "controller.offset_residue"),
        ({"comparator": {"auto_zero": "no"}}, "comparator.auto_zero"),
    ],
)
def test_wrong_values_are_named_by_their_path(table: dict[str, Any], key: str) -> None:
    with pytest.raises(QuantityError) as caught:
        chip_from_table(table)
    assert caught.value.key == key


@pytest.mark.parametrize("value", ["3 mV", 3, None, [1, 2] * mvolt, float("nan") * volt, float("inf") * volt])
def test_fields_take_one_finite_quantity(value: Any) -> None:
    """From Python, too: no number without a unit, no array, no text."""
    with pytest.raises(QuantityError, match="voltage_unit"):
        Chip(voltage_unit=value)


def test_chips_that_differ_in_the_last_digit_differ() -> None:
    assert Chip(voltage_unit=30 * mvolt) == Chip()
    assert hash(Chip(voltage_unit=30 * mvolt)) == hash(Chip())
    assert Chip(voltage_unit=30 * (1 + 1e-15) * mvolt) != Chip()


def test_bounds_are_named_together() -> None:
    check = quantity(0 * volt, above=-1, least=0)
    with pytest.raises(QuantityError, match="finite and above -1 and at least 0"):
        check(None, attrs.fields(Chip).voltage_unit, -2 * volt)


@pytest.mark.parametrize(
    ("table", "tau_ratio", "key"),
    [
        ({"soma": {"capacitance": "1 uF"}}, 0.2, "soma.coupling.pair"),
        ({"soma": {"capacitance": "10 fF"}, "time_base": "1e3 s"}, 0.2, "soma.coupling"),
        ({"time_base": "1e6 s"}, 0.2, "soma.coupling"),
        ({"controller": {"capacitance": "1 uF"}}, 0.2, "controller.coupling.pair"),
        ({"current_unit": "100 uA"}, 0.2, "basal.coupling.pair"),
    ],
)
def test_a_bias_out_of_range_names_the_part_and_the_source(
    table: dict[str, Any], tau_ratio: float, key: str
) -> None:
    chip = chip_from_table({"name": "subthreshold_180nm", **table})
    tau = tau_ratio * chip.time_base
    with pytest.raises(ChipError) as caught:
        chip.draw([2, 3], lambda _: np.random.default_rng(0), tau_soma=tau)
    assert caught.value.key == key
    number = chip.numbers[caught.value.limit]
    assert number.source in caught.value.expected
    assert f"[{number.mark}]" in caught.value.expected


def test_a_device_smaller_than_the_process_allows_names_the_source() -> None:
    with pytest.raises(ChipError) as caught:
        chip_from_table({"synapse": {"mirror": {"length": "0.1 um"}}})
    assert caught.value.key == "synapse.mirror.length"
    assert "process.n.smallest_length" in caught.value.expected
    assert "GF180MCU" in caught.value.expected


def test_noise_asks_for_a_bias_in_range_too() -> None:
    chip = chip_from_table({"noise": True, "soma": {"capacitance": "1 uF"}})
    with pytest.raises(ChipError) as caught:
        chip.soma_noise_current(chip.time_base)
    assert caught.value.key.startswith("soma.")
    chip = chip_from_table({"noise": True, "current_unit": "100 uA"})
    with pytest.raises(ChipError) as caught:
        chip.apical_noise(chip.time_base, chip.time_base)
    assert caught.value.key.startswith("apical.")


def test_a_supply_without_room_between_the_rails_is_refused() -> None:
    table = {"name": "subthreshold_180nm", "process": {"supply": "3.6 V"}, "supply": "1.2 V"}
    with pytest.raises(ChipError, match="room between the rails"):
        chip_from_table(table)
    chip = chip_from_table({"name": "subthreshold_180nm", "supply": "1.6 V"})
    assert float(chip.rail(chip.soma)) == pytest.approx(0.2, rel=1e-12)


@pytest.mark.parametrize("name", preset_names())
def test_every_number_of_a_preset_says_what_it_is(name: str) -> None:
    preset = load_preset(name)
    assert preset.title
    assert preset.chip.name == name
    for path, number in preset.numbers.items():
        assert number.mark in MARKS, path
        assert number.kind in KINDS, path
        assert number.source, path
        assert number.mark != "spec", path
        if isinstance(number.value, Quantity | float):
            assert float(number.low) <= float(number.value) <= float(number.high), path


OWN = """
title = "a chip of my own"
based_on = "subthreshold_180nm"

[sources]
lab = "measured in our lab, lot 7"

[chip.soma]
capacitance = { value = "2 pF", mark = "R", source = "lab", range = ["1 pF", "3 pF"], kind = "design" }
"""


def write(tmp_path: Path, text: str) -> dict[str, Any]:
    (tmp_path / "mine.toml").write_text(text)
    return {"file": "mine.toml"}


def test_a_chip_of_ones_own_is_a_file_of_the_same_form(tmp_path: Path) -> None:
    preset = preset_from_table(write(tmp_path, OWN), folder=tmp_path)
    assert preset.name == "mine"
    assert preset.numbers["soma.capacitance"].source == "measured in our lab, lot 7"
    assert float(preset.chip.soma.capacitance) == pytest.approx(2e-12)
    assert preset.chip.process == load_preset("subthreshold_180nm").chip.process
    with pytest.raises(QuantityError, match=r"1 pF to 3 pF \(measured in our lab"):
        preset_from_table({"file": "mine.toml", "soma": {"capacitance": "4 pF"}}, folder=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        (', source = "lab"', "", "soma.capacitance.source", "no source"),
        ('source = "lab"', 'source = "lib"', "soma.capacitance.source", "unknown source"),
        (', mark = "R"', "", "soma.capacitance.mark", "no mark"),
        ('mark = "R"', 'mark = "Q"', "soma.capacitance.mark", "unknown mark"),
        (', kind = "design"', "", "soma.capacitance.kind", "no kind"),
        (', range = ["1 pF", "3 pF"]', "", "soma.capacitance.range", "no range"),
        ("{ value", "{ worth", "soma.capacitance", "does not say where it is from"),
        ('based_on = "subthreshold_180nm"', "", "voltage_unit", "missing"),
        ('title = "a chip of my own"', 'title = "a chip', "file", "no TOML"),
        ('title = "a', 'titel = "a', "titel", "unknown key"),
        ("[chip.soma]", "[chips.soma]", "chips", "unknown key"),
        ('based_on = "subthreshold_180nm"', 'based_on = "nowhere"', "based_on", "no such chip"),
    ],
)
def test_a_number_without_its_source_is_no_chip(
    tmp_path: Path, old: str, new: str, key: str, message: str
) -> None:
    assert old in OWN
    with pytest.raises(PresetError) as caught:
        preset_from_table(write(tmp_path, OWN.replace(old, new)), folder=tmp_path)
    assert caught.value.key == key
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["1 pF", "3 pF"]', '["3 pF", "1 pF"]'),
        ('["1 pF", "3 pF"]', '["1 pF"]'),
        ('["1 pF", "3 pF"]', '["1 pF", "3 s"]'),
        ('["1 pF", "3 pF"]', '["3 pF", "4 pF"]'),
        ('value = "2 pF"', "value = 2"),
    ],
)
def test_values_and_ranges_of_a_file_are_checked(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(QuantityError) as caught:
        preset_from_table(write(tmp_path, OWN.replace(old, new)), folder=tmp_path)
    assert caught.value.key.startswith("soma.capacitance")


@pytest.mark.parametrize(
    "table", [{"file": "none.toml"}, {"file": "."}, {"file": 3}, {"file": "mine.toml", "name": "ideal"}]
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, table: dict[str, Any]) -> None:
    write(tmp_path, OWN)
    with pytest.raises(PresetError):
        preset_from_table(table, folder=tmp_path)


@pytest.mark.parametrize(
    "text", [OWN.replace("capacitance", "capacitence"), OWN.replace("kind =", "kin = 1, kind =")]
)
def test_unknown_keys_of_a_file_are_answered_with_a_hint(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyError) as caught:
        preset_from_table(write(tmp_path, text), folder=tmp_path)
    assert "did you mean" in caught.value.args[2]
