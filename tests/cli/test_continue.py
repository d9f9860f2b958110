"""`neurosim run --from RESULT.h5`: after a kill, for more epochs, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import h5py
import numpy as np
import pytest

from neurosim.io import read_result
from neurosim.result import Result
from tests.cli.conftest import Cli, assert_refused, finish, start
from tests.same import assert_same

TIMES = ("wall_seconds", "build_seconds")


def _without_times(result: Result) -> Result:
    return attrs.evolve(
        result,
        provenance={key: value for key, value in result.provenance.items() if key not in TIMES},
        learning={key: value for key, value in result.learning.items() if key not in TIMES},
    )


def test_a_killed_run_goes_on_as_if_it_had_never_stopped(cli: Cli, spec: Path, tmp_path: Path) -> None:
    process = start("run", spec, "--out", "a.h5", "--set", "run.epochs=100000", folder=tmp_path)
    assert process.stderr is not None
    next(line for line in process.stderr if "epoch 3 of" in line)
    process.kill()
    finish(process)
    killed = read_result(tmp_path / "a.h5")
    assert killed.checkpoint is not None
    epochs = f"run.epochs={killed.checkpoint.epochs + 2}"
    assert cli("run", "--from", tmp_path / "a.h5", "--set", epochs, "--quiet").status == 0
    assert cli("run", spec, "--set", epochs, "--out", tmp_path / "b.h5", "--quiet").status == 0
    assert_same(
        _without_times(read_result(tmp_path / "a.h5")), _without_times(read_result(tmp_path / "b.h5"))
    )


@pytest.mark.slow
def test_fifty_kills_at_random_moments_change_nothing(cli: Cli, spec: Path, tmp_path: Path) -> None:
    """Each time the file opens, holds all that the run had told of but the epoch under way, and the run goes on."""
    draws, path, first = np.random.default_rng(5), tmp_path / "a.h5", [spec, "--out", tmp_path / "a.h5"]
    reached = 0
    for _ in range(50):
        given = ["--from", path] if path.exists() else first
        process = start("run", *given, "--set", "run.epochs=100000", folder=tmp_path)
        assert process.stderr is not None
        told = 0
        for _ in range(int(draws.integers(1, 4))):
            line = next(line for line in process.stderr if line.startswith("epoch "))
            told = int(line.split()[1])
        time.sleep(draws.uniform(0, 0.3))
        process.kill()
        finish(process)
        if not path.exists():
            assert told <= 1
            continue
        killed = read_result(path)
        assert killed.checkpoint is not None
        assert killed.checkpoint.epochs >= max(told - 1, reached)
        reached = killed.checkpoint.epochs
    assert reached > 25
    epochs = f"run.epochs={reached + 1}"
    assert cli("run", "--from", path, "--set", epochs, "--quiet").status == 0
    assert cli("run", spec, "--set", epochs, "--out", tmp_path / "b.h5", "--quiet").status == 0
    assert_same(_without_times(read_result(path)), _without_times(read_result(tmp_path / "b.h5")))


def test_the_file_gone_on_from_is_kept_if_another_is_named(cli: Cli, finished, tmp_path: Path) -> None:
    """Its chip is noisy and has a key of its own changed; its spec lies in another folder."""
    path, _ = finished
    before = path.read_bytes()
    outcome = cli("run", "--from", path, "--set", "run.epochs=2", "--out", tmp_path / "on.h5", "--quiet")
    assert outcome.status == 0, outcome.err
    assert path.read_bytes() == before
    first, on = read_result(path), read_result(tmp_path / "on.h5")
    np.testing.assert_array_equal(
        on.learning["test_loss"].values[:2], first.learning["test_loss"].values, strict=True
    )
    assert on.provenance["spec_source"] == first.provenance["spec_source"]


def test_either_a_spec_or_a_result(cli: Cli, spec: Path, finished) -> None:
    assert_refused(cli("run"), "nothing to run", "SPEC or --from")
    assert_refused(cli("run", spec, "--from", finished[0]), "one too many", "SPEC or --from")


def test_results_that_are_none(cli: Cli, spec: Path, tmp_path: Path) -> None:
    assert_refused(cli("run", "--from", tmp_path / "none.h5"), "none.h5")
    assert_refused(cli("run", "--from", spec), "small.toml", "no HDF5 file")


def test_a_finished_run_and_another_run(cli: Cli, finished) -> None:
    path, _ = finished
    assert_refused(cli("run", "--from", path), "nothing is left", "a.h5: run.epochs", "--set run.epochs=2")
    changed = cli("run", "--from", path, "--set", "run.batch=8", "--set", "run.epochs=2")
    assert_refused(changed, "a.h5: run.batch", "expected: 16", "got: 8")
    other = cli("run", "--from", path, "--set", "chip.seed=4", "--set", "run.epochs=2")
    assert_refused(other, "a.h5: chip.seed", "expected: 3", "got: 4")


@pytest.mark.parametrize(
    "place", ["checkpoint/wander", "checkpoint/biases", "connectivity/input_to_layer_1/device"]
)
def test_a_file_with_something_missing_names_it(cli: Cli, finished, tmp_path: Path, place: str) -> None:
    path = tmp_path / "cut.h5"
    path.write_bytes(finished[0].read_bytes())
    with h5py.File(path, "r+") as file:
        group = file[place]
        for name in list(group):
            del group[name]
    before = path.read_bytes()
    outcome = cli("run", "--from", path, "--set", "run.epochs=2", "--quiet")
    assert_refused(outcome, f"cut.h5: /{place.removesuffix('/biases')}")
    assert path.read_bytes() == before
