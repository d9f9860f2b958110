"""The build cache: one folder for each compiled program, safe between processes, the least used go first."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import attrs
import platformdirs
from filelock import FileLock

from neurosim.backend.compiler import DEFINES, FLAGS, blas_paths, compiler_identity
from neurosim.backend.disk import written
from neurosim.equations.model import Model

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
        if source.suffix in (".py", ".cpp", ".cu", ".h", ".mk"):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:32]


def cached_build(key: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
    """The folder of a finished build, and whether it was made now. A failed build's folder is kept.

    A build that is not as it was when it was finished, by whatever happened to the disk since, is made anew.

    Raises
    ------
    OutputError : the cache cannot be written.
    """
    folder = cache_folder()
    ready = folder / key
    if _in_use(ready):
        return ready, False
    with written("the build cache", folder, variable="NEUROSIM_CACHE"):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            if _in_use(ready):  # another process has built it while we waited
                return ready, False
            _make(ready, build)
    _prune(folder, keep=ready)
    return ready, True


def _in_use(ready: Path) -> bool:
    """Whether it can be used; then it is not the one to go when the cache is full."""
    if not is_whole(ready):
        return False
    with contextlib.suppress(OSError):  # a cache that one may read but not write serves as it is
        os.utime(ready)
    return True


def _make(ready: Path, build: Callable[[Path], None]) -> None:
    work = Path(tempfile.mkdtemp(prefix=f"{ready.name}.", dir=ready.parent))
    try:
        build(work)
        (work / SEAL).write_text(json.dumps(_sums(work)))
        shutil.rmtree(ready, ignore_errors=True)
        work.rename(ready)
    except OSError:  # no room, most likely: none is taken by what nobody can use
        shutil.rmtree(work, ignore_errors=True)
        raise


SEAL = "sha256.json"
"""The file with the sums of what a run needs of a build."""
_NEEDED = ("main", "manifest.json")


def is_whole(build: Path) -> bool:
    """Whether a build is finished, and what it was when it was."""
    try:
        return dict(json.loads((build / SEAL).read_text())) == _sums(build)
    except (OSError, ValueError, TypeError):
        return False


def _sums(build: Path) -> dict[str, str]:
    return {name: hashlib.sha256((build / name).read_bytes()).hexdigest() for name in _NEEDED}


@attrs.frozen(kw_only=True)
class CacheState:
    """What is in the cache."""

    folder: Path
    builds: int
    """Finished ones."""
    broken: int
    """Folders of builds that failed, or that something happened to: no run uses them."""
    size: int
    """Bytes."""
    limit: int = LIMIT_BYTES


def cache_state() -> CacheState:
    """Looks at the cache and changes nothing."""
    folder = cache_folder()
    found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    whole = sum(map(is_whole, found))
    return CacheState(folder=folder, builds=whole, broken=len(found) - whole, size=sum(map(_bytes, found)))


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
