"""neurosim import, and networks that go on elsewhere with weights they learned here."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest

from neurosim.io import read_result
from neurosim.spec import read_spec
from tests.cli.conftest import SMALL, Cli, assert_refused


def _graph(path: Path) -> Path:
    draws = np.random.default_rng(1)
    nodes = [
        nir.Affine(weight=draws.normal(size=(6, 64)) / 8, bias=np.zeros(6)),
        nir.LI(tau=np.full(6, 0.01), r=np.ones(6), v_leak=np.zeros(6)),
        nir.Linear(weight=draws.normal(size=(10, 6)) / 3),
        nir.LI(tau=np.full(10, 0.01), r=np.ones(10), v_leak=np.zeros(10)),
    ]
    nir.write(path, nir.NIRGraph.from_list(*nodes))
    return path


def test_a_graph_becomes_a_spec_that_runs(cli: Cli, tmp_path: Path) -> None:
    path = _graph(tmp_path / "net.nir")
    outcome = cli("import", path, tmp_path / "net.toml")
    assert (outcome.status, outcome.err) == (0, "")
    assert "starts with the weights in" in outcome.out
    short = ("run.epochs=0", "run.verify_samples=0", "task.test_samples=8", "run.settle_duration=1")
    options = [part for override in short for part in ("--set", override)]
    ran = cli("run", tmp_path / "net.toml", "--backend", "numpy", "--out", tmp_path / "a.h5", *options)
    assert ran.status == 0
    assert "weights from" in ran.out
    result = read_result(tmp_path / "a.h5")
    nodes = nir.read(path).nodes
    assert np.array_equal(result.connectivity["input_to_layer_1"].weights, nodes["affine"].weight)
    assert np.array_equal(result.connectivity["layer_1_to_layer_2"].weights, nodes["linear"].weight)
    assert read_spec(tmp_path / "net.toml").network.hidden == "linear"


@pytest.mark.parametrize("format", ["nir", "sonata", "hdf5"])
def test_a_noisy_chip_s_network_goes_elsewhere_and_comes_back(
    format: str, cli: Cli, finished, tmp_path: Path
) -> None:
    """Out in a format, in again from it onto another chip: the weights are bit for bit what the first chip had."""
    out = tmp_path / "net"
    outcome = cli("export", finished[0], out, "--format", format)
    assert outcome.status == 0
    assert ("is without" in outcome.out) == (format != "hdf5")
    path = tmp_path / "small.toml"
    path.write_text(SMALL.replace("layers = [64, 6, 10]", 'layers = [64, 6, 10]\nweights.file = "net"'))
    ran = cli("run", path, "--set", "run.epochs=0", "--set", "network.weights.feedback=true", "--out", "b.h5")
    assert ran.status == 0, ran.err
    before, after = read_result(finished[0]).connectivity, read_result("b.h5").connectivity
    assert set(before) == set(after)
    for name, projection in before.items():
        assert np.array_equal(after[name].weights, projection.weights)
        if projection.biases is not None:
            assert np.array_equal(after[name].biases, projection.biases)


def test_a_cost_is_that_of_the_weights_it_is_given(cli: Cli, spec: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", input_to_layer_1=np.zeros((6, 64)), layer_1_to_layer_2=np.zeros((10, 6)))
    chip = ("--set", "chip.name=subthreshold_180nm")
    drawn = cli("cost", spec, *chip)
    given = cli("cost", spec, *chip, "--set", f"network.weights.file={tmp_path / 'w.npz'}")
    assert (drawn.status, given.status) == (0, 0)
    assert drawn.out != given.out


def test_what_it_refuses(cli: Cli, finished, spec: Path, tmp_path: Path) -> None:
    path = _graph(tmp_path / "net.nir")
    assert_refused(cli("import", tmp_path / "none.nir", tmp_path / "a.toml"), "none.nir", "cannot be read")
    assert_refused(cli("import", spec, tmp_path / "a.toml"), "HDF5")
    assert_refused(cli("import", path, spec), "there already")
    assert_refused(cli("import", path, tmp_path / "no" / "a.toml"), "make the folder first")
    assert_refused(cli("import", path), "required")
    np.savez(tmp_path / "w.npz", a=np.zeros(3))
    assert_refused(cli("import", tmp_path / "w.npz", tmp_path / "a.toml"), "does not say", "layers")
    for command in ("run", "verify", "cost"):
        lacking = cli(command, spec, "--set", f"network.weights.file={tmp_path / 'w.npz'}")
        assert_refused(lacking, "w.npz: lacks weights", "input_to_layer_1", "network.weights.arrays")
    unknown = cli("run", spec, "--set", "network.weights.fiel=a")
    assert_refused(unknown, "network.weights.fiel", '"file"')
    other = cli("run", spec, "--set", f"network.weights.file={path}", "--set", "network.layers=[64,7,10]")
    assert_refused(other, "does not fit the network", "(6, 64)")
    assert sorted(p.name for p in tmp_path.iterdir() if p != spec) == ["net.nir", "w.npz"]
