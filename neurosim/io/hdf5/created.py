"""A new HDF5 file on a disk that may fail; knows no layout."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


class _Disk:
    """A file that takes everything it is given, and keeps to itself what went wrong, for whoever asks at the end.

    HDF5, 2.0, does not survive a write that fails: it goes on with what it holds, and breaks off with a segmentation
    fault when it is closed, or at the next file.
    """

    def __init__(self, raw: io.FileIO) -> None:
        self.error: OSError | None = None
        self._raw = raw

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def flush(self) -> None:
        """Nothing is held back."""

    def truncate(self, size: int | None = None) -> int:
        with self._noted():
            return self._raw.truncate(size)
        return size or 0

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        total = len(left)
        with self._noted():
            while self.error is None and left:
                left = left[self._raw.write(left) :]  # a disk that is nearly full takes a part
        return total

    def read(self, size: int = -1) -> bytes:
        """What tells h5py that this is a file."""
        return self._raw.read(size)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        found = self._raw.readinto(view) or 0
        view[found:] = bytes(len(view) - found)  # what a full disk did not take
        return len(view)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error


@contextmanager
def new_hdf5(path: Path, **how: Any) -> Iterator[Any]:
    """An `h5py.File` to fill, private until it is done, so it is not locked; other arguments are those of `h5py.File`.

    Raises
    ------
    OSError : it is there already, or the disk did not take it all.
    """
    with open(path, "xb+", buffering=0) as raw:
        disk = _Disk(raw)
        try:
            with h5py.File(disk, "w", **how) as file:
                yield file
        except Exception:
            if disk.error is None:
                raise
        if disk.error is not None:
            raise disk.error
