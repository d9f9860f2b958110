"""neurosim budget: tables, JSON, picture and file; what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurosim.io import read_result
from tests.cli.conftest import Cli, assert_refused

REAL = ("--set", "chip.name=subthreshold_180nm")


@pytest.mark.parametrize("words", [[], ["--json"], ["--quiet"]])
def test_what_it_prints(cli: Cli, spec: Path, words: list[str]):
    outcome = cli("budget", spec, *REAL, "--chips", 0, "--samples", 2, *words)
    assert outcome.status == 0
    if words == ["--json"]:
        document = json.loads(outcome.out)
        assert set(document["signals"]) == {"output", "displacement_1", "displacement_2", "update"}
        assert document["signals"]["update"]["offset"]["angle"] > 0
        assert "emulated_spread" not in document["signals"]["update"]["offset"]
    elif words == ["--quiet"]:
        assert outcome.out == ""
    else:
        assert "fix first: soma: offset" in outcome.out


def test_picture_and_file(cli: Cli, spec: Path, tmp_path: Path):
    """With three emulated chips, on numpy."""
    picture, file = tmp_path / "a.png", tmp_path / "a.h5"
    outcome = cli(
        "budget", spec, *REAL, "--chips", 3, "--samples", 1, "--plot", picture, "--out", file, "--json"
    )
    assert outcome.status == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads(read_result(file).provenance["chip_numbers"])["time_base"] == "1 ms"
    found = read_result(file).budget["update"]["offset"]
    assert (
        json.loads(outcome.out)["signals"]["update"]["offset"]["emulated_spread"] == found["emulated_spread"]
    )


def test_what_it_refuses(cli: Cli, spec: Path, tmp_path: Path):
    assert_refused(cli("budget", spec), "no imperfections", 'chip.name = "subthreshold_180nm"')
    assert_refused(cli("budget", spec, *REAL, "--set", "method.name=DI"), "no controller", "DFC-fixed")
    assert_refused(cli("budget", spec, *REAL, "--chips", -1), "--chips", "a whole number >= 0")
    for age in ("-1", "nan", "inf"):
        assert_refused(cli("budget", spec, *REAL, "--age", age), "--age", "at least 0")
    old = ("--set", "chip.name=rram_crossbar", "--chips", 0, "--age", 200_000)
    assert_refused(cli("budget", spec, *old), "older than was measured", "172800 s")
    assert_refused(cli("budget", spec, *REAL, "--samples", 0), "--samples", "a whole number >= 1")
    assert_refused(cli("budget", spec, *REAL, "--plot", "a.xyz"), "no such picture format")
    assert_refused(cli("budget", spec, *REAL, "--out", tmp_path / "no" / "a.h5"), "no such folder")
