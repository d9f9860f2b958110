"""Generated CUDA projects as programs of this processor: what they compute is tested where there is no GPU."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from neurosim.backend.compiler import SINGLE, blas_paths, compiler_command
from neurosim.backend.cuda import generate
from neurosim.backend.units import put_together
from neurosim.equations import Model

_HEADER = Path(__file__).with_name("cuda_on_cpu.h")
_STANDS_FOR = (
    "cuda.h",
    "cuda_runtime.h",
    "cuda_profiler_api.h",
    "cublas_v2.h",
    "curand.h",
    "curand_kernel.h",
    "thrust/host_vector.h",
    "thrust/device_vector.h",
    "thrust/system_error.h",
)
_NO_SYNAPSES = "#include <fstream>\n#include <iostream>\nusing namespace std;\n"
"""What Brian2CUDA's header of queues of spikes leaves of use: there are none."""
_LAUNCH = re.compile(r"(\w+)<<<(.+?),\s*([^,]+?)>>>\(")
_MAKEFILE = """\
OBJS = {objects}
main: $(OBJS)
\t{compiler} $(OBJS) -o main {linked}
on_cpu.h.gch: on_cpu.h
\t{compiler} {flags} -x c++-header $< -o $@
%.o: %.cu on_cpu.h.gch
\t{compiler} {flags} -include on_cpu.h -x c++ -c $< -o $@
"""


def shim_text() -> str:
    """All that a program depends on beside its Model and what generates it."""
    return _HEADER.read_text() + Path(__file__).read_text()


def build_on_cpu(model: Model) -> Callable[[Path], None]:
    """What makes the program of a Model in a folder."""

    def build(folder: Path) -> None:
        manifest = generate(model, folder)
        for path in (*folder.rglob("*.cu"), *folder.glob("neurosim_*.h")):
            path.write_text(_LAUNCH.sub(r"ON_CPU(\1, \2, \3)(", path.read_text()))
        shutil.copy(_HEADER, folder / "on_cpu.h")
        for name in _STANDS_FOR:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text('#include "on_cpu.h"\n')
        (folder / "synapses_classes.h").write_text(_NO_SYNAPSES)
        include, place, library = blas_paths()
        defines = [f"-D{name}={value}" for name, value in (SINGLE if model.precision == "float32" else ())]
        flags = ["-w", "-O1", "-std=c++17", *defines, "-I.", f"-I{include}"]
        (folder / "makefile").write_text(
            _MAKEFILE.format(
                objects=" ".join(
                    str(Path(source).with_suffix(".o")) for source in put_together(folder, "cu")
                ),
                compiler=compiler_command(),
                flags=" ".join(flags),
                linked=f"-L{place} -Wl,-rpath,{place} -l{library}",
            )
        )
        done = subprocess.run(["make", "-j", "2"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return build
