"""CUDA projects: the sources are made on every machine; what is missing for more is told."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from neurosim.backend import Stimulus, cuda, cuda_tools
from neurosim.backend.cuda import generate
from neurosim.backend.cuda_tools import Cuda, check_gpu, configure
from neurosim.emulate import VirtualChip
from neurosim.equations import Model
from neurosim.errors import CompileError, MemoryShortage
from tests.systems.nets import spec_of

dense_cuda = pytest.importorskip(
    "neurosim.backend.dense_cuda", reason="Brian2CUDA has no release for this Python", exc_type=ImportError
)

TOOLKIT = ("bin/nvcc", "include/cuda_runtime.h")
PACKAGES = {
    "nvidia-curand": ("curand/include/curand_kernel.h", "curand/lib/libcurand.so.10"),
    "nvidia-cublas": ("cu13/include/cublas_v2.h", "cu13/lib/libcublas.so.13"),
}


def model_of(chip: str = "subthreshold_180nm", **run: object) -> Model:
    spec = spec_of([4, 3, 2], chip={"name": chip}, run={"batch": 2, **run})
    return VirtualChip(spec, backend="numpy", built=False).model


def touched(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def source_of(folder: Path, name: str) -> str:
    """Of the code of that name, to which Brian2 adds a number from the second time in a process."""
    (path,) = (folder / "code_objects").glob(f"{name}_codeobject*.cu")
    return path.read_text()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a toolkit and NVIDIA's packages, and nothing else."""
    touched(tmp_path / "cuda", TOOLKIT)
    for files in PACKAGES.values():
        touched(tmp_path / "packages" / "nvidia", files)
    monkeypatch.setattr(cuda_tools, "_toolkits", lambda: [tmp_path / "cuda"])
    monkeypatch.setattr(cuda_tools, "_packages", lambda: sorted((tmp_path / "packages" / "nvidia").iterdir()))
    cuda_tools.gpu_architecture.cache_clear()
    return tmp_path


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_sources_are_made_without_a_gpu(tmp_path: Path, precision: str) -> None:
    """Every group's updater is a kernel, products are cuBLAS's, the host opens the gates."""
    model = model_of(precision=precision)
    manifest = generate(model, tmp_path)
    assert manifest["model"] == model.hash
    kernel = source_of(tmp_path, "layer_1_stateupdater")
    real = "double" if precision == "float64" else "float"
    assert f"{real} soma = _ptr_array_layer_1_soma[_idx];" in kernel
    assert "standard_normal(noise_key" in source_of(tmp_path, "layer_1_flicker")
    products = source_of(tmp_path, "products")
    assert "neurosim::product(dev_array_layer_2_basal_drive, dev_array_synapses_2_weight" in products
    assert "if (_k == 0)" in products
    drift = source_of(tmp_path, "layer_1_drift_5")
    each, once = drift.split("_run_shared_", 1)
    assert "_ptr_array_layer_1_advanced_5[0] = " not in each
    assert "_ptr_array_layer_1_advanced_5[0] = " in once


def test_what_all_elements_share_is_written_by_one() -> None:
    lines = "double a = _ptr_array_g_a[0];\na = t - a;\n_ptr_array_g_a[0] = a;\nconst double b = a;"
    without = dense_cuda.without_writes(lines)
    assert dense_cuda.writes(lines)
    assert without.split() == lines.replace("_ptr_array_g_a[0] = a;\n", "").split()
    assert not dense_cuda.writes(without)


def test_all_that_compiling_takes_is_found(machine: Path) -> None:
    found = configure()
    assert found.nvcc == str(machine / "cuda" / "bin" / "nvcc")
    assert [Path(place).name for place in found.includes] == ["include"] * 3
    assert [Path(library).name for library in found.libraries] == ["libcurand.so.10", "libcublas.so.13"]
    text = cuda._makefile(model_of(precision="float32"), machine, found)
    assert f"-arch=sm_{found.architecture}" in text
    assert "-DNEUROSIM_SINGLE=1" in text


@pytest.mark.parametrize(
    ("gone", "named", "remedy"),
    [
        ("cuda/bin/nvcc", "nvcc", "CUDA_PATH"),
        ("cuda/include/cuda_runtime.h", "cuda_runtime.h", "CUDA_PATH"),
        ("packages/nvidia/curand/include/curand_kernel.h", "curand_kernel.h", "pip install nvidia-curand"),
        ("packages/nvidia/cu13/include/cublas_v2.h", "cublas_v2.h", "pip install nvidia-cublas"),
        ("packages/nvidia/cu13/lib/libcublas.so.13", "libcublas.so", "pip install nvidia-cublas"),
    ],
)
def test_each_thing_that_is_missing_is_named(machine: Path, gone: str, named: str, remedy: str) -> None:
    (machine / gone).unlink()
    with pytest.raises(CompileError) as caught:
        configure()
    assert caught.value.what == f"{named} not found"
    assert remedy in str(caught.value.remedy)
    assert "--backend cpp" in str(caught.value.remedy)


def test_without_brian2cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_tools.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CompileError, match="Brian2CUDA not found"):
        configure()


@pytest.mark.parametrize(
    ("said", "expected"), [("9.0\n8.6\n", "90"), ("12.0\n", "120"), ("[N/A]\n", None), ("", None)]
)
def test_the_first_gpu_says_what_to_compile_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: str | None
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    cuda_tools.gpu_architecture.cache_clear()
    try:
        assert cuda_tools.gpu_architecture() == expected
        if expected is None:
            with pytest.raises(CompileError, match="no GPU found"):
                check_gpu()
    finally:
        cuda_tools.gpu_architecture.cache_clear()


def test_a_gpu_that_is_too_small_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte is free, as nvidia-smi says, and the data alone are two."""
    monkeypatch.setattr(cuda_tools, "_told", lambda question: "1" if question == "memory.free" else "9.0")
    emulator = object.__new__(cuda.CudaEmulator)
    emulator.model = model_of("ideal")
    stimulus = Stimulus(
        inputs=np.zeros((60_000, 4)), desired=np.zeros((60_000, 2)), order=np.zeros((1, 2), np.int32)
    )
    with pytest.raises(MemoryShortage) as caught:
        emulator.run(stimulus, values={}, outputs=[])
    assert caught.value.where == "GPU"
    assert caught.value.got == "1.05 MB free"
    assert "--backend cpp" in str(caught.value.remedy)


def _compiles() -> Cuda | None:
    try:
        return configure()
    except CompileError:
        return None


@pytest.mark.slow
@pytest.mark.skipif(
    _compiles() is None, reason="no nvcc here, or no headers of cuBLAS and cuRAND: see neurosim doctor"
)
def test_a_project_compiles_and_links(tmp_path: Path) -> None:
    """For sm_90 where no GPU is; two minutes on two cores, for nvcc takes half a minute for each of its files."""
    cuda.build(model_of(), tmp_path, configure())
    assert (tmp_path / "main").stat().st_mode & 0o111
