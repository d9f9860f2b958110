"""neurosim show: what it prints and draws of a result, and of one without anything."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from neurosim.io import read_result, write_result
from neurosim.result import Result
from tests.cli.conftest import Cli, assert_refused


def test_every_array_has_a_line(cli: Cli, finished) -> None:
    outcome = cli("show", finished[0])
    assert outcome.status == 0, outcome.err
    result = read_result(finished[0])
    for name in (*result.connectivity, *result.learning, *(f"layer_1/{v}" for v in result.traces["layer_1"])):
        assert f"  {name} " in outcome.out
    assert "6 × 64" in outcome.out
    assert "subthreshold_180nm" in outcome.out
    assert "after 1 epochs" in outcome.out
    assert "NaN" not in outcome.out


def test_the_numbers_are_those_of_the_file(cli: Cli, finished) -> None:
    document = json.loads(cli("show", finished[0], "--json").out)
    weights = read_result(finished[0]).connectivity["input_to_layer_1"].weights
    row = next(row for row in document["arrays"] if row["name"] == "input_to_layer_1")
    assert row["shape"] == [6, 64]
    assert row["summary"]["least"] == weights.min()
    assert row["summary"]["mean"] == pytest.approx(weights.mean(), rel=1e-12)
    assert document["facts"]["status"] == "done"


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.pdf"])
def test_it_draws(cli: Cli, finished, tmp_path: Path, name: str) -> None:
    assert cli("show", finished[0], "--plot", tmp_path / name, "--threshold", "0.1").status == 0
    assert (tmp_path / name).stat().st_size > 10_000


def test_results_with_nothing_and_with_no_numbers(cli: Cli, finished, tmp_path: Path) -> None:
    write_result(Result(spec="", seed=0, backend="cpp"), tmp_path / "empty.h5")
    result = read_result(finished[0])
    name, first = next(iter(result.connectivity.items()))
    for file, value in (("wild.h5", 1e308), ("lost.h5", np.nan)):
        lost = attrs.evolve(first, weights=np.full_like(first.weights, value))
        write_result(attrs.evolve(result, connectivity={name: lost}), tmp_path / file)
    for file in ("empty.h5", "wild.h5", "lost.h5"):
        outcome = cli("show", tmp_path / file, "--plot", tmp_path / f"{file}.png")
        assert outcome.status == 0, outcome.err
        assert (tmp_path / f"{file}.png").exists()
    assert "100 % NaN" in outcome.out


def test_what_it_refuses(cli: Cli, finished, spec: Path, tmp_path: Path) -> None:
    assert_refused(cli("show", spec), "no HDF5 file")
    assert_refused(cli("show", tmp_path / "none.h5"), "none.h5")
    assert_refused(cli("show", finished[0], "--threshold", "nan"), "--threshold")
    assert_refused(cli("show", finished[0], "--plot", "a.bmp"), "no such picture format")
