"""Commands, options, overrides, output paths and data that cannot work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurosim.backend import Stimulus
from neurosim.errors import DataError
from neurosim.io import Dataset
from tests.cli.conftest import Cli, Outcome, assert_refused, finish, start


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["runn", "a.toml"], "invalid choice: 'runn'"),
        (["run"], "either SPEC or --from"),
        (["verify"], "required: SPEC"),
        (["run", "a.toml", "--outt", "a"], "--outt"),
        (["run", "a.toml", "--backend", "gpu"], "invalid choice: 'gpu'"),
        (["run", "a.toml", "--seed", "x"], "--seed"),
        (["verify", "a.toml", "--tolerance", "x"], "--tolerance"),
        (["equations", "a.toml", "--quiet"], "--quiet"),
    ],
)
def test_unknown_commands_and_options(cli: Cli, arguments: list[str], said: str):
    assert_refused(cli(*arguments), said, "remedy: see `neurosim")


def test_help_and_version(cli: Cli):
    assert cli("--version").out.startswith("neurosim ")
    for command in ("run", "verify", "equations"):
        outcome = cli(command, "--help")
        assert (outcome.status, outcome.err) == (0, "")
        assert "SPEC" in outcome.out


@pytest.mark.parametrize(
    "override", ["epochs=1", "run.epochs", "=3", "run.=3", ".epochs=3", "run..epochs=3", ""]
)
def test_bad_overrides(cli: Cli, spec: Path, override: str):
    assert_refused(cli("run", spec, "--set", override), "--set: bad override", "expected: table.key=value")


def test_an_override_below_a_number(cli: Cli, spec: Path):
    assert_refused(cli("run", spec, "--set", "run.epochs.a=1"), "--set: epochs is no table")


@pytest.mark.parametrize("seed", ["-1", str(2**63), str(2**64), "9" * 4000])
def test_seeds_that_do_not_fit(cli: Cli, spec: Path, seed: str):
    assert_refused(cli("run", spec, "--seed", seed), "run.seed: bad value", ">= 0 and < 2^63")


@pytest.mark.parametrize("tolerance", ["0", "-1", "nan", "inf"])
def test_bad_tolerances(cli: Cli, spec: Path, tolerance: str):
    assert_refused(
        cli("verify", spec, "--tolerance", tolerance), "--tolerance: bad value", "a finite number > 0"
    )


def test_outputs_that_cannot_be_written(cli: Cli, spec: Path, tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    assert_refused(cli("run", spec, "--out", tmp_path / "file" / "a.h5"), "file/a.h5: cannot be written")
    assert_refused(
        cli("run", spec, "--out", tmp_path), "cannot be written", "expected: a file", "got: a folder"
    )
    assert_refused(cli("run", spec, "--out", tmp_path / "no" / "a.h5"), "no such folder", "remedy")
    outcome = cli("run", spec, "--out", tmp_path / "a.h5", "--plot", tmp_path / "file" / "a.png")
    assert_refused(outcome, "a.png: cannot be written")
    assert_refused(
        cli("run", spec, "--out", tmp_path / "a.h5", "--plot", "a.xyz"),
        "a.xyz: no such picture format",
        ".png",
    )
    assert not (tmp_path / "a.h5").exists()
    Path("results").write_text("a file where the folder should be")
    assert_refused(cli("run", spec), "results: cannot be made", "--out")
    assert (tmp_path / "file").read_text() == "mine"


def test_debug_shows_the_traceback(cli: Cli, spec: Path):
    with pytest.raises(DataError):
        cli("run", spec, "--debug", "--set", "task.train_samples=5000")


def test_more_samples_than_there_are(cli: Cli, spec: Path):
    outcome = cli("run", spec, "--set", "task.train_samples=5000")
    assert_refused(outcome, "task.train_samples of digits", "at most 1437", "got: 5000")


@pytest.fixture
def mnist(cli: Cli, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs MNIST with an empty home and the given folder of data."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))

    def run(folder: str) -> Outcome:
        changes = ("network.layers=[784, 10]", "task.name=mnist", f"task.folder={folder}")
        return cli("run", spec, *(part for change in changes for part in ("--set", change)))

    return run


def test_missing_mnist_tells_how_to_get_it(mnist, tmp_path: Path):
    outcome = mnist("")
    assert_refused(outcome, "mnist: files not found", "train-images-idx3-ubyte", str(tmp_path / "home"))
    assert "remedy: python -m neurosim.io.datasets.fetch" in outcome.err


def test_damaged_mnist_is_found_by_its_checksum(mnist, tmp_path: Path):
    for part, count in (("train", 60000), ("t10k", 10000)):
        images = (0x803).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        labels = (0x801).to_bytes(4, "big") + count.to_bytes(4, "big")
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(images + bytes(count * 784))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(labels + bytes(count))
    outcome = mnist(str(tmp_path))
    assert_refused(outcome, "train-images-idx3-ubyte", "expected: sha256 ba89", "got: ", "remedy: delete it")


GOOD = {"inputs": np.zeros((4, 3)), "desired": np.zeros((4, 2)), "order": np.zeros((2, 2), np.int32)}
BAD = {
    "NaN": {"inputs": np.full((4, 3), np.nan)},
    "infinity": {"desired": np.full((4, 2), np.inf)},
    "one dimension": {"inputs": np.zeros(4)},
    "wrong type": {"inputs": np.zeros((4, 3), complex)},
    "wrong length": {"desired": np.zeros((5, 2))},
    "outside": {"order": np.array([[0, 4]], np.int32)},
    "negative": {"order": np.array([[0, -1]], np.int32)},
}


@pytest.mark.parametrize("change", BAD)
def test_stimuli_that_cannot_be_shown(change: str):
    with pytest.raises(DataError) as caught:
        Stimulus(**{**GOOD, **BAD[change]})
    assert len(caught.value.report().splitlines()) <= 5


def test_a_data_set_with_nan_never_reaches_a_run(cli: Cli, spec: Path, monkeypatch: pytest.MonkeyPatch):
    def load(_: object) -> Dataset:
        inputs, desired = np.zeros((4, 64)), np.zeros((4, 10))
        bad = inputs.copy()
        bad[2, 5] = np.nan
        return Dataset(
            name="digits", train_inputs=bad, train_desired=desired, test_inputs=inputs, test_desired=desired
        )

    monkeypatch.setitem(__import__("neurosim.io.datasets.load", fromlist=["LOADERS"]).LOADERS, "digits", load)
    assert_refused(cli("run", spec), "digits: bad train_inputs", "finite numbers", "nan in row 2, column 5")


def test_messages_never_break_the_terminals_line(cli: Cli, spec: Path):
    outcome = cli("run", spec, "--set", 'chip.name="a\\nb\\u001b[31m\\u202e"')
    assert_refused(outcome, "no such chip")
    assert "\x1b" not in outcome.err
    assert "\u202e" not in outcome.err


def test_a_process_of_its_own_says_and_returns_the_same(tmp_path: Path, spec: Path):
    outcome = finish(start("run", spec, "--set", "run.epoch=1", folder=tmp_path))
    assert_refused(outcome, 'unknown key "run.epoch"', 'did you mean "epochs"?')


def test_a_reader_that_goes_away_is_no_error(spec: Path):
    command = (
        f"{sys.executable} -m neurosim.cli equations {spec} --set network.layers=[64,5,5,5,5,10] | head -n 1"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
    assert run.stdout.startswith("# time step")
    assert run.stderr == ""
