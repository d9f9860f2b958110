"""An HDF5 file from a stranger, opened after a look at what would make HDF5 hang; knows no layout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py

from neurosim.errors import NeurosimError, OutputError
from neurosim.io.atomic import one_line
from neurosim.io.hdf5.guarded import DAMAGED, Node
from neurosim.io.hdf5.heaps import check_heaps


@contextmanager
def opened(
    path: str | Path, *, expected: str, lazy: bool = False, remedy: str = "use a file that neurosim wrote"
) -> Iterator[Node]:
    """The root of a file while it is open.

    Parameters
    ----------
    expected : what kind of file it should be, for messages.
    lazy : whether arrays stay in the file, as `Unread`.
    remedy : what messages advise where something in it is not as it should be.

    Raises
    ------
    OutputError : missing, no HDF5 file, or damaged.
    """
    check_openable(Path(path), expected=expected)
    with ExitStack() as stack:
        with damage_named(str(path)):
            check_heaps(Path(path), expected=expected)
            file = stack.enter_context(h5py.File(path, "r", locking=False))
            size = os.path.getsize(path)
        yield Node(item=file, file=str(path), file_bytes=size, lazy=lazy, remedy=remedy)


@contextmanager
def damage_named(where: str) -> Iterator[None]:
    """What is raised while a file is read is told as its damage, unless it is an error of ours already."""
    try:
        yield
    except NeurosimError:
        raise
    except Exception as error:  # h5py answers damage with whatever exception comes first
        raise OutputError("cannot be read", where=where, got=one_line(error), remedy=DAMAGED) from None


def check_openable(path: Path, *, expected: str) -> None:
    """Tell a file that is missing or forbidden from one that is damaged; h5py does not."""
    try:
        if path.exists() and not path.is_file():
            raise OutputError("is no file", where=str(path), expected=expected)
        path.open("rb").close()
    except (OSError, ValueError) as error:
        raise OutputError("cannot be read", where=str(path), expected=expected, got=one_line(error)) from None
