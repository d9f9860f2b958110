"""The C++ compiler: what is there, with which flags it is called, and what it says when it fails."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from neurosim.errors import CompileError

FLAGS = (
    "-w",
    "-O3",
    "-ffast-math",
    "-fno-finite-math-only",  # NaN must stay visible to the guard
    "-march=native",
    "-std=c++11",
    *(("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()),
)
"""Brian2's own for gcc, and the widest vectors there are: tanh is most of a small net's time."""

DEFINES = (("__FAST_MATH__", "1"),)
"""Lets glibc's vector tanh and exp be used although NaN is kept (-fno-finite-math-only hides it)."""


def compiler_command() -> str:
    """The C++ compiler: $CXX, which may hold arguments, or g++."""
    return os.environ.get("CXX", "").strip() or "g++"


def missing_tools() -> list[str]:
    """Which of compiler and make are not found."""
    return [tool for tool in (_words(compiler_command())[0], "make") if shutil.which(tool) is None]


def check_tools() -> None:
    """Raise CompileError where the compiler or make is missing."""
    missing = missing_tools()
    if missing:
        raise CompileError(
            f"{' and '.join(missing)} not found",
            where="C++ backend",
            expected="a C++ compiler (g++, or what CXX names) and make on the PATH",
            remedy="install g++ and make, or run with --backend numpy",
        )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote that is not closed
        return [command]


@lru_cache(maxsize=8)
def _identity(command: str) -> str:
    try:
        asked = [*_words(command), "--version"]
        version = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    except OSError:
        version = "none"
    try:
        cpu = next(
            x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith(("flags", "Features"))
        )
    except (OSError, StopIteration):
        cpu = platform.processor()
    return hashlib.sha256(f"{command}\n{version}\n{cpu}\n{platform.machine()}".encode()).hexdigest()


def compiler_identity() -> str:
    """Changes with the compiler, its version and the processor that -march=native sees."""
    return _identity(compiler_command())


def blas_paths() -> tuple[str, str, str]:
    """(include folder, library folder, library name) of the BLAS that projections are linked with."""
    import scipy_openblas32

    return (
        scipy_openblas32.get_include_dir(),
        scipy_openblas32.get_lib_dir(),
        scipy_openblas32.get_library(),
    )


def compile_project(folder: Path) -> None:
    """Run make in a generated project.

    Raises
    ------
    CompileError : the compiler failed; with its message and the folder, which is kept.
    """
    jobs = str(len(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["make", "-j", jobs, f"CXX={compiler_command()}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        (folder / "compiler.log").write_text(done.stdout + done.stderr)
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["make failed"]
        raise CompileError(
            "the compiler failed",
            where=str(folder),
            got=lines[0].strip()[:300],
            remedy="the whole message is in compiler.log there; --backend numpy runs without a compiler",
        )
