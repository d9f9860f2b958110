"""Chips from tables: what is changed, what stays, and how a wrong key or value is named."""

from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import Quantity, mvolt, nS, pfarad, volt

from hardware_models import PRESETS, Chip, ChipError, QuantityError, chip_from_table
from hardware_models.checks import quantity
from hardware_models.compartment import Soma
from hardware_models.variability import Process, Transconductor, Transistor


def test_the_ideal_chip_has_nothing_turned_on() -> None:
    chip = chip_from_table({})
    assert chip == Chip() == PRESETS["ideal"]
    assert not any((chip.noise, chip.mismatch, chip.railed, chip.comparator.auto_zero))
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
    preset = PRESETS["subthreshold_180nm"]
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
        ({"soma": {"coupling": {"smallest": "-1 S"}}}, "soma.coupling.smallest"),
        ({"soma": {"coupling": {"pair": {"length": "0 um"}}}}, "soma.coupling.pair.length"),
        ({"process": {"kappa": 0}}, "process.kappa"),
        ({"process": {"kappa": 1.1}}, "process.kappa"),
        ({"process": {"kappa": float("nan")}}, "process.kappa"),
        ({"process": {"kappa": "x"}}, "process.kappa"),
        ({"process": {"a_vt_pair": "-1 mV*um"}}, "process.a_vt_pair"),
        ({"process": {"a_beta_pair": "-1 um"}}, "process.a_beta_pair"),
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


def test_no_mismatch_is_a_process_without_constants() -> None:
    process = Process(a_vt_pair=0 * mvolt * Transistor().width, a_beta_pair=0 * Transistor().width)
    chip = Chip()
    assert process.sigma_log_current(Transistor(), chip.current_unit, chip.temperature) == 0


def test_bounds_are_named_together() -> None:
    check = quantity(0 * volt, above=-1, least=0)
    with pytest.raises(QuantityError, match="finite and above -1 and at least 0"):
        check(None, attrs.fields(Chip).voltage_unit, -2 * volt)


@pytest.mark.parametrize(
    ("table", "tau_ratio", "part"),
    [
        ({"soma": {"capacitance": "1 uF"}}, 0.2, "soma"),
        ({"soma": {"capacitance": "1e-9 fF"}}, 0.2, "soma"),
        ({}, 1e-4, "soma"),
        ({"time_base": "1e9 s"}, 0.2, "soma"),
        ({"controller": {"capacitance": "1 uF"}}, 0.2, "controller"),
    ],
)
def test_a_bias_out_of_range_names_the_part(table: dict[str, Any], tau_ratio: float, part: str) -> None:
    chip = chip_from_table({"name": "subthreshold_180nm", **table})
    tau = tau_ratio * chip.time_base
    with pytest.raises(ChipError, match=rf"{part}: .*outside"):
        chip.draw([2, 3], lambda _: np.random.default_rng(0), tau_soma=tau)


def test_noise_asks_for_a_bias_in_range_too() -> None:
    chip = Chip(noise=True, soma=Soma(capacitance=1e6 * pfarad))
    with pytest.raises(ChipError, match="soma: "):
        chip.soma_noise_current(chip.time_base)
    with pytest.raises(ChipError, match="apical: "):
        chip.apical_noise(chip.time_base, 0 * chip.time_base)
    narrow = attrs.evolve(chip.apical, coupling=Transconductor(largest=1 * nS))
    with pytest.raises(ChipError, match="apical: "):
        attrs.evolve(chip, apical=narrow).apical_noise(chip.time_base, chip.time_base)


def test_the_range_of_a_transconductor_includes_its_ends() -> None:
    part, chip = Transconductor(smallest=1 * nS, largest=2 * nS), Chip()
    for good in (1 * nS, 2 * nS):
        assert isinstance(part.bias(good, chip.process, chip.temperature), Quantity)
    for bad in (0.999 * nS, 2.001 * nS):
        with pytest.raises(ValueError, match="outside"):
            part.bias(bad, chip.process, chip.temperature)
