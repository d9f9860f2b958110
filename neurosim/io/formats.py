"""Formats that results are exported to; knows none of them inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from neurosim.errors import OutputError
from neurosim.io.hdf5 import open_result, write_result
from neurosim.io.sonata import write_sonata
from neurosim.result import Result

Progress = Callable[[str, int, int], None]


class Writer(Protocol):
    """Writes a result whose file is open."""

    def __call__(self, result: Result, out: Path, *, threshold: float, progress: Progress | None) -> None:
        """Weights of a smaller magnitude than the threshold are left out; 0 leaves out none."""
        ...


def _write_native(result: Result, out: Path, *, threshold: float, progress: Progress | None) -> None:
    if threshold != 0:
        raise OutputError(
            "bad value",
            where="--threshold",
            expected="0, since this format has matrices",
            got=f"{threshold:g}",
            remedy="leave it out, or choose --format sonata",
        )
    write_result(result, out)


FORMATS: dict[str, Writer] = {"hdf5": _write_native, "sonata": write_sonata}
"""By the names that users know. hdf5 is a result file again, in the format's present version."""


def export_result(
    path: str | Path,
    out: str | Path,
    format: str,
    *,
    threshold: float = 0.0,
    progress: Progress | None = None,
) -> None:
    """Write the result in a file in another format; the weights are not all in memory at once.

    Raises
    ------
    OutputError : a file that is no result, a place that cannot be written, or an option that a format does not have.
    """
    if Path(path).resolve() == Path(out).resolve():
        raise OutputError("would be written over itself", where=str(out), remedy="choose another name")
    with open_result(path) as result:
        FORMATS[format](result, Path(out), threshold=threshold, progress=progress)
