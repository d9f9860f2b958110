"""`neurosim doctor`: what works, what is missing, what is broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neurosim.backend import cuda_tools
from tests.cli.conftest import Cli


def found(cli: Cli, *, status: int = 0) -> dict[str, Any]:
    outcome = cli("doctor", "--json")
    assert outcome.status == status, outcome
    return dict(json.loads(outcome.out))


@pytest.mark.cpp
def test_a_machine_with_a_compiler_is_well(cli: Cli) -> None:
    outcome = cli("doctor")
    assert outcome.status == 0
    for words in ("numpy engine", "C++ engine", "OpenBLAS", "build cache", "brian2 2", "mnist"):
        assert words in outcome.out
    assert found(cli)["C++ engine"]["state"] == "good"


def test_a_compiler_that_is_not_there_is_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler -O3")
    engine = found(cli)["C++ engine"]
    assert engine["state"] == "missing"
    assert "no-such-compiler not found" in engine["found"]
    assert "--backend numpy" in engine["remedy"]


def test_a_missing_make_is_missing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the compiler is there."""
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\nexit 0\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = found(cli)["C++ engine"]
    assert (engine["state"], engine["found"]) == ("missing", "make not found")


def test_a_compiler_that_fails_is_broken(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false")
    assert found(cli, status=1)["C++ engine"]["state"] == "broken"


def test_what_cuda_lacks_is_named_and_nothing_fails(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that a machine does without."""
    pytest.importorskip("brian2cuda", reason="Brian2CUDA has no release for this Python")
    monkeypatch.setattr(cuda_tools, "_toolkits", lambda: [tmp_path])
    engine = found(cli)["CUDA engine"]
    assert engine["state"] == "missing"
    assert engine["found"] == f"nvcc not found: not in {tmp_path}"
    assert "CUDA_PATH" in engine["remedy"]


def test_a_cache_that_cannot_be_written_is_broken(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "file" / "cache"))
    cache = found(cli, status=1)["build cache"]
    assert cache["state"] == "broken"
    assert "NEUROSIM_CACHE" in cache["remedy"]


def test_tools_that_break_off_are_broken(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that does not fit its GPU makes nvidia-smi fail."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert found(cli, status=1)["GPU"]["state"] == "broken"
