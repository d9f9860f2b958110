"""Files from anywhere: each is read well or refused with an OutputError, and no link leads out of it."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import OutputError
from neurosim.io import open_result, read_result, write_result
from neurosim.report.contents import rows_of
from neurosim.result import Result
from tests.io.damage import CHANGES, MOST_MEMORY, is_there, members_of, mutations


@pytest.fixture(scope="module")
def good(tmp_path_factory, full_result) -> Path:
    path = tmp_path_factory.mktemp("good") / "result.h5"
    write_result(full_result, path)
    return path


@pytest.fixture
def path(good, tmp_path) -> Path:
    return Path(shutil.copy(good, tmp_path / "damaged.h5"))


def refuse(path: Path) -> OutputError:
    with pytest.raises(OutputError) as caught:
        read_result(path)
    report = caught.value.report()
    assert str(path) in report
    assert len(report.splitlines()) <= 5
    assert caught.value.exit_status == 2
    return caught.value


def _replace(name: str, **data: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        attributes = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, **data).attrs.update(attributes)

    return change


def _link(name: str, link: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return change


def _set(name: str, key: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file[name].attrs.__setitem__(key, value)


def _drop(name: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__delitem__(name)


def _drop_attribute(name: str, key: str) -> Callable[[h5py.File], None]:
    return lambda file: file[name].attrs.__delitem__(key)


_W = "connectivity/input_to_layer_1/weights"
_CHANGES = {
    "no format": _drop_attribute("/", "format"),
    "another format": _set("/", "format", "sonata"),
    "format as a number": _set("/", "format", 1),
    "no version": _drop_attribute("/", "format_version"),
    "later version": _set("/", "format_version", 2),
    "version as text": _set("/", "format_version", "1"),
    "version as array": _set("/", "format_version", np.ones(3, int)),
    "no spec": _drop_attribute("/", "spec"),
    "spec of broken characters": _set("/", "spec", np.bytes_(b"\xff\xfe")),
    "spec empty in the HDF5 way": _set("/", "spec", h5py.Empty("S1")),
    "seed as a fraction": _set("/", "seed", 0.5),
    "unknown status": _set("/", "status", "splendid"),
    "no status_time": _drop_attribute("/", "status_time"),
    "status_step as text": _set("/", "status_step", "x"),
    **{f"no {group}": _drop(group) for group in ("connectivity", "learning", "traces", "devices")},
    "no verification": _drop("verification"),
    "no provenance": _drop("provenance"),
    "array in provenance": _set("provenance", "numpy", np.ones(3)),
    "group for a data set": lambda file: file["learning"].create_group("x"),
    "data set for a group": lambda file: file["traces"].create_dataset("x", data=1.0),
    "no weights": _drop(_W),
    "weights of three dimensions": _replace(_W, data=np.ones((3, 5, 1))),
    "weights as a scalar": _replace(_W, data=1.0),
    "weights that fit no biases": _replace(_W, data=np.ones((4, 5))),
    "weights as text": _replace(_W, data=np.full((3, 5), b"x")),
    "weights as whole numbers": _replace(_W, data=np.ones((3, 5), int)),
    "weights as complex": _replace(_W, data=np.ones((3, 5), complex)),
    "weights as objects": _replace(_W, shape=(3, 5), dtype=h5py.ref_dtype),
    "weights as lists": _replace(_W, shape=(3, 5), dtype=h5py.vlen_dtype(np.float64)),
    "weights as records": _replace(_W, shape=(3, 5), dtype=[("a", "f8")]),
    "weights empty in the HDF5 way": _replace(_W, data=h5py.Empty("f8")),
    "weights never written": _replace(_W, shape=(3, 5), dtype="f8"),
    "weights of terabytes": _replace(_W, shape=(10**6, 10**6), dtype="f8"),
    "weights of terabytes in chunks": _replace(_W, shape=(10**6, 10**6), dtype="f8", chunks=(10, 10)),
    "one huge chunk": _replace(_W, shape=(3, 5), dtype="f8", chunks=(3, 10**7), maxshape=(3, None)),
    "unknown kind": _set("connectivity/input_to_layer_1", "kind", "sideways"),
    "no device group": _drop("connectivity/input_to_layer_1/device"),
    "device of another shape": _replace("connectivity/input_to_layer_1/device/gain", data=np.ones(15)),
    "trace without dt": _drop_attribute("traces/layer_10/soma", "dt"),
    "dt as text": _set("traces/layer_10/soma", "dt", "1 ms"),
    "series without axis": _drop_attribute("learning/train_loss", "axis"),
    "check without position": _drop_attribute("verification/lemma_1", "position"),
    "gating as a number": _set("verification/lemma_1", "gating", 1),
    "soft link": _link(_W, h5py.SoftLink("/connectivity/controller_to_layer_1/weights")),
    "soft link to a group": _link("traces", h5py.SoftLink("/devices")),
    "link into nothing": _link(_W, h5py.SoftLink("/nothing")),
    "link to another file": _link(_W, h5py.ExternalLink("other.h5", "/secret")),
    "link of a whole group to another file": _link("learning", h5py.ExternalLink("other.h5", "/")),
    "group within itself": lambda file: file.__setitem__("devices/layer_1/loop", file["devices"]),
}


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_a_changed_file_is_refused(path, change):
    with h5py.File(path.with_name("other.h5"), "w") as other:
        other["secret"] = np.ones((3, 5))
    with h5py.File(path, "a") as file:
        change(file)
    refuse(path)


def test_numbers_kept_in_another_file_are_refused(path):
    secret = path.with_name("secret.bin")
    secret.write_bytes(np.ones((3, 5)).tobytes())
    with h5py.File(path, "a") as file:
        del file[_W]
        file.create_dataset(_W, (3, 5), "f8", external=[(str(secret), 0, 120)])
    assert "another file" in refuse(path).what


def test_virtual_data_sets_are_refused(path):
    with h5py.File(path.with_name("other.h5"), "w") as other:
        other["secret"] = np.ones((3, 5))
    layout = h5py.VirtualLayout((3, 5), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "secret", (3, 5))
    with h5py.File(path, "a") as file:
        del file[_W]
        file.create_virtual_dataset(_W, layout)
    assert "another file" in refuse(path).what


def test_what_is_no_result_is_refused(tmp_path):
    refuse(tmp_path / "missing.h5")
    refuse(tmp_path)
    for name, content in {
        "empty": b"",
        "text": b"hello",
        "magic": b"\x89HDF\r\n\x1a\n",
        "pickle": b"\x80\x04.",
    }.items():
        (tmp_path / name).write_bytes(content)
        refuse(tmp_path / name)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    assert refuse(tmp_path / "other.h5").what == "is no neurosim result"


def test_messages_name_the_place_and_the_remedy(path):
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 7
    error = refuse(path)
    assert (error.expected, error.got) == ("1", "7")
    assert "newer" in error.remedy


@pytest.mark.parametrize("block", [5, 6, 7, 64, 2**22])
def test_heaps_without_end_are_refused(path, monkeypatch, block):
    """However the file is cut into blocks."""
    monkeypatch.setattr("neurosim.io.hdf5.heaps._BLOCK", block)
    # HDF5 itself would step over them for ever: sizes of zero, and one that is zero modulo 2^64.
    content = path.read_bytes()
    at = content.index(b"GCOL\x01") + 16
    for damage in (bytes(16), b"\1\0\1\0" + bytes(4) + (2**64 - 16).to_bytes(8, "little")):
        path.write_bytes(content[:at] + damage + content[at + 16 :])
        assert refuse(path).what == "has damaged texts"


def _read_or_refused(path: Path) -> bool:
    """Whether it was read; all of it, and what is opened instead with every array looked at."""
    try:
        result = read_result(path)
    except OutputError as error:
        report = error.report()
    else:
        assert isinstance(result, Result)
        return True
    assert len(report.splitlines()) <= 5
    with pytest.raises(OutputError), open_result(path) as opened:
        rows_of(opened)
    return False


@pytest.mark.parametrize("scale", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_mutated_and_truncated_files_are_read_or_refused(good, tmp_path, scale):
    path = tmp_path / "mutated.h5"
    outcomes = []
    for content in mutations(good.read_bytes(), scale):
        path.write_bytes(content)
        outcomes.append(_read_or_refused(path))
    assert len(outcomes) == 250 * scale
    # the cut files and most flips in headers, which have checksums
    assert outcomes.count(False) >= 100 * scale


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_files_changed_in_their_structure_are_read_or_refused(good, tmp_path, rounds):
    """Every member of the file is removed, made absurdly large, of another type, shape or kind, a link, or loses its
    attributes; in further rounds two of them at a time."""
    path, draws = tmp_path / "changed.h5", np.random.default_rng(1)
    with h5py.File(good) as file:
        members = members_of(file)
    refused = 0
    for turn in range(rounds):
        for member in members:
            for change in CHANGES:
                shutil.copy(good, path)
                with h5py.File(path, "a") as file:
                    for name in (member, *draws.choice(members, 1 if turn else 0)):
                        if is_there(file, name):
                            change(file[name].parent, name.rpartition("/")[2])
                tracemalloc.start()
                refused += not _read_or_refused(path)
                assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
                tracemalloc.stop()
    assert refused > 0.5 * rounds * len(members) * len(CHANGES)
