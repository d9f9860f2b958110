"""The CUDA engine: a Model made by Brian2CUDA's standalone device, its dense operations by cuBLAS; a program of its own
that is given files and leaves files as the C++ engine's does."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from neurosim.backend.cache import build_key
from neurosim.backend.compiler import SINGLE, compile_project, compiler_command
from neurosim.backend.cpp import ENDLESS_STEPS, CppEmulator
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
from neurosim.equations.model import Model

FLAGS = ("-w", "-O3", "-std=c++17", "-rdc=true")
"""Of nvcc. No fast maths: NaN must stay visible to the guard, and states equal to those of the other engines."""


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
    from brian2 import get_device, second

    with _standalone(folder):
        from neurosim.backend.brian import build_network, precision_of
        from neurosim.backend.dense_cpp import manifest_of
        from neurosim.backend.dense_cuda import CudaTarget, given_code, left_code

        with precision_of(model):
            built = build_network(model, CudaTarget())
            built.network.run(ENDLESS_STEPS * model.dt * second, namespace={})
            device = get_device()
            device.headers += ['"neurosim_arrays.h"', '"neurosim_cuda.h"']
            device.insert_code("before_start", _START)
            device.insert_code("after_start", given_code(built.groups))
            device.insert_code("before_end", left_code(built.groups))
            device.build(directory=str(folder), compile=False, run=False, direct_call=False)
            manifest = {
                "model": model.hash,
                "arrays": {reference: rest for reference, *rest in manifest_of(built.groups)},
            }
    for kind in ("cpp", "cuda"):
        for header in (Path(__file__).parent / "templates" / kind).glob("neurosim_*.h"):
            shutil.copy(header, folder / header.name)
    return manifest


def _makefile(model: Model, folder: Path, cuda: Cuda) -> str:
    sources = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.cu"))
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
    linked = [*cuda.libraries, *(f"-Xlinker -rpath={place}" for place in places)]
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


@contextmanager
def _standalone(folder: Path) -> Iterator[None]:
    """Brian2CUDA's device, which is to look for nothing on this machine, and the preferences taken back afterwards."""
    import brian2cuda  # noqa: F401 - registers its device
    from brian2 import prefs
    from brian2.devices.device import get_device, reset_device, set_device

    backend = "devices.cuda_standalone.cuda_backend"
    wanted: dict[str, Any] = {
        f"{backend}.detect_gpus": False,
        f"{backend}.gpu_id": 0,
        f"{backend}.compute_capability": int(ARCHITECTURE) / 10,
        f"{backend}.detect_cuda": False,
        f"{backend}.cuda_path": "/usr/local/cuda",
        f"{backend}.cuda_runtime_version": 13.0,
        "codegen.cpp.extra_compile_args_gcc": [],
    }
    before = {name: prefs[name] for name in wanted}
    logging.getLogger("brian2.devices.cuda_standalone").setLevel(logging.WARNING)
    set_device("cuda_standalone", build_on_run=False, directory=str(folder))
    try:
        for name, value in wanted.items():
            prefs[name] = value
        get_device().reinit()
        get_device().activate(build_on_run=False, directory=str(folder))
        yield
    finally:
        get_device().reinit()
        reset_device()
        for name, value in before.items():
            prefs[name] = value
