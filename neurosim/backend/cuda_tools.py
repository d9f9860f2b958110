"""What a CUDA project needs of a machine: Brian2CUDA, nvcc, the headers and libraries it includes and links, a GPU."""

from __future__ import annotations

import importlib.util
import os
import shutil
import site
import subprocess
import sysconfig
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import attrs

from neurosim.errors import CompileError

BRIAN2CUDA = "brian2cuda==1.0a7"
"""Tried with Brian2 2.9; it asks for 2.8, so it is installed without what it asks for."""
ARCHITECTURE = "90"
"""Compute capability ×10 that is compiled for where no GPU says another: an H100's."""
_HEADERS = {
    "cuda_runtime.h": "CUDA's toolkit",
    "curand_kernel.h": "nvidia-curand",
    "cublas_v2.h": "nvidia-cublas",
}
_LIBRARIES = {
    "libcudart.so": "CUDA's toolkit",
    "libcurand.so": "nvidia-curand",
    "libcublas.so": "nvidia-cublas",
}


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
    """Compute capability ×10 of the first GPU; None: there is none."""
    asked = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = said.stdout.split() if said.returncode == 0 else []
    return found[0].replace(".", "") if found and found[0].replace(".", "").isdigit() else None


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
        files = sorted(path for path in folder.glob(pattern) if "stub" not in path.name)
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
