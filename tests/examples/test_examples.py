"""The examples: short, with imports that resolve, and they run."""

from __future__ import annotations

import ast
import importlib
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from neurosim.io import read_result
from neurosim.spec import Spec

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
FIRST = next(path for path in EXAMPLES if path.name == "01_digits_on_two_chips.py")
SECOND = next(path for path in EXAMPLES if path.name == "02_digits_accuracy.py")
THIRD = next(path for path in EXAMPLES if path.name == "03_digits_on_every_chip.py")
FOURTH = next(path for path in EXAMPLES if path.name == "04_network_from_elsewhere.py")
CHIPS = ("ideal", "subthreshold_180nm")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_import_resolves_and_is_explicit(path: Path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                importlib.import_module(name.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for name in node.names:
                assert name.name != "*"
                assert hasattr(module, name.name), f"{node.module}.{name.name}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short(path: Path):
    assert len(path.read_text().splitlines()) < 60


@pytest.mark.cpp
def test_the_fourth_example(tmp_path: Path):
    """The ideal chip computes what torch computes; cells miss a little of it, and their numbers are in the file."""
    done = subprocess.run([sys.executable, FOURTH], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first = {}
    for chip in ("ideal", "pcm_crossbar", "rram_crossbar"):
        result = read_result(tmp_path / "results" / f"from_elsewhere_{chip}.h5")
        first[chip] = result.learning["test_accuracy"].values[0]
        assert result.provenance["weights_format"] == "npz"
        assert ("weights_clipped" in result.provenance) == (chip != "ideal")
        assert f"{first[chip]:.2%}" in done.stdout
    assert first["ideal"] > 0.95
    assert all(0.8 < first[chip] < first["ideal"] for chip in ("pcm_crossbar", "rram_crossbar"))


@pytest.mark.cpp
def test_the_third_example_on_less_work(tmp_path: Path):
    """One chip of one preset, one epoch of 64 samples: three ways of getting its weights, numbers and picture."""
    out = tmp_path / "chips"
    less = ["--chips", "1", "--epochs", "1", "--samples", "64", "--presets", "board_opamp", "--out", str(out)]
    command = [sys.executable, THIRD, *less]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.with_suffix(".json").read_text())["presets"]
    assert set(found["board_opamp"]) == {"put on", "put on, 2 epochs", "learned"}
    assert all(0 <= values[0] <= 100 for values in found["board_opamp"].values())
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads(out.with_suffix(".json").read_text())
    kept["presets"]["board_opamp"]["learned"] = [12.5]
    out.with_suffix(".json").write_text(json.dumps(kept))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "12.5" in again.stdout, "what is there is not computed again"


@pytest.mark.cpp
def test_the_second_example_on_less_work(tmp_path: Path):
    """One seed, one epoch of 64 samples: a line for every method and rate, and the numbers kept."""
    kept = tmp_path / "numbers.json"
    less = ["--seeds", "1", "--epochs", "1", "--samples", "64", "--json", str(kept)]
    done = subprocess.run([sys.executable, SECOND, *less], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(kept.read_text())
    assert set(found) == {"BP", "DFC-fixed, ideal", "DFC-fixed, subthreshold_180nm"}
    values = [value for rates in found.values() for seeds in rates.values() for value in seeds]
    assert len(values) == len(done.stdout.splitlines()) == 10
    assert all(0 <= value <= 100 for value in values)


def test_the_first_example_on_less_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The script as it stands, with specs cut to one epoch of 64 samples and no compiler found."""
    import neurosim.spec

    read = neurosim.spec.read_spec

    def read_less(path: Path, **options: Any) -> Spec:
        spec = read(path, **options)
        return attrs.evolve(
            spec,
            task=attrs.evolve(spec.task, train_samples=64, test_samples=32),
            run=attrs.evolve(spec.run, epochs=1, verify_samples=2),
        )

    monkeypatch.setattr("neurosim.spec.read_spec", read_less)
    monkeypatch.setattr("neurosim.backend.compiler_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FIRST), run_name="__main__")
    assert ended.value.code == 0
    _assert_left(tmp_path / "results", epochs=1)


@pytest.mark.slow
def test_the_first_example_as_it_is(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(FIRST.parents[1])}
    run = subprocess.run(
        [sys.executable, str(FIRST)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    _assert_left(tmp_path / "results", epochs=30)
    for chip in CHIPS:
        accuracy = (
            read_result(tmp_path / "results" / f"digits_{chip}.h5").learning["test_accuracy"].values[-1]
        )
        assert accuracy > 0.9  # a linear map of the pixels gets 93 % right, chance 10 %


def _assert_left(folder: Path, *, epochs: int) -> None:
    assert (folder / "digits.png").stat().st_size > 10_000
    for chip in CHIPS:
        result = read_result(folder / f"digits_{chip}.h5")
        assert result.status.good
        assert result.verified
        assert len(result.learning["train_loss"].values) == epochs
