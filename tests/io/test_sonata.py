"""SONATA exports, read back by libsonata and bmtk, which know nothing of neurosim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import h5py
import libsonata
import numpy as np
import pytest
from bmtk.utils.reports.spike_trains import SpikeTrains
from bmtk.utils.sonata.file import File

from neurosim.errors import OutputError
from neurosim.io import open_result, write_result
from neurosim.io.sonata import write_sonata
from neurosim.result import Projection, Result, Spikes, Trace

DT = 2e-5
COLUMNS, TIMES = 2, 9


def _projection(
    draws: np.random.Generator, source: str, target: str, shape: tuple[int, int], **more: Any
) -> Projection:
    weights = np.round(draws.normal(size=shape), 1)  # some are 0 exactly
    device = {"gain": draws.normal(size=shape), "stored": draws.normal(size=shape)}
    return Projection(weights=weights, source=source, target=target, device=device, **more)


@pytest.fixture(scope="module")
def result() -> Result:
    """7-5-3 with a controller's feedback to both layers, two columns of traces, and drawn devices."""
    draws = np.random.default_rng(1)

    def trace(n: int) -> Trace:
        return Trace(values=draws.normal(size=(COLUMNS, TIMES, n)), unit="V", dt=DT)

    forward: dict[str, Any] = {"kind": "feedforward"}
    return Result(
        spec="[network]\nlayers = [7, 5, 3]\n",
        seed=2**63 + 5,
        backend="cpp",
        connectivity={
            "input_to_layer_1": _projection(
                draws, "input", "layer_1", (5, 7), biases=draws.normal(size=5), **forward
            ),
            "layer_1_to_layer_2": _projection(
                draws, "layer_1", "layer_2", (3, 5), biases=np.zeros(3), **forward
            ),
            "controller_to_layer_1": _projection(draws, "controller", "layer_1", (5, 3), kind="feedback"),
            "controller_to_layer_2": _projection(draws, "controller", "layer_2", (3, 3), kind="feedback"),
        },
        traces={
            "layer_1": {"soma": trace(5), "basal": trace(5)},
            "layer_2": {"soma": trace(3)},
            "controller": {"output": trace(3)},
        },
        devices={"layer_1": {"leak": draws.normal(size=5)}, "controller": {"offset": draws.normal(size=3)}},
        provenance={"dt_second": DT, "chip": "subthreshold_180nm"},
    )


SIZES = {"input": 7, "layer_1": 5, "layer_2": 3, "controller": 3}


