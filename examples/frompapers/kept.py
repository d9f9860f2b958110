"""Intermediate results in files, from which an interrupted script goes on; knows no paper."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.io.atomic import make_folder, one_line, write_atomically
from neurosim.version import __version__

Arrays = dict[str, NDArray[Any]]
MARK = "frompapers 1"
"""Attribute `kept_by` of every file that is written here; a file without it is foreign."""


def key_of(name: str, **settings: Any) -> str:
    """A file name for what these settings give: the name and a hash of it, of them and of neurosim's version."""
    text = json.dumps({**settings, "of": name, "version": __version__}, sort_keys=True, default=str)
    plain = re.sub(r"[^A-Za-z0-9.=_-]+", "_", name)
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def resumable(
    folder: Path, key: str, compute: Callable[[], Mapping[str, Any]], *, fresh: bool = False
) -> Arrays:
    """What compute() gives, from `<folder>/<key>.h5` if it is there; otherwise computed and kept there.

    A damaged or foreign file is computed again, with a note on standard error.

    Raises
    ------
    OutputError : the folder cannot be made or written.
    """
    path = folder / f"{key}.h5"
    found = None if fresh else _read(path, key)
    if found is not None:
        return found
    arrays = {name: np.asarray(value) for name, value in compute().items()}
    _write(path, key, arrays)
    return arrays


def continued(
    folder: Path,
    key: str,
    *,
    begin: Callable[[], Mapping[str, Any]],
    advance: Callable[[Arrays], Mapping[str, Any]],
    length: int,
    fresh: bool = False,
) -> Arrays:
    """begin(), then `length` times advance(); the last state is kept, so that long work goes on where it was.

    The entry "advanced" of the state counts; an advance that returns the entry "ended" (true) is the last.
    """
    path = folder / f"{key}.h5"
    state = None if fresh else _read(path, key)
    if state is None:
        state = {**{name: np.asarray(value) for name, value in begin().items()}, "advanced": np.array(0)}
    while int(state["advanced"]) < length and not bool(state.get("ended", False)):
        after = {name: np.asarray(value) for name, value in advance(state).items()}
        state = {**after, "advanced": state["advanced"] + 1}
        _write(path, key, state)
    return state


def _read(path: Path, key: str) -> Arrays | None:
    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("kept_by") != MARK or file.attrs.get("key") != key:
                print(f"{path}: foreign file, computed again", file=sys.stderr)
                return None
            return {name: file[name][()] for name in file}
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        print(f"{path}: damaged file, computed again ({one_line(error)})", file=sys.stderr)
        return None


def _write(path: Path, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    make_folder(path.parent)
    with write_atomically(path) as part, h5py.File(part, "w") as file:
        file.attrs["kept_by"], file.attrs["key"] = MARK, key
        for name, values in arrays.items():
            file[name] = values
