"""The idx format of MNIST, plain or gzipped, with its checksum; knows no data set by name.

An idx file: two zero bytes, a type (8: unsigned byte), the number of dimensions n, then n sizes (big-endian
uint32), then the numbers, last dimension fastest.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 8
_MOST_BYTES = 1 << 28
"""More than five times the largest file we know (47 MB); a gzip bomb ends here."""
_CHUNK = 1 << 20


def read_idx(path: str | Path, *, sha256: str, n_dimensions: int, remedy: str = "") -> NDArray[np.uint8]:
    """The numbers in an idx file whose decompressed bytes have this sha256, in the shape its header says.

    Raises
    ------
    DataError : the file cannot be read, is cut short, has another checksum or a bad header.
    """
    where = str(path)
    data = _read_bytes(Path(path), remedy)
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise DataError(
            "is damaged or another file",
            where=where,
            expected=f"sha256 {sha256}",
            got=f"sha256 {got}",
            remedy=remedy,
        )
    return parse_idx(data, where=where, n_dimensions=n_dimensions)


def parse_idx(data: bytes | bytearray, *, where: str, n_dimensions: int) -> NDArray[np.uint8]:
    """The numbers in the bytes of an idx file; nothing is allocated on the word of its header.

    Raises
    ------
    DataError : no idx file of unsigned bytes, or its sizes do not fit its length.
    """
    start = 4 + 4 * n_dimensions
    magic = bytes([0, 0, _UNSIGNED_BYTE, n_dimensions])
    if len(data) < start or data[:4] != magic:
        raise DataError(
            "is no idx file of unsigned bytes",
            where=where,
            expected=f"at least {start} bytes that begin {magic.hex(' ')}",
            got=f"{len(data)} bytes that begin {bytes(data[:4]).hex(' ')}",
        )
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if math.prod(shape) != len(data) - start:
        raise DataError(
            "has a header that does not fit its length",
            where=where,
            expected=f"{math.prod(shape)} bytes of {' × '.join(map(str, shape))} numbers",
            got=f"{len(data) - start} bytes",
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_bytes(path: Path, remedy: str) -> bytearray:
    """All bytes of a file, decompressed if it is gzip."""
    data = bytearray()
    try:
        with path.open("rb") as file:
            gzipped = file.read(2) == _GZIP_MAGIC
        # Read piece by piece, so that memory follows what is there.
        with _open(path, gzipped) as stream:
            while piece := stream.read(_CHUNK):
                data += piece
                if len(data) > _MOST_BYTES:
                    raise DataError(
                        "is too large for such a file",
                        where=str(path),
                        expected=f"at most {_MOST_BYTES} bytes",
                        got="more",
                        remedy=remedy,
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("cannot be read", where=str(path), got=str(error), remedy=remedy) from None
    return data


def _open(path: Path, gzipped: bool) -> Any:
    return gzip.open(path, "rb") if gzipped else path.open("rb")
