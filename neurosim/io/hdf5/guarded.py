"""Reading HDF5 from strangers: no links followed, nothing loaded on a header's word; knows no layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import OutputError

DAMAGED = "the file is damaged; take a copy or run again"
"""What to do about a file that HDF5 cannot read."""
_MOST_EXPANSION = 1100
"""Deflate makes data at most 1032 times smaller; a little is added for headers."""


@attrs.frozen(kw_only=True, eq=False)
class Node:
    """A group or data set of an open file, with what messages and bounds need to know."""

    item: Any
    """The h5py object."""
    file: str
    """Path of the file, for messages."""
    file_bytes: int
    """Size of the file on disk, B."""
    lazy: bool = False
    """Whether arrays stay in the file, as `Unread` whose parts can be read while it is open."""
    remedy: str = "use a file that neurosim wrote"
    """What messages advise where something is not as it should be."""

    @property
    def where(self) -> str:
        """File and path within it, as messages name them."""
        return f"{self.file}: {self.item.name}"

    def group(self, name: str) -> Node:
        """The group of that name in this one."""
        return self._child(name, h5py.Group, "a group")

    def groups(self) -> Iterator[tuple[str, Node]]:
        """All members, each of which must be a group."""
        for name in self._names():
            yield name, self.group(name)

    def arrays(self, *, ndim: int | None = None, shape: tuple[int, ...] | None = None) -> dict[str, Any]:
        """All members by name as arrays of float64; each must be one."""
        return {name: self.array(name, ndim=ndim, shape=shape) for name in self._names()}

    def data_sets(self) -> Iterator[tuple[str, Node]]:
        """All members, each of which must be a data set."""
        for name in self._names():
            yield name, self.data_set(name)

    def has(self, name: str) -> bool:
        """Whether there is a member of that name."""
        return name in self._names()

    def data_set(self, name: str) -> Node:
        """The data set of that name in this group, its numbers not yet read."""
        return self._child(name, h5py.Dataset, "a data set")

    def array(
        self, name: str, *, ndim: int | None = None, shape: tuple[int, ...] | None = None
    ) -> NDArray[np.float64]:
        """The data set of that name as float64."""
        return self.data_set(name).values(ndim=ndim, shape=shape)

    def values(self, *, ndim: int | None = None, shape: tuple[int, ...] | None = None) -> Any:
        """The numbers of this data set, of at least one dimension, or of the shape given."""
        data = self.item
        if data.shape is None or data.dtype.kind != "f" or data.dtype.itemsize > 8:
            raise self.refuse(
                "is no array of floating-point numbers",
                expected="float64, or shorter",
                got=str(data.dtype) if data.shape is not None else "nothing",
            )
        if shape is not None and data.shape != shape:
            raise self.refuse("has the wrong shape", expected=str(shape), got=str(data.shape))
        if data.ndim < 1 or (ndim is not None and data.ndim != ndim):
            expected = f"{ndim} dimensions" if ndim is not None else "at least one dimension"
            raise self.refuse("has the wrong shape", expected=expected, got=str(data.shape))
        self.check_storage()
        unread = Unread(node=self)
        return unread if self.lazy else unread[()]

    def text(self, name: str) -> str:
        """An attribute that is a string."""
        value = self._attribute(name)
        if isinstance(value, bytes):
            value = value.decode("utf-8", errors="surrogateescape")
        if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self.refuse(
                f'attribute "{name}" is no text', expected="UTF-8 text", got=type(value).__name__
            )
        return value

    def whole(self, name: str) -> int:
        """An attribute that is a whole number."""
        value = self._attribute(name)
        if not isinstance(value, np.integer):
            raise self.refuse(f'attribute "{name}" is no whole number', got=type(value).__name__)
        return int(value)

    def real(self, name: str) -> float:
        """An attribute that is a float64."""
        value = self._attribute(name)
        if not isinstance(value, np.floating):
            raise self.refuse(f'attribute "{name}" is no number', got=type(value).__name__)
        return float(value)

    def truth(self, name: str) -> bool:
        """An attribute that is true or false."""
        value = self._attribute(name)
        if not isinstance(value, np.bool_):
            raise self.refuse(f'attribute "{name}" is not true or false', got=type(value).__name__)
        return bool(value)

    def attributes(self) -> dict[str, Any]:
        """All attributes: strings, whole numbers, numbers and truths."""
        readers = {np.integer: self.whole, np.floating: self.real, np.bool_: self.truth}
        found: dict[str, Any] = {}
        for name in self.item.attrs:
            value = self._attribute(name)
            read = next((reader for kind, reader in readers.items() if isinstance(value, kind)), self.text)
            found[name] = read(name)
        return found

    def _names(self) -> list[str]:
        return list(self.item)

    def _child(self, name: str, kind: type, expected: str) -> Node:
        link = self.item.get(name, getlink=True)
        if link is None:
            raise self.refuse(f'has no "{name}"', expected=expected, got="nothing of that name")
        if not isinstance(link, h5py.HardLink):
            raise self.refuse(
                f'"{name}" is a link',
                expected=expected,
                got=f"a {type(link).__name__}, which is not followed",
            )
        child = self.item[name]
        if not isinstance(child, kind):
            raise self.refuse(f'"{name}" is something else', expected=expected, got=type(child).__name__)
        return attrs.evolve(self, item=child)

    def _attribute(self, name: str) -> Any:
        if name not in self.item.attrs:
            raise self.refuse(f'has no attribute "{name}"')
        if self.item.attrs.get_id(name).shape != ():
            raise self.refuse(f'attribute "{name}" has a shape', expected="a single value")
        return self.item.attrs[name]

    def check_storage(self) -> None:
        """Refuse data kept outside the file, or far larger than what the file could hold."""
        data = self.item
        if data.external or data.is_virtual:
            raise self.refuse("keeps its numbers in another file", got="not followed")
        stored = data.id.get_storage_size()
        bound = min(stored, self.file_bytes) * (_MOST_EXPANSION if data.chunks else 1)
        # A chunk is made whole in memory, however little of it the array fills.
        largest = max(data.nbytes, math.prod(data.chunks or (0,)) * data.dtype.itemsize)
        if data.size and largest > bound:
            raise self.refuse(
                "is larger than what the file holds of it",
                expected=f"at most {bound} bytes",
                got=f"{largest} bytes",
                remedy="the file is damaged or cut short; run again",
            )

    def refuse(self, what: str, *, expected: str = "", got: str = "", remedy: str = "") -> OutputError:
        """An error that names this place."""
        return OutputError(what, where=self.where, expected=expected, got=got, remedy=remedy or self.remedy)


@attrs.frozen(kw_only=True, eq=False)
class Unread:
    """Numbers of a data set that was looked at, as an array of float64 whose parts are read when they are asked for."""

    node: Node

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        shape: tuple[int, ...] = self.node.item.shape
        return shape

    @property
    def size(self) -> int:
        """As of an array."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """As of an array."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """Of what is read, whatever the file has."""
        return np.dtype(np.float64)

    def __getitem__(self, key: Any) -> NDArray[np.float64]:
        try:
            return np.asarray(self.node.item[key], dtype=np.float64)
        except Exception as error:  # h5py answers damage with whatever exception comes first
            raise self.node.refuse(
                "cannot be read", got=str(error).partition("\n")[0], remedy=DAMAGED
            ) from None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[()].astype(dtype or np.float64, copy=False)
