"""A compiler that is missing or fails: its message, its folder, and the way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurosim.backend.compiler import FLAGS
from neurosim.backend.cuda_tools import gpu_architecture
from tests.cli.conftest import Cli, assert_refused


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build cache of the test's own."""
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _compiler(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _folder_named(err: str) -> Path:
    found = re.match(r"neurosim: (\S+): the compiler failed", err)
    assert found, err
    return Path(found[1])


@pytest.mark.cpp
@pytest.mark.parametrize("command", ["run", "verify"])
def test_a_compiler_that_fails(cli: Cli, spec: Path, tmp_path: Path, cache: Path, monkeypatch, command: str):
    monkeypatch.setenv("CXX", str(_compiler(tmp_path, "echo 'main.cpp:1: error: boom' >&2; exit 1")))
    outcome = cli(command, spec, "--backend", "cpp", "--quiet")
    assert_refused(outcome, "the compiler failed", "error: boom", "compiler.log", "--backend numpy")
    folder = _folder_named(outcome.err)
    assert folder.is_relative_to(cache)
    assert "error: boom" in (folder / "compiler.log").read_text()
    assert (folder / "main.cpp").exists()
    assert (
        " ".join(FLAGS) in (folder / "makefile").read_text()
    )  # none is left out for what this compiler says
    assert cli(command, spec).status == 0  # and numpy still works in the same process


@pytest.mark.cpp
def test_a_compiler_that_fails_without_a_word(cli: Cli, spec: Path, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    outcome = cli("run", spec, "--backend", "cpp", "--quiet")
    assert_refused(outcome, "the compiler failed", "got: ")
    assert _folder_named(outcome.err).is_dir()


@pytest.mark.parametrize("command", ["/nonexistent", "no such compiler", "'"])
def test_a_missing_compiler(cli: Cli, spec: Path, cache: Path, monkeypatch, command: str):
    monkeypatch.setenv("CXX", command)
    outcome = cli("run", spec, "--backend", "cpp", "--quiet")
    assert_refused(outcome, "not found", "CXX", "--backend numpy")
    assert not cache.exists()  # nothing was generated in vain


def test_a_missing_make(cli: Cli, spec: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CXX", str(_compiler(tmp_path, "exit 0")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_refused(cli("run", spec, "--backend", "cpp", "--quiet"), "make not found", "install g++ and make")


def test_a_cache_that_cannot_be_made(cli: Cli, spec: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("CXX", str(_compiler(tmp_path, "exit 0")))
    outcome = cli("run", spec, "--backend", "cpp", "--quiet")
    assert_refused(outcome, "the build cache cannot be written", "NEUROSIM_CACHE")


@pytest.mark.cpp
def test_cxx_may_hold_arguments(cli: Cli, spec: Path, tmp_path: Path, monkeypatch):
    compiler = _compiler(tmp_path, 'echo "error: called with $1" >&2; exit 1')
    monkeypatch.setenv("CXX", f"{compiler} -mine")
    assert_refused(cli("run", spec, "--backend", "cpp", "--quiet"), "error: called with -mine")


def test_cuda_without_a_gpu_says_so(
    cli: Cli, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("brian2cuda", reason="Brian2CUDA has no release for this Python")
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    gpu_architecture.cache_clear()
    outcome = cli("run", spec, "--backend", "cuda", "--out", str(tmp_path / "a.h5"), "--quiet")
    gpu_architecture.cache_clear()
    assert_refused(outcome, "no GPU found", "--backend cpp")
    assert not (tmp_path / "a.h5").exists()
