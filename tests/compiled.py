"""C++ of a test's own in the test's process, compiled as emulations are."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

from neurosim.backend.compiler import DEFINES, FLAGS, compiler_command


def shared_library(source: Path, target: Path, *, compiling: list[str], linking: list[str]) -> ctypes.CDLL:
    """Linked without -ffast-math: with it, loading would round every subnormal number of this process to 0."""
    compiler, body = compiler_command().split(), target.with_suffix(".o")
    defines = [f"-D{name}={value}" for name, value in DEFINES]
    subprocess.run(
        [*compiler, *FLAGS, *defines, *compiling, "-fPIC", "-c", str(source), "-o", str(body)], check=True
    )
    subprocess.run([*compiler, "-shared", str(body), *linking, "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))
