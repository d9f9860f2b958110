"""Result files: what is written comes back bit for bit, and plain h5py finds the documented layout."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import h5py
import numpy as np
import pytest

from neurosim.errors import OutputError
from neurosim.io import read_result, write_result
from neurosim.io.hdf5.layout import GROUPS
from neurosim.result import STATUSES, Check, Projection, Result, Series, Status, Trace
from neurosim.spec.reader import parse_spec, write_spec
from neurosim.version import __version__


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "result.h5"


def test_a_full_result_comes_back_bit_for_bit(path, full_result, assert_same):
    result = full_result
    write_result(result, path)
    assert_same(result, read_result(path))


def test_an_empty_result_comes_back(path, assert_same):
    result = Result(spec="", seed=0, backend="cpp")
    write_result(result, str(path))
    assert_same(result, read_result(str(path)))


@pytest.mark.parametrize("kind", STATUSES)
def test_every_status_comes_back(path, kind, assert_same):
    status = Status(kind=kind)
    write_result(Result(spec="", seed=0, backend="cpp", status=status), path)
    assert_same(status, read_result(path).status)


def test_a_written_file_is_written_again_without_loss(path, tmp_path, full_result, assert_same):
    write_result(full_result, path)
    second = tmp_path / "second.h5"
    write_result(read_result(path), second)
    assert_same(read_result(path), read_result(second))


def test_a_spec_longer_than_an_attribute_header_comes_back(path):
    spec = "# τ\n" * 300_000  # 1.5 MB; a fixed-length HDF5 attribute ends at 64 KiB
    write_result(Result(spec=spec, seed=0, backend="cpp"), path)
    assert read_result(path).spec == spec


def test_spec_in_the_file_is_the_spec_of_the_run(path):
    spec = parse_spec({"network": {"layers": [64, 32, 10]}})
    write_result(Result(spec=write_spec(spec), seed=1, backend="cpp"), path)
    with h5py.File(path) as file:
        assert parse_spec(tomllib.loads(file.attrs["spec"])) == spec


def test_root_attributes_as_documented(path, full_result):
    result = full_result
    write_result(result, path)
    with h5py.File(path) as file:
        found = dict(file.attrs)
        assert set(file) == set(GROUPS)
    created = datetime.fromisoformat(found.pop("created"))
    assert created.utcoffset() == timedelta(0)
    assert abs(datetime.now(created.tzinfo) - created) < timedelta(minutes=1)
    assert found == {
        "format": "neurosim",
        "format_version": 1,
        "neurosim_version": __version__,
        "seed": result.seed,
        "backend": "numpy",
        "status": "diverged",
        "spec": result.spec,
        "status_step": 12,
        "status_time": 1.25e-3,
        "status_part": "layer_1",
        "status_unit": 2,
        "status_column": 4,
        "status_message": result.status.message,
        "saturated": 0.25,
    }


def test_groups_as_documented(path, full_result, assert_same):
    result = full_result
    write_result(result, path)
    projection = result.connectivity["input_to_layer_1"]
    with h5py.File(path) as file:
        group = file["connectivity/input_to_layer_1"]
        assert dict(group.attrs) == {
            "source": "input",
            "target": "layer_1",
            "kind": "feedforward",
            "unit": "S",
        }
        assert_same(group["weights"][()], projection.weights)
        assert_same(group["biases"][()], projection.biases)
        assert_same(group["device/stored"][()], projection.device["stored"])
        assert "biases" not in file["connectivity/controller_to_layer_1"]
        assert file["learning/train_loss"].attrs["axis"] == "epoch"
        soma = file["traces/layer_10/soma"]
        assert_same(soma[()], result.traces["layer_10"]["soma"].values)
        assert dict(soma.attrs) == {"unit": "V", "dt": 1e-6}
        check = file["verification/lemma_1"]
        assert np.isnan(check.attrs["value"])
        assert check.attrs["tolerance"] == 1e-6
        assert not check.attrs["passed"]
        assert file["verification/steady_state"].attrs["passed"]
        assert_same(file["devices/layer_1/leak"][()], result.devices["layer_1"]["leak"])
        assert file["provenance"].attrs["volt"] == 0.02


def test_only_traces_are_packed(path, full_result):
    write_result(full_result, path)
    packed = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                packed.update({name: item.compression}) if isinstance(item, h5py.Dataset) else None
            )
        )
    assert packed.pop("traces/layer_9/apical") is None  # nothing in it to pack
    assert {name for name, how in packed.items() if how == "gzip"} == {
        n for n in packed if n.startswith("traces/")
    }


def test_float32_and_whole_numbers_are_widened(path, assert_same):
    trace = Trace(values=np.ones((1, 2, 3), np.float32) / 3, unit="V", dt=1)
    series = Series(values=np.arange(3), axis="epoch")
    result = Result(spec="", seed=0, backend="cpp", traces={"a": {"b": trace}}, learning={"c": series})
    write_result(result, path)
    back = read_result(path)
    assert_same(back.traces["a"]["b"].values, trace.values.astype(np.float64))
    assert_same(back.learning["c"].values, np.arange(3.0))


_WEIGHTS = Projection(weights=np.ones((2, 3)), source="a", target="b", kind="feedforward")
_REFUSED = {
    "slash in a name": {"connectivity": {"a/b": _WEIGHTS}},
    "empty name": {"connectivity": {"": _WEIGHTS}},
    "dot as a name": {"devices": {".": {}}},
    "parameter called like a folder up": {"devices": {"layer": {"a/../b": np.ones(2)}}},
    "weights of one dimension": {"connectivity": {"a": attrs.evolve(_WEIGHTS, weights=np.ones(3))}},
    "biases of another length": {"connectivity": {"a": attrs.evolve(_WEIGHTS, biases=np.ones(3))}},
    "device of another shape": {"connectivity": {"a": attrs.evolve(_WEIGHTS, device={"g": np.ones((3, 2))})}},
    "a single number as series": {"learning": {"a": Series(values=np.array(1.0), axis="epoch")}},
    "complex numbers": {"learning": {"a": Series(values=np.ones(2, complex), axis="epoch")}},
    "objects": {"learning": {"a": Series(values=np.array([{}, None]), axis="epoch")}},
    "strings": {"devices": {"a": {"b": np.array(["x"])}}},
    "trace of two dimensions": {"traces": {"a": {"b": Trace(values=np.ones((2, 2)), unit="V", dt=1.0)}}},
    "zero byte in a text": {"spec": "a\0b"},
    "half a character": {"spec": "\ud800"},
    "seed beyond 64 bits": {"seed": 2**64},
    "list in the provenance": {"provenance": {"a": [1, 2]}},
    "nothing in the provenance": {"provenance": {"a": None}},
    "a whole number beyond 64 bits in the provenance": {"provenance": {"a": 2**70}},
    "the same check twice": {"verification": (Check(name="a", value=0.0, tolerance=1.0),) * 2},
}


@pytest.mark.parametrize("change", _REFUSED.values(), ids=_REFUSED)
def test_what_has_no_place_is_refused_and_nothing_is_left(path, change):
    path.write_bytes(b"an older file")
    with pytest.raises(OutputError) as caught:
        write_result(attrs.evolve(Result(spec="", seed=0, backend="cpp"), **change), path)
    assert len(caught.value.report().splitlines()) <= 5
    assert [entry.name for entry in path.parent.iterdir()] == ["result.h5"]
    assert path.read_bytes() == b"an older file"
