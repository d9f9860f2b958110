"""Time steps that are too large and runs that diverge: said with step, time and layer; nothing is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from neurosim.io import read_result
from neurosim.result import DIVERGED, NOT_SETTLED
from tests.cli.conftest import Cli, assert_refused

WILD = ("--set", "network.hidden=linear", "--set", "method.learning_rate=1e6")
"""The first update is a million times too large: the second presentation diverges."""


@pytest.mark.parametrize("command", ["run", "verify"])
def test_a_step_too_large_is_refused_with_the_largest_that_works(cli: Cli, spec: Path, command: str):
    refused = cli(command, spec, "--set", "run.dt_ratio=0.5")
    assert_refused(refused, f"{spec}: run.dt_ratio: the time step is too large", "got: 0.5", status=3)
    found = re.search(r"expected: below (\S+)", refused.err)
    assert found
    largest = float(found[1])
    assert cli(command, spec, "--set", f"run.dt_ratio={0.9 * largest}").status == 0
    assert cli(command, spec, "--set", f"run.dt_ratio={1.01 * largest}").status == 3
    remedy = re.search(r"set run.dt_ratio to (\S+),", refused.err)
    assert remedy
    assert float(remedy[1]) < largest


@pytest.mark.parametrize("command", ["run", "verify"])
def test_a_night_with_steps_longer_than_a_lag_is_refused(cli: Cli, spec: Path, command: str):
    """An unstable loop has no largest step, but its soma has one: 2 τ_v."""
    changes = ("--set", "method.name=DFC", "--set", "method.sleep.dt_ratio=1")
    refused = cli(command, spec, "--quiet", *changes)
    assert_refused(refused, "method.sleep.dt_ratio", "expected: below", "got: 1", status=3)


def test_a_run_that_diverges_says_where_and_is_kept(cli: Cli, spec: Path, tmp_path: Path):
    outcome = cli("run", spec, "--quiet", "--out", tmp_path / "a.h5", *WILD)
    assert_refused(outcome, "diverged: soma of layer_", ", unit ", " in step ", " s)", status=3)
    assert len(outcome.err.splitlines()) == 1
    result = read_result(tmp_path / "a.h5")
    status = result.status
    assert status.kind == DIVERGED
    assert status.message in outcome.err
    # 200 steps a presentation, 20 µs each; the first one still has the weights from the start
    assert 200 <= status.step < 400
    assert status.time == pytest.approx(status.step * 20e-6)
    assert status.part in ("layer_1", "layer_2")
    assert all(np.isfinite(p.weights).all() for p in result.connectivity.values())


def test_a_diverged_run_does_not_print_like_a_good_one(cli: Cli, spec: Path):
    outcome = cli("run", spec, *WILD)
    assert outcome.status == 3
    assert "RUN FAILED: diverged" in outcome.out
    assert "neurosim: diverged" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_diverged_run_as_json(cli: Cli, spec: Path, tmp_path: Path):
    outcome = cli("run", spec, "--json", "--out", tmp_path / "a.h5", *WILD)
    document = json.loads(outcome.out)
    assert outcome.status == 3
    assert document["status"]["kind"] == "diverged"
    assert document["status"]["good"] is False
    assert document["status"]["part"].startswith("layer_")
    assert document["verified"] is None


@pytest.mark.parametrize("method", ["BP", "DFC-SSA-fixed"])
def test_methods_without_dynamics_diverge_too(cli: Cli, spec: Path, tmp_path: Path, method: str):
    wild = ("--set", "network.hidden=linear", "--set", "method.learning_rate=1e300")
    out = tmp_path / "a.h5"
    outcome = cli("run", spec, "--quiet", "--out", out, "--set", f"method.name={method}", *wild)
    assert_refused(outcome, "diverged: weights", "epoch 1", status=3)
    assert read_result(out).status.kind == DIVERGED


def test_a_loop_that_does_not_settle(cli: Cli, spec: Path, tmp_path: Path):
    out = tmp_path / "a.h5"
    outcome = cli("run", spec, "--quiet", "--out", out, "--set", "run.learn_duration=0.05")
    assert_refused(outcome, "not settled: the integrators still move", status=3)
    assert read_result(out).status.kind == NOT_SETTLED
    assert "test_accuracy" in read_result(out).learning


@pytest.mark.parametrize("gain", ["1e200", "1e308"])
@pytest.mark.parametrize("command", ["run", "verify"])
def test_weights_beyond_all_bounds(cli: Cli, spec: Path, command: str, gain: str):
    """Whatever it is called, it is no success and no crash."""
    changes = (f"network.initial_gain={gain}", "network.hidden=linear")
    outcome = cli(command, spec, *(part for change in changes for part in ("--set", change)))
    assert outcome.status in (1, 3)
    assert "Traceback" not in outcome.err
