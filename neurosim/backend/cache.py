"""The build cache: one folder for each compiled program, safe between processes, the least used go first."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import platformdirs
from filelock import FileLock

from neurosim.backend.compiler import DEFINES, FLAGS, blas_paths, compiler_identity
from neurosim.equations.model import Model
from neurosim.errors import OutputError

LIMIT_BYTES = 1 << 30
"""Size at which old builds are removed; chosen: several hundred programs."""


def cache_folder() -> Path:
    """$NEUROSIM_CACHE, or the user's cache folder."""
    return Path(os.environ.get("NEUROSIM_CACHE") or platformdirs.user_cache_dir("neurosim")) / "builds"


def build_key(model: Model) -> str:
    """Everything the program depends on: model, compiler, flags, Brian2 and this package's generators."""
    digest = hashlib.sha256()
    tools = (compiler_identity(), repr(FLAGS), repr(DEFINES), repr(blas_paths()))
    for text in (model.hash, *tools, version("brian2")):
        digest.update(text.encode())
    for source in sorted(Path(__file__).parent.rglob("*")):
        if source.suffix in (".py", ".cpp", ".h", ".mk"):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:32]


def cached_build(key: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
    """The folder of a finished build, and whether it was made now. A failed build's folder is kept.

    Raises
    ------
    OutputError : the cache cannot be written.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "the build cache cannot be made",
            where=str(folder),
            got=str(error),
            remedy="set NEUROSIM_CACHE to a folder you may write to",
        ) from None
    ready = folder / key
    with FileLock(folder / f"{key}.lock"):
        if (ready / "manifest.json").exists():
            os.utime(ready)
            return ready, False
        work = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=folder))
        build(work)
        shutil.rmtree(ready, ignore_errors=True)
        work.rename(ready)
    _prune(folder, keep=ready)
    return ready, True


def _prune(folder: Path, *, keep: Path) -> None:
    builds = sorted((p for p in folder.iterdir() if p.is_dir()), key=_last_use)
    sizes = {p: _bytes(p) for p in builds}
    total = sum(sizes.values())
    for path in builds:
        if total <= LIMIT_BYTES:
            return
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)
            total -= sizes[path]


# Other processes build and prune in the same folder, so that any file may vanish under our eyes.


def _last_use(build: Path) -> float:
    try:
        return build.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bytes(build: Path) -> int:
    total = 0
    for folder, _, names in os.walk(build):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total
