"""Weights out of files that hold arrays by name: HDF5 and npz; trusts neither."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import OutputError
from neurosim.io.atomic import one_line
from neurosim.io.hdf5.guarded import DAMAGED, Node
from neurosim.io.hdf5.opened import check_openable, opened
from neurosim.io.weights.wanted import BIASES, KEY, Numbers, Wanted

_REMEDY = f"say under {KEY}.arrays where the weights are"


@attrs.frozen(eq=False)
class _Turned:
    """A matrix that lies transposed in its file."""

    of: Numbers

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.of.shape)[::-1]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return self.of[()].T[key]


def _as_asked(found: Mapping[str, Numbers], wanted: Wanted) -> dict[str, Numbers]:
    turned = wanted.given.transposed
    return {
        name: _Turned(values) if turned and not name.startswith(BIASES) else values
        for name, values in found.items()
    }


@contextmanager
def read_hdf5_weights(path: Path, wanted: Wanted) -> Iterator[Mapping[str, Numbers]]:
    """Data sets of floating-point numbers by their paths, such as "fc1/weight"; links are not followed."""
    with opened(path, expected="an HDF5 file", lazy=True, remedy=_REMEDY) as root:
        named = {name: _data_set(root, wanted, name) for name in wanted.shapes}
        yield _as_asked({name: data.values() for name, data in named.items() if data is not None}, wanted)


def _data_set(root: Node, wanted: Wanted, name: str) -> Node | None:
    """Of an array; None where the file has nothing of its name, and nothing was said of where it is."""
    *groups, last = wanted.called(name).strip("/").split("/")
    node = root
    for group in groups:
        node = node.group(group)
    stated = name in wanted.given.arrays
    return node.data_set(last) if stated or node.has(last) else None


@contextmanager
def read_npz_weights(path: Path, wanted: Wanted) -> Iterator[Mapping[str, Numbers]]:
    """Arrays that `numpy.savez` wrote; none that would have to be unpickled."""
    check_openable(path, expected="an npz file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            found: dict[str, Numbers] = {}
            for name in wanted.shapes:
                called = wanted.called(name)
                if called in members:
                    found[name] = _Member.of(archive, members[called], f"{path}: {called}")
                elif name in wanted.given.arrays:
                    raise _refused("is not in the file", f"{path}: {called}", got=", ".join(members))
            yield _as_asked(found, wanted)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise _refused("cannot be read", str(path), got=one_line(error), remedy=DAMAGED) from None


@attrs.frozen(kw_only=True, eq=False)
class _Member:
    """An array in an archive whose header was looked at."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    where: str

    @staticmethod
    def of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> _Member:
        """Refuse what is no array of floats, or holds less than it says."""
        try:
            with archive.open(info) as file:
                version = np.lib.format.read_magic(file)
                read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
                    version, np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = read(file)
                start = file.tell()
        except Exception as error:  # what zlib and numpy make of damage
            raise _refused("is no array", where, got=one_line(error)) from None
        if dtype.kind != "f" or dtype.itemsize > 8:
            raise _refused(
                "is no array of floating-point numbers",
                where,
                expected="float64, or shorter",
                got=str(dtype),
                remedy="convert it before it is saved",
            )
        held, said = info.file_size - start, int(np.prod(shape, dtype=object)) * dtype.itemsize
        if held != said:
            raise _refused("holds other than it says", where, expected=f"{said} bytes", got=f"{held}")
        return _Member(archive=archive, info=info, shape=tuple(shape), where=where)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        try:
            with self.archive.open(self.info) as file:
                values: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        except Exception as error:  # as above
            raise _refused("cannot be read", self.where, got=one_line(error), remedy=DAMAGED) from None
        found: NDArray[Any] = values[key]
        return found


def _refused(
    what: str, where: str, *, expected: str = "", got: str = "", remedy: str = _REMEDY
) -> OutputError:
    return OutputError(what, where=where, expected=expected, got=got, remedy=remedy)
