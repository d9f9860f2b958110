"""The scripts that reproduce the papers: their quick form runs to its end, draws every figure and keeps its numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "frompapers"
SCRIPTS = sorted(FOLDER.glob("*_20*.py"))
SMALLEST_PICTURE = 10_000
"""Bytes; an empty figure is smaller."""
LESS = {"Meulemans_2021": ("--epochs", "1", "--train", "128", "--pretrain", "2")}
"""What the quick form of a script gets beside it."""


def _run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER.parents[1],
    )


def test_there_is_one_for_each_paper() -> None:
    assert [path.stem for path in SCRIPTS] == ["Bengio_2020", "Meulemans_2021", "Podlaski_2020"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_quick_form_runs(script: Path, tmp_path: Path) -> None:
    """One seed, and less of what takes longest. A second run finds everything kept and says the same."""
    quick = ("--quick", "--seeds", "1", "--out", str(tmp_path), *LESS.get(script.stem, ()))
    first = _run(script, *quick)
    assert first.returncode == 0, first.stderr
    figures = sorted((tmp_path / "figures").glob("*.png"))
    assert figures
    assert all(path.stat().st_size > SMALLEST_PICTURE for path in figures)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results
    again = _run(script, *quick)
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "results.json").read_text()) == results


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("wrong", [("--only", "figure_99"), ("--seeds", "0"), ("--zzz",)])
def test_bad_use_is_answered_in_a_line(script: Path, wrong: tuple[str, ...], tmp_path: Path) -> None:
    answer = _run(script, "--out", str(tmp_path), *wrong)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
