"""A look at a file's string heaps before HDF5 sees them, since damage there makes it loop; knows no layout.

Texts of any length lie in global heap collections: `GCOL`, a version, the size of the collection, then
objects, each with an index, a count, four spare bytes, a size and its bytes padded to eight. Index 0 is the
free rest, whose size counts its own header. HDF5 (seen in 2.0.0) steps from object to object by these sizes
without asking that they be more than zero, so that a page of zeros, as a lost disk block leaves, holds it
for ever.
Source: HDF5 File Format Specification 3.0, III.E.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from neurosim.errors import OutputError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_COLLECTION = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_MARK = b"GCOL\x01"
_BLOCK = 2**22
"""Bytes that are searched at a time, chosen."""
_LEAST_COLLECTION = 4096
"""HDF5 itself refuses a smaller one, and one that goes beyond the end of the file."""


def check_heaps(path: Path, *, expected: str = "an HDF5 file") -> None:
    """Refuse a file that is no HDF5 file, or that HDF5 would never finish reading.

    Raises
    ------
    OutputError : the file does not begin as an HDF5 file of 64-bit sizes, or a heap in it has no end.
    """
    with path.open("rb") as file:
        start = file.read(16)
        sizes = start[9:11] if start[8:9] > b"\x01" else start[13:15]
        if not start.startswith(_SIGNATURE) or sizes != b"\x08\x08":
            raise OutputError("is no HDF5 file", where=str(path), expected=expected)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for at in _marks(file):
                if not _ends(content, at):
                    raise OutputError(
                        "has damaged texts",
                        where=str(path),
                        expected="heap objects that fill their collection",
                        got=f"others at byte {at}",
                        remedy="take a copy or run again",
                    )


def _marks(file: BinaryIO) -> Iterator[int]:
    """Where collections may begin, found without the whole file in memory."""
    file.seek(0)
    start, block = 0, file.read(_BLOCK)
    while block:
        at = block.find(_MARK)
        while at >= 0:
            yield start + at
            at = block.find(_MARK, at + 1)
        more = file.read(_BLOCK)
        left = block[1 - len(_MARK) :] if more else b""  # too short for a whole mark
        start, block = start + len(block) - len(left), left + more


def _ends(content: mmap.mmap, at: int) -> bool:
    """Whether a walk through the collection that begins at byte `at` comes to its end."""
    if at + _COLLECTION.size > len(content):
        return True  # a chance likeness in other data; HDF5 cannot take it for a heap
    _, _, size = _COLLECTION.unpack_from(content, at)
    end = at + size
    if size < _LEAST_COLLECTION or end > len(content):
        return True
    at += _COLLECTION.size
    while at + _OBJECT.size <= end:
        index, _, length = _OBJECT.unpack_from(content, at)
        step = _OBJECT.size + -(-length // 8) * 8 if index else length
        if step == 0 or at + step > end:
            return False
        at += step
    return True
