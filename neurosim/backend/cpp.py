"""The C++ engine: a Model compiled once by Brian2's standalone device, then run as a program of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.backend.cache import build_key, cached_build
from neurosim.backend.compiler import DEFINES, FLAGS, SINGLE, blas_paths, check_tools, compile_project
from neurosim.backend.disk import written
from neurosim.backend.emulator import Progress, Recording, Stop, initial_values, record_sizes
from neurosim.backend.programs import Meeting, run_programs
from neurosim.backend.stimulus import KINDS, Stimulus
from neurosim.backend.units import put_together
from neurosim.equations.model import Model
from neurosim.errors import EngineError

GIVEN = "what a run is given"


class CppEmulator:
    """A compiled Model; each run is a process with a folder of its own, so runs may go on side by side."""

    def __init__(self, model: Model) -> None:
        self.model = model
        start = time.perf_counter()
        self._check()
        self._folder, built = cached_build(self._key(), self._build)
        self.build_seconds = time.perf_counter() - start if built else 0.0
        manifest = json.loads((self._folder / "manifest.json").read_text())
        self._arrays: dict[str, list[Any]] = manifest["arrays"]

    def _check(self) -> None:
        """Raise CompileError where something is missing."""
        check_tools()

    def _key(self) -> str:
        return build_key(self.model)

    def _build(self, folder: Path) -> None:
        _build(self.model, folder)

    def run(
        self,
        stimulus: Stimulus,
        *,
        values: Mapping[str, ArrayLike],
        outputs: Sequence[str],
        progress: Progress | None = None,
    ) -> Recording:
        """See `Emulator.run`. An interrupt ends the program after the step under way."""
        (recording,) = self.run_together([stimulus], values=[values], outputs=outputs, progress=progress)
        return recording

    def run_together(
        self,
        stimuli: Sequence[Stimulus],
        *,
        values: Sequence[Mapping[str, ArrayLike]],
        outputs: Sequence[str],
        progress: Progress | None = None,
    ) -> list[Recording]:
        """Runs side by side that meet where the Model has it; of the same samples, each in an order of its own.

        An interrupt ends a run that is alone after the step under way, and others after the presentation under way.
        """
        with contextlib.suppress(OSError):
            os.utime(self._folder)  # in use: not the one to go when the cache is full
        with ExitStack() as stack:
            folders = [stack.enter_context(_own_folder()) for _ in stimuli]
            with written(GIVEN, folders[0], variable="TMPDIR"):
                for number, (folder, stimulus, given) in enumerate(
                    zip(folders, stimuli, values, strict=True)
                ):
                    _write_stimulus(folder, stimulus, like=folders[0] if number else None)
                    self._write_values(folder, initial_values(self.model, given))
                    (folder / "outputs").write_text("\n".join(outputs))
                    (folder / "final").touch()
                meeting = Meeting(folders, self.model) if len(folders) > 1 else None
            start = time.perf_counter()
            interrupted = run_programs(
                self._folder, folders, stimuli[0].n_presentations, progress=progress, meeting=meeting
            )
            seconds = time.perf_counter() - start
            return [
                Recording(
                    final=self._read_final(folder, outputs),
                    files={
                        name: _read_records(folder / name, n, self.model)
                        for name, n in record_sizes(self.model).items()
                    },
                    stops=_read_stops(folder / "stop"),
                    interrupted=interrupted,
                    wall_seconds=seconds,
                )
                for folder in folders
            ]

    def _write_values(self, folder: Path, values: Mapping[str, NDArray[np.float64]]) -> None:
        """See `Given` in neurosim_arrays.h."""
        with (folder / "values").open("wb") as file:
            for reference, value in values.items():
                dtype, size = self._arrays[reference]
                if value.ndim and value.size != size:
                    raise EngineError("wrong size", where=reference, expected=str(size), got=str(value.size))
                name, numbers = reference.encode(), np.broadcast_to(value, size).astype(dtype)
                file.write(struct.pack(f"=q{len(name)}sq", len(name), name, numbers.nbytes))
                numbers.tofile(file)

    def _read_final(self, folder: Path, outputs: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """See `Left` in neurosim_arrays.h."""
        found = {}
        with (folder / "final").open("rb") as file:
            for reference, (dtype, size) in self._arrays.items():
                if reference not in outputs:
                    continue
                values = np.fromfile(file, dtype=dtype, count=size)
                if values.size != size:
                    raise EngineError(
                        "a run wrote too little",
                        where=reference,
                        expected=f"{size} numbers",
                        got=str(values.size),
                        remedy=f"if {tempfile.gettempdir()} is full: make room there, or set TMPDIR to another folder",
                    )
                found[reference] = values.astype(np.float64)
        return found


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Of one run, gone when it is over."""
    with written(GIVEN, Path(tempfile.gettempdir()), variable="TMPDIR"):
        folder = tempfile.TemporaryDirectory(prefix="neurosim-run-")
    with folder as name:
        yield Path(name)


