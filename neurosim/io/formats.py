"""Formats that results are exported to; knows none of them inside."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from neurosim.errors import OutputError
from neurosim.io.hdf5 import open_result, write_result
from neurosim.io.nir import write_nir
from neurosim.io.progress import Progress
from neurosim.io.sonata import write_sonata
from neurosim.result import Result


class Writer(Protocol):
    """Writes a result whose file is open."""

    def __call__(
        self, result: Result, out: Path, *, threshold: float, progress: Progress | None
    ) -> tuple[str, ...]:
        """Weights of a smaller magnitude than the threshold are left out; 0 leaves out none. Returns what the result
        has and the format has not, in words."""
        ...


def _write_native(
    result: Result, out: Path, *, threshold: float, progress: Progress | None
) -> tuple[str, ...]:
    _refuse(threshold)
    write_result(result, out)
    return ()


def _write_nir(result: Result, out: Path, *, threshold: float, progress: Progress | None) -> tuple[str, ...]:
    _refuse(threshold)
    return write_nir(result, out, progress=progress)


def _refuse(threshold: float) -> None:
    if threshold != 0:
        raise OutputError(
            "bad value",
            where="--threshold",
            expected="0, since this format has matrices",
            got=f"{threshold:g}",
            remedy="leave it out, or choose --format sonata",
        )


FORMATS: dict[str, Writer] = {"hdf5": _write_native, "nir": _write_nir, "sonata": write_sonata}
"""By the names that users know. hdf5 is a result file again, in the format's present version."""


def export_result(
    path: str | Path,
    out: str | Path,
    format: str,
    *,
    threshold: float = 0.0,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write the result in a file in another format; the weights are not all in memory at once.

    Raises
    ------
    OutputError : a file that is no result, a place that cannot be written, or an option that a format does not have.

    Returns
    -------
    What the result has and the format has not, in words.
    """
    if Path(path).resolve() == Path(out).resolve():
        raise OutputError("would be written over itself", where=str(out), remedy="choose another name")
    with open_result(path) as result:
        return FORMATS[format](result, Path(out), threshold=threshold, progress=progress)
