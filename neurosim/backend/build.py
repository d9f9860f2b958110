"""Which engine builds a Model: a table by name."""

from __future__ import annotations

from collections.abc import Callable

from neurosim.backend.emulator import Emulator
from neurosim.equations.model import Model


def _numpy(model: Model) -> Emulator:
    from neurosim.backend.runtime import NumpyEmulator

    return NumpyEmulator(model)


def _cpp(model: Model) -> Emulator:
    from neurosim.backend.cpp import CppEmulator

    return CppEmulator(model)


def _cuda(model: Model) -> Emulator:
    from neurosim.backend.cuda import CudaEmulator

    return CudaEmulator(model)


_ENGINES: dict[str, Callable[[Model], Emulator]] = {"numpy": _numpy, "cpp": _cpp, "cuda": _cuda}


def build_emulator(model: Model, backend: str) -> Emulator:
    """The Model on one engine, compiled or taken from the cache where the engine compiles."""
    return _ENGINES[backend](model)


def compiler_available() -> bool:
    """Whether a C++ compiler and make are found."""
    from neurosim.backend.compiler import missing_tools

    return not missing_tools()
