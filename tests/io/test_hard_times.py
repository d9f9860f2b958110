"""Full disks, folders that cannot be written, and two who write at once: whole files, our errors, nothing left over."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.synchronize import Event
from pathlib import Path

import attrs
import numpy as np
import pytest

from neurosim.errors import NeurosimError, OutputError
from neurosim.io import FORMATS, export_result, import_spec, read_result, write_result
from neurosim.io.sonata.read import Circuit
from neurosim.result import Projection, Result
from tests.cli.conftest import SMALL
from tests.io.test_atomic import as_no_one_special
from tests.same import assert_same


def _result(seed: int) -> Result:
    """64-40-10 without feedback: some 80 KiB."""
    draws = np.random.default_rng(seed)

    def projection(source: str, target: str, shape: tuple[int, int]) -> Projection:
        weights = draws.normal(size=shape)
        return Projection(
            weights=weights, source=source, target=target, kind="feedforward", device={"gain": weights}
        )

    return Result(
        spec='[network]\nlayers = [64, 40, 10]\n[method]\nname = "BP"\n',
        seed=seed,
        backend="torch",
        connectivity={
            "input_to_layer_1": projection("input", "layer_1", (40, 64)),
            "layer_1_to_layer_2": projection("layer_1", "layer_2", (10, 40)),
        },
    )


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_while_exporting(format: str, tmp_path: Path) -> None:
    """A limit on the size of files meets writers where a full disk does."""
    script = """
import resource, sys
from neurosim.cli import main
for limit in (0, 100, 3_000, 15_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    if main(["export", sys.argv[1], sys.argv[2], "--format", sys.argv[3], "--quiet"]) != 2:
        sys.exit("written")
"""
    write_result(_result(1), tmp_path / "a.h5")
    arguments = [sys.executable, "-c", script, str(tmp_path / "a.h5"), str(tmp_path / "out"), format]
    run = subprocess.run(arguments, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.count("neurosim: ") == 4
    assert run.stderr.count("cannot be written") == 4
    assert len(run.stderr.splitlines()) <= 4 * 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_a_full_disk_while_a_run_writes(tmp_path: Path) -> None:
    """Exit status 2, five lines at most, and the file of the run before is as it was."""
    script = """
import resource, sys
from neurosim.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, resource.RLIM_INFINITY))
sys.exit(main(["run", "small.toml", "--out", "a.h5", "--quiet"]))
"""
    (tmp_path / "small.toml").write_text(SMALL)
    write_result(_result(1), tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    said = [line for line in run.stderr.splitlines() if line.startswith(("neurosim", "  "))]
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    assert "a.h5: cannot be written" in said[0]
    assert len(said) <= 5
    assert (tmp_path / "a.h5").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "small.toml"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_folder_that_cannot_be_written(format: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # into pytest's own no other user may even look
        path = Path(folder, "a.h5")
        write_result(_result(1), path)
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        with as_no_one_special():
            with pytest.raises(OutputError, match="Permission denied"):
                export_result(path, Path(folder, "out"), format)
            with pytest.raises(OutputError, match="Permission denied"):
                import_spec(path, Path(folder, "out.toml"))
        assert os.listdir(folder) == ["a.h5"]


def _write_often(path: Path, seed: int, times: int, go: Event) -> None:
    result = _result(seed)
    go.wait()
    for _ in range(times):
        write_result(result, path)


def test_two_writers_and_a_reader(tmp_path: Path) -> None:
    """Whoever reads while two write finds one whole result or the other, bit for bit, never a mixture."""
    context = multiprocessing.get_context("fork")
    path, go = tmp_path / "a.h5", context.Event()
    whole = {seed: _result(seed) for seed in (1, 2)}
    write_result(whole[1], path)
    writers = [context.Process(target=_write_often, args=(path, seed, 60, go)) for seed in whole]
    for writer in writers:
        writer.start()
    go.set()
    seen: list[int] = []
    while any(writer.is_alive() for writer in writers) or not seen:
        found = read_result(path)
        assert_same(found, whole[found.seed])
        seen.append(found.seed)
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(seen) > 10
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.h5"]


def _export_once(path: Path, out: Path, go: Event, told: multiprocessing.Queue[str]) -> None:
    go.wait()
    try:
        export_result(path, out, "sonata")
    except NeurosimError as error:
        told.put(error.what)
    else:
        told.put("written")


def test_two_exports_of_one_name(tmp_path: Path) -> None:
    """One of them stands, whole; the other is told so."""
    context = multiprocessing.get_context("fork")
    write_result(_result(1), tmp_path / "a.h5")
    for round_ in range(10):
        out, go, told = tmp_path / f"out{round_}", context.Event(), context.Queue()
        both = [
            context.Process(target=_export_once, args=(tmp_path / "a.h5", out, go, told)) for _ in range(2)
        ]
        for process in both:
            process.start()
        go.set()
        for process in both:
            process.join()
        words = sorted(told.get(timeout=10) for _ in both)
        assert words[-1] == "written"
        assert words[0] in ("cannot be written", "is there already")
        assert Circuit.of(out).edges == (out / "edges.h5",)
    assert len(list(tmp_path.iterdir())) == 11


def test_a_piece_that_a_kill_left_is_in_nobody_s_way(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.part").write_bytes(b"half")
    write_result(_result(1), tmp_path / "a.h5")
    assert_same(read_result(tmp_path / "a.h5"), attrs.evolve(_result(1)))
