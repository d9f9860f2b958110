"""Ways to damage files, for the tests of every reader; tests nothing."""

from __future__ import annotations

import h5py
import numpy as np

ABSURD = 2**40
"""Numbers that a data set claims to have, 8 TiB."""
MOST_MEMORY = 64 * 2**20
"""B that reading may take: the file has .3 MB, and HDF5 its caches."""


def is_there(file: h5py.File, name: str) -> bool:
    """Whether an earlier change has left it, and no link on the way to it."""
    parts, place = name.split("/"), file
    for part in parts:
        if not isinstance(place, h5py.Group) or not isinstance(place.get(part, getlink=True), h5py.HardLink):
            return False
        place = place[part]
    return True


def members_of(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _absurd(parent: h5py.Group, name: str) -> None:
    del parent[name]
    parent.create_dataset(name, shape=(ABSURD,), dtype="f8", chunks=(2**16,))


def _retyped(parent: h5py.Group, name: str) -> None:
    del parent[name]
    parent[name] = np.array([b"text", b"more"])


def _reshaped(parent: h5py.Group, name: str) -> None:
    del parent[name]
    parent[name] = np.zeros((2, 3, 1, 2))


def _grouped(parent: h5py.Group, name: str) -> None:
    del parent[name]
    parent.create_group(name)


def _linked_out(parent: h5py.Group, name: str) -> None:
    del parent[name]
    parent[name] = h5py.ExternalLink("/etc/passwd", "/")


def _linked_round(parent: h5py.Group, name: str) -> None:
    del parent[name]
    parent[name] = h5py.SoftLink(parent.name)


def _bare(parent: h5py.Group, name: str) -> None:
    for key in list(parent[name].attrs):
        del parent[name].attrs[key]


def _odd_attributes(parent: h5py.Group, name: str) -> None:
    for key in list(parent[name].attrs):
        parent[name].attrs[key] = np.arange(5)


CHANGES = (
    h5py.Group.__delitem__,
    _absurd,
    _retyped,
    _reshaped,
    _grouped,
    _linked_out,
    _linked_round,
    _bare,
    _odd_attributes,
)


def mutations(content: bytes, scale: int) -> list[bytes]:
    """250 × scale of a file: cut short, with bytes changed, with a page lost."""
    rng = np.random.default_rng(0)
    cut = [content[:length] for length in rng.integers(0, len(content), 40 * scale)]
    mutated = []
    for flips in (1, 1, 1, 3, 10, 100):
        for _ in range(30 * scale):
            bytes_ = bytearray(content)
            for at in rng.integers(0, len(content), flips):
                bytes_[at] = rng.integers(256)
            mutated.append(bytes(bytes_))
    for _ in range(30 * scale):  # a page lost
        start = int(rng.integers(0, len(content)))
        mutated.append(content[:start] + bytes(min(512, len(content) - start)) + content[start + 512 :])
    return cut + mutated
