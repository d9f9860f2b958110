"""The CUDA engine: a Model made by Brian2CUDA's standalone device, its dense operations by cuBLAS; a program of its own
that is given files and leaves files as the C++ engine's does."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from neurosim.backend.cache import build_key
from neurosim.backend.compiler import SINGLE, compile_project, compiler_command
from neurosim.backend.cpp import CppEmulator
from neurosim.backend.cuda_tools import (
    ARCHITECTURE,
    Cuda,
    check_generator,
    check_gpu,
    configure,
    gpu_free_bytes,
)
from neurosim.backend.emulator import Progress, Recording
from neurosim.backend.memory import bytes_of_run, check_room
from neurosim.backend.stimulus import Stimulus
from neurosim.backend.units import put_together
from neurosim.equations.model import Model

FLAGS = ("-w", "-O3", "-std=c++17", "-rdc=true")
"""Of nvcc. No fast maths: NaN must stay visible to the guard, and states equal to those of the other engines."""


_BACKEND = "devices.cuda_standalone.cuda_backend"
_PREFERENCES = {
    f"{_BACKEND}.detect_gpus": False,
    f"{_BACKEND}.gpu_id": 0,
    f"{_BACKEND}.compute_capability": int(ARCHITECTURE) / 10,
    f"{_BACKEND}.detect_cuda": False,
    f"{_BACKEND}.cuda_path": "/usr/local/cuda",
    f"{_BACKEND}.cuda_runtime_version": 13.0,
    "codegen.cpp.extra_compile_args_gcc": [],
}
"""So that Brian2CUDA looks for nothing on this machine: its makefile, which needs what it would find, is replaced."""

_START = """std::cout.setstate(std::ios_base::failbit);  // Brian2CUDA tells of its own times there
std::signal(SIGINT, neurosim::ask_to_end);"""


class CudaEmulator(CppEmulator):
    """A Model compiled for a GPU. An interrupt ends a run after the presentation under way."""

    def run_together(
        self,
        stimuli: Sequence[Stimulus],
        *,
        values: Sequence[Mapping[str, ArrayLike]],
        outputs: Sequence[str],
        progress: Progress | None = None,
    ) -> list[Recording]:
        """See `CppEmulator`; MemoryShortage if the GPU's memory does not hold it."""
        data = sum(stimulus.inputs.nbytes + stimulus.desired.nbytes for stimulus in stimuli)
        check_room(
            data + sum(bytes_of_run(self.model, given, 0)[0] for given in values),
            where="GPU",
            remedy="lower run.batch or the chips at once, show fewer samples, or run with --backend cpp",
            free=gpu_free_bytes(),
        )
        return super().run_together(stimuli, values=values, outputs=outputs, progress=progress)

    def _check(self) -> None:
        check_generator()
        check_gpu()
        self._cuda: Cuda = configure()

    def _key(self) -> str:
        text = f"{build_key(self.model)}\n{FLAGS}\n{self._cuda.identity}\n{version('brian2cuda')}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _build(self, folder: Path) -> None:
        build(self.model, folder, self._cuda)


def build(model: Model, folder: Path, cuda: Cuda) -> None:
    """Generate and compile the project of a model, and leave only what runs."""
    manifest = generate(model, folder)
    (folder / "makefile").write_text(_makefile(model, folder, cuda))
    compile_project(folder)
    for path in folder.rglob("*.o"):
        path.unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def generate(model: Model, folder: Path) -> dict[str, Any]:
    """The sources alone, which takes neither nvcc nor a GPU.

    Raises
    ------
    CompileError : Brian2CUDA is missing.
    """
    check_generator()
    from neurosim.backend.dense_cuda import CudaTarget  # with it comes Brian2CUDA, and its device
    from neurosim.backend.project import write_project

    logging.getLogger("brian2.devices.cuda_standalone").setLevel(logging.WARNING)
    manifest = write_project(
        model,
        folder,
        device="cuda_standalone",
        target=CudaTarget(),
        preferences=_PREFERENCES,
        gpu=True,
        headers=("neurosim_arrays.h", "neurosim_cuda.h"),
        start=_START,
    )
    for kind in ("cpp", "cuda"):
        for header in (Path(__file__).parent / "templates" / kind).glob("neurosim_*.h"):
            shutil.copy(header, folder / header.name)
    return manifest


def _makefile(model: Model, folder: Path, cuda: Cuda) -> str:
    sources = put_together(folder, "cu")
    defines = [f"-D{name}={value}" for name, value in (SINGLE if model.precision == "float32" else ())]
    compiler, *arguments = shlex.split(compiler_command())
    host = [f"-ccbin {compiler}", *(f"-Xcompiler {argument}" for argument in arguments)]
    flags = [
        *host,
        *FLAGS,
        f"-arch=sm_{cuda.architecture}",
        *defines,
        "-I.",
        *(f"-I{path}" for path in cuda.includes),
    ]
    places = dict.fromkeys(str(Path(path).parent) for path in cuda.libraries)
    # nvcc itself does not take a library whose name goes on after .so
    linked = [f"-Xlinker {item}" for item in (*cuda.libraries, *(f"-rpath={place}" for place in places))]
    return "\n".join(
        [
            f"OBJS = {' '.join(source.removesuffix('.cu') + '.o' for source in sources)}",
            f"FLAGS = {' '.join(flags)}",
            "main: $(OBJS)",
            f"\t{cuda.nvcc} {' '.join(host)} -arch=sm_{cuda.architecture} $(OBJS) -o main {' '.join(linked)}",
            "%.o: %.cu",
            f"\t{cuda.nvcc} $(FLAGS) -c $< -o $@",
            "",
        ]
    )
