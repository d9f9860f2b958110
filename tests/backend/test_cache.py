"""The build cache: built once, by one process at a time, least used removed first."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from neurosim.backend import cache
from neurosim.errors import CompileError, OutputError


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


@pytest.mark.parametrize("name", ["main", "manifest.json", cache.SEAL])
@pytest.mark.parametrize("left", [0, 10])
def test_a_build_that_is_cut_short_is_made_anew(name: str, left: int) -> None:
    folder, _ = cache.cached_build("key", _build)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: min(left, len(whole) - 1)])
    assert cache.cache_state().broken == 1
    again, made = cache.cached_build("key", _build)
    assert made
    assert (again / name).read_bytes() == whole
    assert (cache.cache_state().builds, cache.cache_state().broken) == (1, 0)


def test_a_full_disk_is_told_and_nothing_is_left_there() -> None:
    def fill(folder: Path) -> None:
        (folder / "main").write_bytes(bytes(1000))
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left") as caught:
        cache.cached_build("key", fill)
    assert "NEUROSIM_CACHE" in caught.value.remedy
    assert not [path for path in cache.cache_folder().iterdir() if path.is_dir()]
    assert cache.cached_build("key", _build)[1]


def _slow(folder: Path) -> None:
    time.sleep(0.5)
    _build(folder)


def _built(key: str) -> bool:
    return cache.cached_build(key, _slow)[1]


def test_two_processes_that_want_the_same_build_it_once() -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sorted(pool.map(_built, ["key"] * 3)) == [False, False, True]


def test_a_cache_that_may_only_be_read_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.cached_build("key", _build)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Read-only file system")

    monkeypatch.setattr(cache.os, "utime", refuse)
    monkeypatch.setattr(cache.tempfile, "mkdtemp", refuse)
    assert not cache.cached_build("key", _build)[1]
    with pytest.raises(OutputError, match="Read-only"):
        cache.cached_build("another", _build)
