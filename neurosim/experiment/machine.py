"""What this machine can do: engines, BLAS, the build cache, CUDA's tools, data sets. Tries, and does not guess."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import attrs

from neurosim.backend.cache import cache_state
from neurosim.backend.compiler import missing_tools, try_compiler
from neurosim.backend.cuda_tools import configure
from neurosim.errors import NeurosimError
from neurosim.io.datasets.image_sets import IMAGE_SETS, find_files

PACKAGES = ("brian2", "numpy", "scipy", "torch", "h5py", "scipy-openblas32")
GOOD, MISSING, BROKEN = "good", "missing", "broken"
"""Missing is what neurosim works without; broken is what is there and does not do what it should."""
_PATIENCE = 20.0
"""Seconds for a tool to say its version (chosen)."""


@attrs.frozen(kw_only=True)
class Finding:
    """About one thing."""

    name: str
    state: str
    """good, missing or broken."""
    found: str
    remedy: str = ""


def look_around() -> list[Finding]:
    """Everything that neurosim can use, each tried by itself."""
    return [_python(), _numpy_engine(), _cpp_engine(), _cache(), *_cuda(), *_data_sets()]


def _python() -> Finding:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores"
    return Finding(
        name="python",
        state=GOOD,
        found=f"{platform.python_version()}, {cores}, {platform.machine()}; {packages}",
    )


def _numpy_engine() -> Finding:
    return Finding(name="numpy engine", state=GOOD, found="always there; needs no compiler")


def _cpp_engine() -> Finding:
    try:
        told = try_compiler()
    except NeurosimError as error:
        state = MISSING if missing_tools() else BROKEN
        return Finding(
            name="C++ engine",
            state=state,
            found=": ".join(filter(None, (error.what, error.got))),
            remedy=error.remedy,
        )
    return Finding(name="C++ engine", state=GOOD, found=told)


def _cache() -> Finding:
    state = cache_state()
    found = f"{state.folder}: {state.builds} builds, {state.size / 2**20:.0f} of {state.limit / 2**20:.0f} MB"
    if state.broken:
        found += f", and {state.broken} that no run uses: failed, damaged, or of an older version"
    above = next((path for path in (state.folder, *state.folder.parents) if path.exists()), Path("/"))
    if not (above.is_dir() and os.access(above, os.W_OK)):
        remedy = "set NEUROSIM_CACHE to a folder that you may write to"
        return Finding(name="build cache", state=BROKEN, found=f"{found}; not to be written", remedy=remedy)
    return Finding(name="build cache", state=GOOD, found=found)


def _cuda() -> list[Finding]:
    none = "the CUDA engine needs one; the others do without"
    try:
        cuda = configure()
        engine = Finding(
            name="CUDA engine", state=GOOD, found=f"{cuda.nvcc} for sm_{cuda.architecture}; cuBLAS, cuRAND"
        )
    except NeurosimError as error:
        found = ": ".join(filter(None, (error.what, error.got)))
        engine = Finding(name="CUDA engine", state=MISSING, found=found, remedy=error.remedy)
    return [
        engine,
        _asked(
            "GPU",
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            lambda said: "; ".join(said.splitlines()),
            none,
        ),
    ]


def _asked(name: str, command: list[str], read: Callable[[str], str], remedy: str) -> Finding:
    if shutil.which(command[0]) is None:
        return Finding(name=name, state=MISSING, found=f"{command[0]} not found", remedy=remedy)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE)
        return Finding(name=name, state=GOOD, found=read(done.stdout))
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        return Finding(name=name, state=BROKEN, found=f"{' '.join(command)}: {error}", remedy=remedy)


def _data_sets() -> list[Finding]:
    found = []
    for name, known in IMAGE_SETS.items():
        try:
            folder = next(iter(find_files(name).values())).parent
            found.append(Finding(name=name, state=GOOD, found=str(folder)))
        except NeurosimError:
            found.append(Finding(name=name, state=MISSING, found="files not found", remedy=known.remedy))
    return found
