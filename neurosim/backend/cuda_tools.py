"""What a CUDA project needs of a machine: Brian2CUDA, nvcc, the headers and libraries it includes and links, a GPU."""

from __future__ import annotations

import importlib.util
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import attrs

from neurosim.errors import CompileError

BRIAN2CUDA = "brian2cuda==1.0a7" if sys.version_info < (3, 12) else "brian2cuda==1.0b1"
"""That of Python 3.11 was tried with Brian2 2.9; it asks for 2.8, so it is installed without what it asks for."""
ARCHITECTURE = "90"
"""Compute capability ×10 that is compiled for where no GPU says another: an H100's."""
_HEADERS = {
    "cuda_runtime.h": "CUDA's toolkit",
    "curand_kernel.h": "nvidia-curand",
    "cublas_v2.h": "nvidia-cublas",
}
_LIBRARIES = {"libcurand.so": "nvidia-curand", "libcublas.so": "nvidia-cublas"}
"""Beside the runtime, which nvcc links by itself."""


@attrs.frozen(kw_only=True)
class Cuda:
    """Of this machine."""

    nvcc: str
    includes: tuple[str, ...]
    libraries: tuple[str, ...]
    """Files to link with, as they are called here."""
    architecture: str
    """Compute capability ×10."""

    @property
    def identity(self) -> str:
        """Changes with all of it and the compiler's version."""
        version = subprocess.run([self.nvcc, "--version"], capture_output=True, text=True, check=False).stdout
        return f"{self}\n{version}"


def check_generator() -> None:
    """Raise CompileError where Brian2CUDA is missing."""
    if importlib.util.find_spec("brian2cuda") is None:
        raise CompileError(
            "Brian2CUDA not found",
            where="CUDA backend",
            expected="the package brian2cuda, which makes CUDA of Brian2's equations",
            remedy=f"python -m pip install --no-deps {BRIAN2CUDA}, or run with --backend cpp",
        )


def configure() -> Cuda:
    """All that compiling takes.

    Raises
    ------
    CompileError : something is missing, with what provides it.
    """
    check_generator()
    roots = _toolkits()
    nvcc = next((str(root / "bin" / "nvcc") for root in roots if (root / "bin" / "nvcc").is_file()), None)
    if nvcc is None or shutil.which("make") is None:
        raise _missing(
            "nvcc" if nvcc is None else "make", "CUDA's toolkit" if nvcc is None else "make", roots
        )
    packaged = _packages()
    includes = [
        _found(name, [*_in(roots, "include"), *_in(packaged, "include")], _HEADERS[name]) for name in _HEADERS
    ]
    libraries = [
        _found(f"{name}*", [*_in(roots, "lib64", "lib"), *_in(packaged, "lib")], _LIBRARIES[name])
        for name in _LIBRARIES
    ]
    return Cuda(
        nvcc=nvcc,
        includes=tuple(dict.fromkeys(str(path.parent) for path in includes)),
        libraries=tuple(map(str, libraries)),
        architecture=gpu_architecture() or ARCHITECTURE,
    )


def check_gpu() -> None:
    """Raise CompileError where no GPU answers."""
    if gpu_architecture() is None:
        raise CompileError(
            "no GPU found",
            where="CUDA backend",
            expected="a GPU of NVIDIA's that nvidia-smi tells of",
            remedy="run on a machine that has one, or with --backend cpp",
        )


@lru_cache(maxsize=1)
def gpu_architecture() -> str | None:
    """Compute capability ×10 of the GPU that programs run on; None: there is none."""
    found = _told("compute_cap").replace(".", "")
    return found if found.isdigit() else None


def gpu_free_bytes() -> int:
    """What that GPU's memory has left; without end where it does not say."""
    found = _told("memory.free")
    return int(found) * 2**20 if found.isdigit() else 1 << 62


ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
"""Of a program's environment: GPUs are counted as nvidia-smi counts them."""


def _told(question: str) -> str:
    """By nvidia-smi of the first GPU that programs of this process see; empty: nothing."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    asked = ["nvidia-smi", f"--id={first}", f"--query-gpu={question}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = said.stdout.split("\n") if said.returncode == 0 else [""]
    return lines[0].strip()


_PATIENCE = 20.0
"""s that a driver may take to answer."""


def _toolkits() -> list[Path]:
    """Folders that may hold a toolkit, the one that was asked for first."""
    named = [os.environ[name] for name in ("CUDA_PATH", "CUDA_HOME") if os.environ.get(name)]
    on_path = shutil.which("nvcc")
    if on_path:
        named.append(str(Path(os.path.realpath(on_path)).parent.parent))
    return [Path(name) for name in dict.fromkeys([*named, "/usr/local/cuda", "/opt/cuda"])]


def _packages() -> list[Path]:
    """Folders of NVIDIA's Python packages: nvidia/cu13, nvidia/cublas, …"""
    places = dict.fromkeys([sysconfig.get_paths()["purelib"], *site.getsitepackages(), *_search_path()])
    return [folder for place in places for folder in sorted(Path(place).glob("nvidia/*")) if folder.is_dir()]


def _search_path() -> list[str]:
    return [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]


def _in(roots: Sequence[Path], *names: str) -> list[Path]:
    return [root / name for root in roots for name in names]


def _found(pattern: str, folders: Sequence[Path], provider: str) -> Path:
    for folder in folders:
        files = sorted(folder.glob(pattern))
        if files:
            return files[0]
    raise _missing(pattern.rstrip("*"), provider, folders)


def _missing(name: str, provider: str, folders: Sequence[Path]) -> CompileError:
    package = provider.startswith("nvidia-")
    return CompileError(
        f"{name} not found",
        where="CUDA backend",
        expected=f"{name} of {provider}",
        got=f"not in {', '.join(map(str, folders[:4]))}{', …' if len(folders) > 4 else ''}",
        remedy=f"{f'python -m pip install {provider}' if package else f'install {provider} (CUDA_PATH says where)'}, "
        "or run with --backend cpp",
    )
