"""neurosim export: what it leaves, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import libsonata
import numpy as np
import pytest

from neurosim.cli import EXPORTS
from neurosim.io import FORMATS, read_result, write_result
from neurosim.result import Result
from tests.cli.conftest import Cli, assert_refused
from tests.same import assert_same


def test_the_formats_of_the_command_line_are_those_there_are() -> None:
    assert set(EXPORTS) == set(FORMATS)


def test_a_run_becomes_a_circuit(cli: Cli, finished, tmp_path: Path) -> None:
    """Of a noisy chip: what libsonata reads are the weights as the chip has them."""
    outcome = cli("export", finished[0], tmp_path / "out", "--format", "sonata", "--quiet")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    result = read_result(finished[0])
    storage = libsonata.EdgeStorage(str(tmp_path / "out" / "edges.h5"))
    for name, projection in result.connectivity.items():
        edges = storage.open_population(name)
        weights = edges.get_attribute("syn_weight", edges.select_all())
        np.testing.assert_array_equal(weights, projection.weights.ravel())
    report = libsonata.ElementReportReader(str(tmp_path / "out" / "reports" / "soma_0.h5"))["layer_1"].get()
    traced = result.traces["layer_1"]["soma"].values[0]
    np.testing.assert_array_equal(report.data, traced.astype(np.float32))


def test_a_result_file_again(cli: Cli, finished, tmp_path: Path) -> None:
    assert cli("export", finished[0], tmp_path / "b.h5", "--format", "hdf5").status == 0
    assert_same(read_result(tmp_path / "b.h5"), read_result(finished[0]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.h5", "out"], "required: --format"),
        (["a.h5", "out", "--format", "xml"], "invalid choice: 'xml'"),
        (["none.h5", "out", "--format", "sonata"], "none.h5"),
    ],
)
def test_bad_use(cli: Cli, arguments: list[str], said: str) -> None:
    assert_refused(cli("export", *arguments), said)


def test_what_it_refuses(cli: Cli, finished, spec: Path, tmp_path: Path) -> None:
    path, _ = finished
    before = path.read_bytes()
    assert_refused(cli("export", spec, tmp_path / "out", "--format", "sonata"), "no HDF5 file")
    assert_refused(cli("export", path, tmp_path, "--format", "sonata", "--quiet"), "is there already")
    missing = tmp_path / "no" / "out"
    assert_refused(cli("export", path, missing, "--format", "sonata", "--quiet"), "make the folder first")
    assert_refused(cli("export", path, path, "--format", "hdf5", "--quiet"), "over itself")
    bad = ("--threshold", "-1", "--quiet")
    assert_refused(cli("export", path, tmp_path / "out", "--format", "sonata", *bad), "--threshold")
    some = ("--threshold", ".1", "--quiet")
    assert_refused(
        cli("export", path, tmp_path / "b.h5", "--format", "hdf5", *some), "--threshold", "matrices"
    )
    write_result(Result(spec="", seed=0, backend="cpp"), tmp_path / "empty.h5")
    empty = cli("export", tmp_path / "empty.h5", tmp_path / "out", "--format", "sonata", "--quiet")
    assert_refused(empty, "empty.h5: /connectivity: has no connectivity")
    assert path.read_bytes() == before
    assert not (tmp_path / "out").exists()
