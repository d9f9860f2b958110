"""Good runs: what is printed, what seeds change, and what the result file remembers."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from neurosim.io import read_result
from neurosim.result import Result
from neurosim.spec import read_spec
from tests.cli.conftest import Cli, Outcome

Finished = tuple[Path, Outcome]


def _same_weights(one: Result, other: Result) -> bool:
    return all(
        np.array_equal(one.connectivity[name].weights, other.connectivity[name].weights)
        for name in one.connectivity
    )


def test_json_is_all_of_standard_output(finished: Finished):
    path, outcome = finished
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    document = json.loads(outcome.out)
    assert document["status"] == {**document["status"], "kind": "done", "good": True}
    assert document["verified"] is True
    assert {"stability", "trajectory"} <= {check["name"] for check in document["checks"]}
    assert document["chip"] == "subthreshold_180nm"
    assert document["out"] == "a.h5"
    accuracy = read_result(path).learning["test_accuracy"].values[-1]
    assert document["final"]["test_accuracy"] == accuracy


def test_the_spec_in_the_result_is_the_spec_that_ran(finished: Finished, tmp_path: Path):
    path, _ = finished
    stored = tmp_path / "stored.toml"
    stored.write_text(read_result(path).spec)
    spec = read_spec(path.with_name("spec.toml"))
    assert read_spec(stored) == spec
    assert read_spec(stored).chip == {
        "name": "subthreshold_180nm",
        "seed": 3,
        "soma": {"capacitance": "2 pF"},
    }
    written = stored.read_text()
    for table in (spec.network, spec.method, spec.task, spec.run):
        for name, value in attrs.asdict(table).items():  # a table within a table has a heading of its own
            assert (f".{name}]" if isinstance(value, dict) else f"{name} = ") in written


def test_the_same_seed_gives_the_same_bits_in_every_process(cli: Cli, finished: Finished, tmp_path: Path):
    """Once in a process of its own with other hashes of strings, once in this one."""
    path, _ = finished
    changes = ("--set", "run.verify_samples=0")
    out = tmp_path / "b.h5"
    assert cli("run", path.with_name("spec.toml"), "--out", out, "--quiet", *changes).status == 0
    one, other = read_result(path), read_result(tmp_path / "b.h5")
    assert _same_weights(one, other)
    for name in ("train_loss", "test_loss", "test_accuracy"):
        assert np.array_equal(one.learning[name].values, other.learning[name].values)


@pytest.mark.parametrize("change", ["run.seed=2", "chip.seed=4"])
def test_another_seed_gives_another_run(cli: Cli, finished: Finished, tmp_path: Path, change: str):
    path, _ = finished
    out = tmp_path / "c.h5"
    changes = ("--set", change, "--set", "run.verify_samples=0")
    assert cli("run", path.with_name("spec.toml"), "--out", out, "--quiet", *changes).status == 0
    assert not _same_weights(read_result(path), read_result(out))


def test_seed_is_short_for_run_seed(cli: Cli, spec: Path, tmp_path: Path):
    results = []
    for number, options in enumerate((["--seed", "5"], ["--set", "run.seed=5"], ["--seed", "6"])):
        out = tmp_path / f"{number}.h5"
        assert cli("run", spec, "--out", out, "--quiet", *options).status == 0
        results.append(read_result(out))
    assert [result.seed for result in results] == [5, 5, 6]
    assert _same_weights(results[0], results[1])
    assert not _same_weights(results[0], results[2])


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_the_smallest_and_the_largest_seed_run(cli: Cli, spec: Path, seed: int):
    assert cli("run", spec, "--quiet", "--seed", seed, "--set", f"chip.seed={seed}").status == 0
    result = read_result("results/small.h5")
    assert result.seed == seed
    assert f"seed = {seed}" in result.spec


def test_quiet_prints_nothing(cli: Cli, spec: Path):
    outcome = cli("run", spec, "--quiet", "--plot", "a.png")
    assert outcome == Outcome(status=0, out="", err="")
    assert Path("results/small.h5").exists()
    assert Path("a.png").stat().st_size > 10_000


def test_a_plain_run_says_what_it_did(cli: Cli, spec: Path):
    outcome = cli("run", spec)
    assert outcome.status == 0
    assert "test accuracy" in outcome.out
    assert "result: results/small.h5" in outcome.out
    assert outcome.err.splitlines()[:2] == ["building the emulation", "epoch 1 of 1: 1 of 2"]


def test_an_epoch_short_of_one(cli: Cli, spec: Path):
    assert cli("run", spec, "--quiet", "--set", "run.epochs=0").status == 0
    assert len(read_result("results/small.h5").learning["test_accuracy"].values) == 1


def test_checks_that_fall_short_give_status_1(cli: Cli, spec: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("neurosim.experiment.trajectory.TRAJECTORY_TOLERANCE", 1e-30)
    outcome = cli("run", spec, "--quiet", "--set", "run.verify_samples=1")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err == "neurosim: checks fell short: trajectory\n"
    assert not read_result("results/small.h5").verified


def test_verify(cli: Cli, spec: Path):
    under_way = "building the emulation\nverifying\n"
    outcome = cli("verify", spec)
    assert (outcome.status, outcome.err) == (0, under_way)
    assert "checks passed" in outcome.out
    strict = cli("verify", spec, "--tolerance", "1e-30")
    assert (strict.status, strict.err) == (1, under_way)
    assert "VERIFICATION FELL SHORT" in strict.out
    silent = cli("verify", spec, "--tolerance", "1e-30", "--quiet")
    assert (silent.status, silent.out, silent.err) == (1, "", "")


def test_verify_as_json(cli: Cli, spec: Path):
    for options, status in (((), 0), (("--tolerance", "1e-30"), 1)):
        outcome = cli("verify", spec, "--json", *options)
        assert (outcome.status, outcome.err) == (status, "")
        document = json.loads(outcome.out)
        assert document["passed"] is (status == 0)
        assert document["facts"]["max_real_eigenvalue"] < 0
        short = [check["name"] for check in document["checks"] if check["gating"] and not check["passed"]]
        assert bool(short) == (status == 1)


def test_an_error_prints_no_json(cli: Cli, spec: Path):
    for command in ("run", "verify"):
        outcome = cli(command, spec, "--json", "--set", "run.epoch=1")
        assert (outcome.status, outcome.out) == (2, "")


def test_overrides(cli: Cli, spec: Path):
    changes = {"method.leak": "2e-3", "network.hidden": "sigmoid", "chip.soma.capacitance": "3 pF"}
    options = [part for key, value in changes.items() for part in ("--set", f"{key} = {value}")]
    assert cli("run", spec, "--quiet", *options).status == 0
    stored = Path("stored.toml")
    stored.write_text(read_result("results/small.h5").spec)
    read = read_spec(stored)
    assert (read.method.leak, read.network.hidden) == (2e-3, "sigmoid")
    assert read.chip["soma"] == {"capacitance": "3 pF"}
    assert read.run.backend == "numpy"
