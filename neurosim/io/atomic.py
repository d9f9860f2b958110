"""Files written whole or not at all; knows nothing of what is in them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from neurosim.errors import OutputError


def check_writable(path: str | Path) -> None:
    """Refuse now, before a long run, a path that could not be written at its end.

    Raises
    ------
    OutputError : the folder is missing or cannot be written, or the path is no regular file.
    """
    target = _target(Path(path))
    part = _part_of(target)
    try:
        part.open("xb").close()
        part.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from None


@contextlib.contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the name `path` once the block ends well.

    If the block does not end well, what was written is removed.

    Raises
    ------
    OutputError : any step meets an OSError, such as a full disk; `path` is then as it was before.
    """
    target = _target(Path(path))
    part = _part_of(target)
    try:
        yield part
        _flush(part)
        os.replace(part, target)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    with contextlib.suppress(OSError):  # some file systems cannot flush a folder
        _flush(target.parent)


@contextlib.contextmanager
def write_folder_atomically(path: str | Path) -> Iterator[Path]:
    """A new folder beside `path` to fill; it takes the name `path` once the block ends well, and is gone otherwise.

    Raises
    ------
    OutputError : there is something of that name, or any step meets an OSError.
    """
    target = Path(path)
    if target.exists() or target.is_symlink():
        raise OutputError(
            "is there already",
            where=str(path),
            expected="the name of a new folder",
            remedy="choose another name, or remove it",
        )
    part = _part_of(_target(target))
    try:
        part.mkdir()
        yield part
        for file in part.rglob("*"):
            if file.is_file():
                _flush(file)
        os.rename(part, target)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    with contextlib.suppress(OSError):
        _flush(target.parent)


def make_folder(folder: str | Path) -> None:
    """The folder with those above it.

    Raises
    ------
    OutputError : it cannot be made.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "folder cannot be made", where=str(folder), got=one_line(error), remedy="choose another --out"
        ) from None


def one_line(error: Exception) -> str:
    """The first line of an error's text, or its type when it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _target(path: Path) -> Path:
    """The file itself, behind any symbolic link, so that replacing it keeps the link."""
    try:
        target = path.resolve()
        kind = target.stat().st_mode if target.exists() else stat.S_IFREG
        folder = target.parent.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name
        raise _cannot_write(path, error) from None
    if not stat.S_ISREG(kind):
        got = "a folder" if stat.S_ISDIR(kind) else "something else"
        raise OutputError("cannot be written", where=str(path), expected="a file", got=got)
    if not folder:
        raise OutputError(
            "cannot be written",
            where=str(path),
            expected=f"a folder {target.parent}",
            got="no such folder",
            remedy="make the folder first",
        )
    return target


def _part_of(target: Path) -> Path:
    # Short, since the target's own name may already be as long as names get.
    return target.with_name(f".{secrets.token_hex(8)}.part")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(path: str | Path, error: Exception) -> OutputError:
    return OutputError(
        "cannot be written",
        where=str(path),
        got=one_line(error),
        remedy="choose a folder you may write to, on a disk with room",
    )
