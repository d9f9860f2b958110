"""A small spec, the command line in this process and in one of its own, and one finished run to share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from neurosim.cli import main

SMALL = """
[network]
layers = [64, 6, 10]

[method]
target_stepsize = 0.8

[task]
name = "digits"
train_samples = 32
test_samples = 16

[run]
batch = 16
epochs = 1
settle_duration = 2.0
learn_duration = 2.0
verify_samples = 0
backend = "numpy"
"""
"""Two presentations of 200 steps: a tenth of a second."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a command left."""

    status: int
    out: str
    err: str


Cli = Callable[..., Outcome]


def assert_refused(outcome: Outcome, *parts: str, status: int = 2) -> None:
    """It ended with `status`, printed nothing to standard output, and said `parts` in at most five lines."""
    assert outcome.status == status, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("neurosim: ")
    assert len(outcome.err.splitlines()) <= 5, outcome.err
    for part in parts:
        assert part in outcome.err, outcome.err


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written into the checkout, and no data set of the user's is found."""
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """cli("run", spec, …): the command line in this process."""

    def run(*arguments: Any) -> Outcome:
        capfd.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            status = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Outcome(status=status, out=out, err=err)

    return run


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The small spec as a file."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def start(*arguments: Any, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "neurosim.cli", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], *, timeout: float = 120) -> Outcome:
    """Wait for it."""
    out, err = process.communicate(timeout=timeout)
    return Outcome(status=process.returncode, out=out, err=err)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A result file and what was printed, of a run on a noisy chip with a part's key changed, verified."""
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "spec.toml"
    chip = '\n[chip]\nname = "subthreshold_180nm"\nseed = 3\n\n[chip.soma]\ncapacitance = "2 pF"\n'
    path.write_text(SMALL.replace("verify_samples = 0", "verify_samples = 2") + chip)
    process = start("run", path, "--out", "a.h5", "--json", folder=folder, PYTHONHASHSEED="1")
    return folder / "a.h5", finish(process)
