"""What is said when the disk does not take what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurosim.errors import OutputError


@contextmanager
def written(what: str, folder: Path, *, variable: str) -> Iterator[None]:
    """An OSError inside becomes an OutputError: `what` cannot be written; `variable` names another folder."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{what} cannot be written",
            where=str(folder),
            got=str(error),
            remedy=f"make room there, or set {variable} to a folder with more that you may write to",
        ) from None
