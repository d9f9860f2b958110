"""`neurosim cost`: a table, JSON and a picture of the same numbers, and what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from neurosim.learning import METHODS
from tests.cli.conftest import Cli, assert_refused

SPECS = Path(__file__).parents[2] / "examples" / "specs"
CHIP = SPECS / "digits_chip.toml"
ROUNDING = 1e-12
"""Sums of a dozen numbers in double precision; JSON keeps all digits."""


def test_the_table_names_parts_sums_and_what_is_left_out(cli: Cli):
    outcome = cli("cost", CHIP)
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].startswith("subthreshold_180nm, DFC-fixed, 64-32-32-10: a presentation takes 9 ms")
    for part in ("somata", "synapses", "controllers", "auto-zero holds", "DAC (8 bits)", "total"):
        assert any(line.startswith(part) for line in lines)
    for words in ("assumed: mean |rate|", "not counted: what stores the weights", "energy a weight update"):
        assert words in outcome.out


def test_json_holds_rows_that_sum_to_the_total(cli: Cli):
    outcome = cli("cost", CHIP, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    total = document["total"]
    for name in ("power_W", "energy_per_presentation_J", "area_m2", "energy_high_J"):
        assert total[name] == pytest.approx(sum(row[name] for row in document["rows"]), rel=ROUNDING)
    assert total["energy_per_presentation_J"] == pytest.approx(
        total["power_W"] * document["time_s"], rel=ROUNDING
    )
    assert document["time_s"] == pytest.approx(9e-3, rel=ROUNDING)
    assert document["weight_updates"] == 3392 + 74


def test_options_of_the_spec_and_of_its_own_count(cli: Cli):
    def power(*options: str) -> float:
        return float(json.loads(cli("cost", CHIP, "--json", *options).out)["total"]["power_W"])

    plain = power()
    assert power("--set", "chip.supply=3.6 V") > plain
    assert power("--activity", "0.1") < plain
    assert power("--dac-bits", "0") < plain
    assert power("--adc-bits", "10") > plain
    assert power("--set", "network.layers=[64, 64, 10]") != plain
    assert power("--seed", "2") != plain  # other weights


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_picture_is_drawn_and_is_the_same_each_time(cli: Cli, tmp_path: Path, name: str, start: bytes):
    for _ in range(2):
        path = tmp_path / name
        before = path.read_bytes() if path.exists() else None
        outcome = cli("cost", CHIP, "--plot", path)
        assert (outcome.status, outcome.err) == (0, "")
        assert path.read_bytes().startswith(start)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_spec_that_ships_has_a_cost(cli: Cli, path: Path):
    outcome = cli("cost", path)
    assert (outcome.status, outcome.err) == (0, "")


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.dynamical])
def test_methods_without_dynamics_are_refused(cli: Cli, method: str):
    outcome = cli("cost", CHIP, "--set", f"method.name={method}")
    assert_refused(outcome, "digits_chip.toml", f"{method} has no dynamics", "method.name", "one of DI")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--activity", "-1"], "activity"),
        (["--activity", "inf"], "activity"),
        (["--dac-bits", "3"], "dac_bits"),
        (["--adc-bits", "-1"], "adc_bits"),
        (["--plot", "a.jpg"], ".png or .svg or .pdf"),
        (["--plot", "nowhere/a.png"], "no such folder"),
        (["--set", "chip.time_base=1e6 s"], "chip.soma.coupling"),
        (["--set", "chip.name=no_chip"], "no such chip"),
        (["--activity", "x"], "--activity"),
    ],
)
def test_what_cannot_work_is_refused(cli: Cli, options: list[str], said: str):
    assert_refused(cli("cost", CHIP, *options), said)