def _write_stimulus(folder: Path, stimulus: Stimulus, *, like: Path | None) -> None:
    """`like`: where the same samples lie already."""
    stimulus.order.astype(np.int32).tofile(folder / "order")
    for name, values, scale in (
        ("inputs", stimulus.inputs, stimulus.scale),
        ("desired", stimulus.desired, 1.0),
    ):
        if like is not None:
            (folder / name).symlink_to(like / name)
            continue
        with (folder / name).open("wb") as file:
            file.write(struct.pack("qqqd", KINDS[values.dtype], *values.shape, scale))
            np.ascontiguousarray(values).tofile(file)


def _read_records(path: Path, size: int, model: Model) -> NDArray[np.float64]:
    values = np.fromfile(path, dtype=np.dtype(model.precision)) if path.exists() else np.empty(0)
    return values[: len(values) // size * size].reshape(-1, size).astype(np.float64, copy=False)


def _read_stops(path: Path) -> dict[int, Stop]:
    if not path.exists():
        return {}
    lines = [map(int, line.split()) for line in path.read_text().splitlines()]
    return {chip: Stop(step=step, source=source, index=index) for chip, step, source, index in lines}


def _build(model: Model, folder: Path) -> None:
    """Generate and compile the project of a model, and leave only what runs."""
    manifest = _generate(model, folder)
    templates = Path(__file__).parent / "templates" / "cpp"
    for header in templates.glob("*.h"):
        shutil.copy(header, folder / header.name)
    sources = f"SRCS = {' '.join(put_together(folder, 'cpp'))}"
    makefile = re.sub("^SRCS = .*$", sources, (folder / "makefile").read_text(), count=1, flags=re.MULTILINE)
    quicker = (templates / "quicker.mk").read_text()
    (folder / "makefile").write_text(f"{makefile}{quicker}OPTIMISATIONS += {' '.join(FLAGS)}\n")
    (folder / "make.deps").touch()  # a fresh folder needs no list of dependencies
    compile_project(folder)
    for pattern in ("*.o", "*.gch"):
        for path in folder.rglob(pattern):
            path.unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _generate(model: Model, folder: Path) -> dict[str, Any]:
    from neurosim.backend.dense_cpp import CppTarget
    from neurosim.backend.project import write_project

    include, libraries, library = blas_paths()
    preferences = {
        # Brian2 would leave out every flag that a compiler did not take once, be it for want of room on a disk.
        "codegen.cpp.extra_compile_args_gcc": [],
        "codegen.cpp.define_macros": [*DEFINES, *(SINGLE if model.precision == "float32" else ())],
        "codegen.cpp.include_dirs": [include],
        "codegen.cpp.library_dirs": [libraries],
        "codegen.cpp.runtime_library_dirs": [libraries],
        "codegen.cpp.libraries": [library],
    }
    return write_project(model, folder, device="cpp_standalone", target=CppTarget(), preferences=preferences)
