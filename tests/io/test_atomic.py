"""Writing whole or not at all: whatever goes wrong, the old file stays and no piece is left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurosim.errors import OutputError
from neurosim.io import check_writable, read_result, write_result
from neurosim.io.atomic import write_atomically
from neurosim.result import Result

EMPTY = Result(spec="", seed=0, backend="cpp")


def _paths_that_cannot_be_written(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    return {
        "missing folder": tmp_path / "missing" / "a.h5",
        "file as folder": tmp_path / "file" / "a.h5",
        "a folder": tmp_path / "folder",
        "a pipe": tmp_path / "pipe",
        "a device": Path("/dev/null"),
        "a loop of links": tmp_path / "loop",
        "a name too long": tmp_path / ("a" * 300),
        "a zero byte": tmp_path / "a\0b",
    }


@pytest.mark.parametrize(
    "write", [check_writable, lambda path: write_result(EMPTY, path)], ids=["check", "write"]
)
def test_paths_that_cannot_be_written_are_refused(tmp_path, write):
    paths = _paths_that_cannot_be_written(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for reason, path in paths.items():
        with pytest.raises(OutputError) as caught:
            write(path)
        assert caught.value.exit_status == 2, reason
        assert len(caught.value.report().splitlines()) <= 5, reason
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("/dev/null").is_char_device()


@contextlib.contextmanager
def as_no_one_special() -> Iterator[None]:
    """Root may write anywhere, and is the user "nobody" meanwhile."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_read_only_folder_is_refused():
    with tempfile.TemporaryDirectory() as folder:  # into pytest's own no other user may even look
        Path(folder).chmod(0o555)
        with as_no_one_special():
            assert os.listdir(folder) == []
            with pytest.raises(OutputError, match="Permission denied"):
                check_writable(Path(folder, "a.h5"))
        assert os.listdir(folder) == []


def test_check_writable_leaves_no_trace(tmp_path):
    check_writable(tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.h5").write_text("old")
    check_writable(tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_text() == "old"


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.h5"
    path.write_text("old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match="No space left"):
        write_result(EMPTY, path)
    monkeypatch.undo()
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("a.h5", "old")]


def test_a_full_disk_is_an_output_error(tmp_path):
    # A limit on file size meets HDF5 where a full disk does: at a write or a flush inside the library.
    script = """
import resource, sys
import numpy as np
from neurosim.errors import OutputError
from neurosim.io import write_result
from neurosim.result import Result, Series
noise = Series(values=np.random.default_rng(0).normal(size=10**6), axis="epoch")
for limit in (0, 100, 5_000, 1_000_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_result(Result(spec="", seed=0, backend="cpp", learning={"noise": noise}), sys.argv[1])
    except OutputError as error:
        print(error.report(), file=sys.stderr)
    else:
        sys.exit("written")
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.h5")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_no_piece(tmp_path):
    def write_half() -> None:
        with write_atomically(tmp_path / "a.h5") as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert not list(tmp_path.iterdir())


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "a.h5"
    link.symlink_to(tmp_path / "real" / "b.h5")
    write_result(EMPTY, link)
    assert link.is_symlink()
    assert read_result(tmp_path / "real" / "b.h5").backend == "cpp"


def test_the_file_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("x")
    write_result(EMPTY, tmp_path / "a.h5")
    assert (tmp_path / "a.h5").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_longest_name_can_be_written(tmp_path):
    write_result(EMPTY, tmp_path / ("a" * 252 + ".h5"))


def test_importing_io_is_cheap():
    dear = ("sklearn", "matplotlib", "torch", "brian2")
    script = f"import sys, neurosim.io; print([name for name in {dear} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
