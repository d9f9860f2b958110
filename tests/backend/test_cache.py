"""The build cache: built once, by one process at a time, least used removed first."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neurosim.backend import cache
from neurosim.errors import CompileError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))


def _build(folder: Path) -> None:
    (folder / "main").write_bytes(bytes(1000))
    (folder / "manifest.json").write_text("{}")


def test_a_key_is_built_once_even_by_many_at_the_same_time() -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        _build(folder)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: cache.cached_build("key", build), range(8)))
    assert len(built) == 1
    assert sum(made for _, made in outcomes) == 1
    assert {folder for folder, _ in outcomes} == {cache.cache_folder() / "key"}


def test_a_failed_build_is_kept_to_look_at_and_tried_again() -> None:
    def fail(folder: Path) -> None:
        (folder / "compiler.log").write_text("boom")
        raise CompileError("no", where=str(folder))

    with pytest.raises(CompileError) as caught:
        cache.cached_build("key", fail)
    assert (Path(caught.value.where) / "compiler.log").read_text() == "boom"
    assert cache.cached_build("key", _build)[1]


def test_the_least_used_builds_go_when_the_limit_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT_BYTES", 2500)
    for age, key in enumerate(("old", "newer")):
        folder, _ = cache.cached_build(key, _build)
        os.utime(folder, (age, age))
    cache.cached_build("old", _build)  # used again: now "newer" is the least used
    cache.cached_build("third", _build)
    left = {path.name for path in cache.cache_folder().iterdir() if path.is_dir()}
    assert left == {"old", "third"}