@pytest.fixture(scope="module", params=[0.0, 0.7, 9.0], ids=["all", "some", "none"])
def threshold(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture(scope="module")
def folder(result: Result, threshold: float, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported with seven weights in memory at a time, out of an open file."""
    place = tmp_path_factory.mktemp("sonata")
    write_result(result, place / "result.h5")
    with pytest.MonkeyPatch.context() as patch, open_result(place / "result.h5") as opened:
        patch.setattr("neurosim.io.blocks.MOST_NUMBERS", 7)
        write_sonata(opened, place / "out", threshold=threshold)
    return place / "out"


def test_marks_and_types_that_the_specification_requires(folder: Path) -> None:
    files = [folder / "nodes.h5", folder / "edges.h5", *(folder / "reports").glob("*.h5")]
    assert len(files) == 2 + 3 * COLUMNS
    for path in files:
        with h5py.File(path) as file:
            assert file.attrs["magic"] == 0x0A7A
            assert file.attrs["magic"].dtype == np.uint32
            np.testing.assert_array_equal(file.attrs["version"], np.array([0, 1], np.uint32), strict=True)
            file.visititems(lambda _, item: _uncompressed(item))
    nodes = (folder / "node_types.csv").read_text().splitlines()
    assert nodes[0] == "node_type_id population model_type model_template"
    assert nodes[1] == "100 input virtual NULL"
    edges = (folder / "edge_types.csv").read_text().splitlines()
    assert edges[0].split()[0] == "edge_type_id"
    assert len(edges) == 1 + 4


def _uncompressed(item: Any) -> None:
    assert not isinstance(item, h5py.Dataset) or item.compression is None


def test_libsonata_reads_the_nodes(folder: Path, result: Result) -> None:
    storage = libsonata.NodeStorage(str(folder / "nodes.h5"))
    assert storage.population_names == set(SIZES)
    for name, size in SIZES.items():
        assert storage.open_population(name).size == size
    layer = storage.open_population("layer_1")
    found = {name: layer.get_dynamics_attribute(name, layer.select_all()) for name in ("bias", "leak")}
    np.testing.assert_array_equal(found["bias"], result.connectivity["input_to_layer_1"].biases)
    np.testing.assert_array_equal(found["leak"], result.devices["layer_1"]["leak"])


def test_libsonata_reads_the_edges(folder: Path, result: Result, threshold: float) -> None:
    """All, those to one node and those from one node: weights, devices and delays bit for bit."""
    storage = libsonata.EdgeStorage(str(folder / "edges.h5"))
    assert storage.population_names == set(result.connectivity)
    for name, projection in result.connectivity.items():
        edges, weights = storage.open_population(name), projection.weights
        kept = np.abs(weights) >= threshold
        assert (edges.source, edges.target, edges.size) == (projection.source, projection.target, kept.sum())
        if not edges.size:
            continue
        every = edges.select_all()
        targets, sources = np.nonzero(kept)
        np.testing.assert_array_equal(edges.target_nodes(every), targets)
        np.testing.assert_array_equal(edges.source_nodes(every), sources)
        for attribute, matrix in {"syn_weight": weights, **projection.device}.items():
            np.testing.assert_array_equal(edges.get_attribute(attribute, every), matrix[kept])
        assert set(edges.get_attribute("delay", every)) == {1e3 * DT}
        for post in range(len(weights)):
            chosen = edges.afferent_edges([post])
            np.testing.assert_array_equal(
                edges.get_attribute("syn_weight", chosen), weights[post][kept[post]]
            )
        for pre in range(weights.shape[1]):
            chosen = edges.efferent_edges([pre])
            np.testing.assert_array_equal(edges.target_nodes(chosen), np.nonzero(kept[:, pre])[0])
            np.testing.assert_array_equal(
                edges.get_attribute("syn_weight", chosen), weights[:, pre][kept[:, pre]]
            )


def test_bmtk_reads_the_same(folder: Path, result: Result, threshold: float) -> None:
    names = [("nodes.h5", "node_types.csv"), ("edges.h5", "edge_types.csv")]
    circuit = File(
        data_files=[str(folder / data) for data, _ in names],
        data_type_files=[str(folder / types) for _, types in names],
    )
    assert {population.name: len(population) for population in circuit.nodes.populations} == SIZES
    assert [node.node_id for node in circuit.nodes["layer_1"]] == [0, 1, 2, 3, 4]
    assert next(iter(circuit.nodes["layer_1"]))["model_type"] == "point_neuron"
    for name, projection in result.connectivity.items():
        edges, kept = circuit.edges[name], np.abs(projection.weights) >= threshold
        for post, row in enumerate(projection.weights):
            found = [(edge.source_node_id, edge["syn_weight"]) for edge in edges.get_target(post)]
            assert found == [(pre, row[pre]) for pre in np.nonzero(kept[post])[0]]
        for pre, column in enumerate(projection.weights.T):
            found = [(edge.target_node_id, edge["syn_weight"]) for edge in edges.get_source(pre)]
            assert found == [(post, column[post]) for post in np.nonzero(kept[:, pre])[0]]


def test_libsonata_reads_the_circuit_and_its_reports(folder: Path, result: Result) -> None:
    """Traces in single precision: libsonata takes no other."""
    circuit = libsonata.CircuitConfig.from_file(str(folder / "circuit_config.json"))
    assert circuit.node_populations == set(SIZES)
    assert circuit.edge_populations == set(result.connectivity)
    assert circuit.node_population("layer_2").size == 3
    simulation = libsonata.SimulationConfig.from_file(str(folder / "simulation_config.json"))
    assert set(simulation.list_report_names) == {
        f"{variable}_{column}" for variable in ("soma", "basal", "output") for column in range(COLUMNS)
    }
    assert simulation.run.tstop == pytest.approx(1e3 * DT * TIMES)
    for column in range(COLUMNS):
        reader = libsonata.ElementReportReader(str(folder / "reports" / f"soma_{column}.h5"))
        assert set(reader.get_population_names()) == {"layer_1", "layer_2"}
        for part in ("layer_1", "layer_2"):
            frame = reader[part].get()
            expected = result.traces[part]["soma"].values[column].astype(np.float32)
            np.testing.assert_array_equal(frame.data, expected, strict=True)
            assert reader[part].data_units == "V"
            assert reader[part].times == pytest.approx((0, 1e3 * DT * TIMES, 1e3 * DT))


@pytest.fixture
def spiking(result: Result) -> Result:
    """Of two columns, out of order, with two at a time; one layer is silent."""
    draws = np.random.default_rng(5)
    times = np.round(draws.uniform(0, DT * TIMES, 40), 6)
    spikes = Spikes(
        times=times,
        units=draws.integers(0, 5, 40).astype(float),
        columns=draws.integers(0, 2, 40).astype(float),
    )
    silent = Spikes(times=np.zeros(0), units=np.zeros(0), columns=np.zeros(0))
    return attrs.evolve(result, spikes={"layer_1": spikes, "layer_2": silent})


def test_libsonata_and_bmtk_read_spikes(spiking: Result, tmp_path: Path) -> None:
    """By unit and time, also out of a result file."""
    write_result(spiking, tmp_path / "result.h5")
    with open_result(tmp_path / "result.h5") as opened:
        write_sonata(opened, tmp_path / "out")
    spikes = spiking.spikes["layer_1"]
    for column in range(COLUMNS):
        path = str(tmp_path / "out" / f"spikes_{column}.h5")
        here = spikes.columns == column
        expected = sorted(zip(1e3 * spikes.times[here], spikes.units[here].astype(int), strict=True))
        reader = libsonata.SpikeReader(path)
        assert set(reader.get_population_names()) == {"layer_1", "layer_2"}
        assert reader["layer_1"].sorting == "by_time"
        found = reader["layer_1"].get_dict()
        assert list(zip(found["timestamps"], found["node_ids"], strict=True)) == expected
        assert not reader["layer_2"].get_dict()["node_ids"].size
        trains = SpikeTrains.load(path, population="layer_1")
        for unit in range(5):
            of_unit = [time for time, which in expected if which == unit]
            assert sorted(trains.get_times(node_id=unit, population="layer_1")) == of_unit
    simulation = libsonata.SimulationConfig.from_file(str(tmp_path / "out" / "simulation_config.json"))
    assert Path(simulation.output.spikes_file).name == "spikes_0.h5"


def test_spikes_alone_make_a_simulation_too(spiking: Result, tmp_path: Path) -> None:
    write_sonata(attrs.evolve(spiking, traces={}), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "simulation_config.json").read_text())
    assert document["run"]["tstop"] == 1e3 * spiking.spikes["layer_1"].times.max()
    assert document["run"]["dt"] == 1e3 * DT


def test_a_spike_of_nobody_is_refused(spiking: Result, tmp_path: Path) -> None:
    units = spiking.spikes["layer_1"].units.copy()
    units[7] = 5
    changed = attrs.evolve(spiking.spikes["layer_1"], units=units)
    with pytest.raises(OutputError, match="/spikes/layer_1/units"):
        write_sonata(attrs.evolve(spiking, spikes={"layer_1": changed}), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_where_it_is_from_goes_along(folder: Path, result: Result) -> None:
    with h5py.File(folder / "nodes.h5") as file:
        origin = file["neurosim"].attrs
        assert (origin["spec"], int(origin["seed"]), origin["backend"]) == (result.spec, result.seed, "cpp")
        assert file["neurosim/provenance"].attrs["chip"] == "subthreshold_180nm"


def test_a_result_without_traces_is_a_circuit_alone(result: Result, tmp_path: Path) -> None:
    write_sonata(attrs.evolve(result, traces={}), tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"nodes.h5", "edges.h5", "node_types.csv", "edge_types.csv", "circuit_config.json"}
    assert json.loads((tmp_path / "out" / "circuit_config.json").read_text())["networks"]


@pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf")])
def test_thresholds_that_are_none(result: Result, tmp_path: Path, threshold: float) -> None:
    with pytest.raises(OutputError, match="--threshold"):
        write_sonata(result, tmp_path / "out", threshold=threshold)
    assert not list(tmp_path.iterdir())


def test_what_is_there_already_stays_as_it_is(result: Result, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        write_sonata(result, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_write_that_breaks_off_leaves_nothing(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neurosim.io.sonata.write.write_reports", full)
    with pytest.raises(OutputError, match="No space left"):
        write_sonata(result, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_projections_that_do_not_fit_are_refused(result: Result, tmp_path: Path) -> None:
    other = attrs.evolve(result.connectivity["layer_1_to_layer_2"], weights=np.zeros((3, 6)))
    with pytest.raises(OutputError, match="5 units of layer_1"):
        write_sonata(
            attrs.evolve(result, connectivity={**result.connectivity, "layer_1_to_layer_2": other}),
            tmp_path / "out",
        )
    with pytest.raises(OutputError, match="no connectivity"):
        write_sonata(attrs.evolve(result, connectivity={}), tmp_path / "out")


def test_weights_that_are_no_number_are_not_left_out(result: Result, tmp_path: Path) -> None:
    """Neither by no threshold nor by one: NaN is not small."""
    first = result.connectivity["input_to_layer_1"]
    lost = first.weights.copy()
    lost[2, 3] = np.nan
    changed = {**result.connectivity, "input_to_layer_1": attrs.evolve(first, weights=lost)}
    for threshold in (0.0, 0.5):
        write_sonata(
            attrs.evolve(result, connectivity=changed), tmp_path / f"{threshold}", threshold=threshold
        )
        edges = libsonata.EdgeStorage(str(tmp_path / f"{threshold}" / "edges.h5")).open_population(
            "input_to_layer_1"
        )
        assert edges.size == np.sum(~(np.abs(lost) < threshold))
        chosen = edges.connecting_edges([3], [2])
        assert np.isnan(edges.get_attribute("syn_weight", chosen)).all()
        assert chosen.flat_size == 1


def test_parts_that_nothing_projects_to_are_populations(result: Result, tmp_path: Path) -> None:
    trace = Trace(values=np.ones((COLUMNS, TIMES, 4)), unit="V", dt=DT)
    beside = attrs.evolve(
        result,
        traces={**result.traces, "inverse_1": {"state": trace}},
        devices={"inverse_2": {"leak": np.ones(2)}},
    )
    write_sonata(beside, tmp_path / "out")
    storage = libsonata.NodeStorage(str(tmp_path / "out" / "nodes.h5"))
    assert storage.open_population("inverse_1").size == 4
    assert storage.open_population("inverse_2").size == 2
    assert (tmp_path / "out" / "node_types.csv").read_text().count("neurosim:population") == 2
    report = libsonata.ElementReportReader(str(tmp_path / "out" / "reports" / "state_1.h5"))
    assert (report["inverse_1"].get().data == 1).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"traces": {"layer_1": {"soma": Trace(values=np.ones((2, 9, 4)), unit="V", dt=DT)}}},
            "5 units of layer_1",
        ),
        ({"devices": {"layer_1": {"leak": np.ones(6)}}}, "5 units of layer_1"),
        ({"devices": {"a part": {"leak": np.ones(6)}}}, "letters, digits"),
        ({"devices": {"": {"leak": np.ones(6)}}}, "letters, digits"),
        ({"provenance": {"dt_second": "soon"}}, "dt_second"),
        (
            {
                "traces": {
                    "layer_1": {"soma": Trace(values=np.ones((2, 9, 5)), unit="V", dt=DT)},
                    "layer_2": {"soma": Trace(values=np.ones((1, 9, 3)), unit="V", dt=DT)},
                }
            },
            "same times",
        ),
    ],
)
def test_results_that_make_no_circuit(
    result: Result, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(OutputError, match=said):
        write_sonata(attrs.evolve(result, **change), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_damage_met_on_the_way_is_the_files_that_is_read(result: Result, tmp_path: Path) -> None:
    """Of packed traces, which are looked into only when they are asked for; nothing is left."""
    path = tmp_path / "result.h5"
    write_result(result, path)
    with h5py.File(path) as file:
        chunk = file["traces/layer_1/soma"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with pytest.raises(OutputError) as caught, open_result(path) as opened:
        write_sonata(opened, tmp_path / "out")
    assert caught.value.where == f"{path}: /traces/layer_1/soma"
    assert [each.name for each in tmp_path.iterdir()] == ["result.h5"]
