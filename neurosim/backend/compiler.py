"""The C++ compiler: what is there, with which flags it is called, and what it says when it fails."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
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
    *(("-mprefer-vector-width=512", "-mrecip=none") if platform.machine() in ("x86_64", "AMD64") else ()),
)
"""Brian2's own for gcc, the widest vectors there are, and square roots of 24 bits that are rounded as they should be:
noise is made of them, and every engine has to make the same."""

DEFINES = (("__FAST_MATH__", "1"),)
"""Lets glibc's vector tanh and exp be used although NaN is kept (-fno-finite-math-only hides it)."""

SINGLE = (("NEUROSIM_SINGLE", "1"),)
"""Of programs in single precision."""


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


_TRIED = """
#include <cblas.h>
#include <cmath>
#include <cstdio>
extern "C" char* scipy_openblas_get_config();
int main(int count, char**)
{
    double a[4] = {1, 2, 3, 4}, b[4] = {1, 0, 0, 1}, c[4] = {0, 0, 0, 0};
    scipy_cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 2, 2, 2, count, a, 2, b, 2, 0, c, 2);
    if (std::fabs(c[3] - 4 * count) > 1e-12) return 1;
    std::printf("%s", scipy_openblas_get_config());
    return 0;
}
"""


def try_compiler() -> str:
    """Compile, link and run a small program as emulations are; what compiler and BLAS say of themselves.

    Raises
    ------
    CompileError : something is missing or fails, with what it said.
    """
    check_tools()
    include, libraries, library = blas_paths()
    words = _words(compiler_command())
    with tempfile.TemporaryDirectory(prefix="neurosim-try-") as name:
        source, program = Path(name) / "tried.cpp", Path(name) / "tried"
        source.write_text(_TRIED)
        defines = [f"-D{key}={value}" for key, value in DEFINES]
        linked = [f"-I{include}", f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
        _tried([*words, *FLAGS, *defines, str(source), *linked, f"-l{library}", "-o", str(program)])
        blas = _tried([str(program)])
    return f"{_tried([*words, '--version']).splitlines()[0]}; {blas.strip()}"


def _tried(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CompileError("cannot be run", where=command[0], got=str(error)) from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [
            f"exit status {done.returncode}"
        ]
        raise CompileError(
            "does not compile and run what an emulation needs",
            where=command[0],
            got=said[0].strip()[:300],
            remedy="install g++ and make (CXX names another compiler), or run with --backend numpy",
        )
    return done.stdout


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
