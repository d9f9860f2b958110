"""Ctrl-C and kill -9: what was finished stays readable, and the exit status says how it ended."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from neurosim.io import read_result
from neurosim.result import INTERRUPTED, Result
from tests.cli.conftest import Outcome, finish, start

LONG = ("--set", "run.epochs=100000")


def _wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stderr is not None
    for said in process.stderr:
        if line in said:
            return
    raise AssertionError(f"ended before it said {line!r}")


def _readable(path: Path, *, epochs: int) -> Result:
    """At least so many epochs are in the file, with weights."""
    result = read_result(path)
    assert len(result.learning["test_accuracy"].values) >= epochs + 1
    assert np.isfinite(result.learning["test_accuracy"].values[: epochs + 1]).all()
    assert np.isfinite(result.learning["train_loss"].values[:epochs]).all()
    assert all(np.isfinite(p.weights).all() for p in result.connectivity.values())
    return result


@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_an_interrupt_keeps_the_finished_epochs(spec: Path, tmp_path: Path, backend: str):
    process = start("run", spec, "--out", "a.h5", "--backend", backend, *LONG, folder=tmp_path)
    _wait_for(process, "epoch 3 of")
    process.send_signal(signal.SIGINT)
    outcome: Outcome = finish(process)
    assert outcome.status == 130
    assert "Traceback" not in outcome.err
    assert outcome.err.splitlines()[-1].startswith("neurosim: interrupted after")
    assert "what was finished is kept" in outcome.err
    assert "RUN FAILED: interrupted" in outcome.out
    result = _readable(tmp_path / "a.h5", epochs=2)
    assert result.status.kind == INTERRUPTED


def test_a_kill_leaves_the_last_checkpoint(spec: Path, tmp_path: Path):
    process = start("run", spec, "--out", "a.h5", *LONG, folder=tmp_path)
    _wait_for(process, "epoch 3 of")
    process.kill()
    assert finish(process).status == -signal.SIGKILL
    _readable(tmp_path / "a.h5", epochs=2)


def test_an_interrupt_while_compiling(spec: Path, tmp_path: Path):
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] || { touch "$0.started"; sleep 5; }\n')
    compiler.chmod(0o755)
    environment = {"CXX": str(compiler), "NEUROSIM_CACHE": str(tmp_path / "cache")}
    process = start("run", spec, "--backend", "cpp", "--out", "a.h5", folder=tmp_path, **environment)
    _wait_for(process, "building the emulation")
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.status == 130
    assert "neurosim: interrupted" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "a.h5").exists()
