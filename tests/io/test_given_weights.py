"""Weights from elsewhere come in bit for bit out of every format; what does not fit or is damaged is refused."""

from __future__ import annotations

import io
import json
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import h5py
import nir
import numpy as np
import pytest

from neurosim.emulate import Weights
from neurosim.errors import DataError, NeurosimError, OutputError, SpecError
from neurosim.io import export_result, import_spec, load_weights, write_result
from neurosim.io.weights.load import READERS, format_of
from neurosim.result import Result
from neurosim.spec import Spec, read_spec, write_spec
from neurosim.spec.reader import read_spec_text
from tests.io.damage import CHANGES, MOST_MEMORY, members_of, mutations
from tests.systems.nets import random_weights, spec_of, untouched

LAYERS = [7, 5, 4, 3]
FORWARD = ["input_to_layer_1", "layer_1_to_layer_2", "layer_2_to_layer_3"]
FEEDBACK = [f"controller_to_layer_{l}" for l in (1, 2, 3)]


def _spec(path: Path | str = "", **given: Any) -> Spec:
    table = {"weights": {"file": str(path), **given}} if path or given else {}
    return spec_of(LAYERS, network=table, method={"name": "DFC-fixed"})


@pytest.fixture(scope="module")
def weights() -> Weights:
    return random_weights(_spec(), 3)


@pytest.fixture(scope="module")
def result(weights: Weights) -> Result:
    return untouched(_spec(), weights)


@pytest.fixture(scope="module")
def files(result: Result, weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same weights in every format, under the names of a result."""
    folder = tmp_path_factory.mktemp("files")
    found = {name: folder / f"a.{name}" for name in READERS}
    write_result(result, found["result"])
    export_result(found["result"], found["nir"], "nir")
    export_result(found["result"], found["sonata"], "sonata")
    arrays = {name: p.weights for name, p in result.connectivity.items()}
    arrays |= {f"biases_{l}": b for l, b in enumerate(weights.biases, start=1)}
    with found["npz"].open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    with h5py.File(found["hdf5"], "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip")
    return found


def _taken(spec: Spec) -> Weights:
    return Weights.initial(spec, given=load_weights(spec).arrays)


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("said", ["auto", "said"])
def test_every_format_gives_them_bit_for_bit(
    format: str, said: str, files: dict[str, Path], weights: Weights
) -> None:
    path = files[format]
    assert format_of(path) == format
    loaded = load_weights(_spec(path, feedback=True, format=said if said == "auto" else format))
    found = Weights.initial(_spec(path, feedback=True), given=loaded.arrays)
    for field in ("forward", "biases", "feedback"):
        for got, expected in zip(getattr(found, field), getattr(weights, field), strict=True):
            assert got.dtype == np.float64
            assert np.array_equal(got, expected)
    assert list(loaded.arrays)[:4] == ["input_to_layer_1", "biases_1", "layer_1_to_layer_2", "biases_2"]


def test_they_are_the_same_whatever_they_were_in(files: dict[str, Path]) -> None:
    assert len({load_weights(_spec(path, feedback=True)).sha256 for path in files.values()}) == 1
    assert load_weights(_spec(files["npz"])).sha256 != load_weights(_spec(files["npz"], feedback=True)).sha256


def test_feedback_follows_given_forward_weights_where_it_is_not_taken(files: dict[str, Path]) -> None:
    found = _taken(_spec(files["npz"]))
    np.testing.assert_array_equal(found.feedback[1], found.forward[2].T @ np.eye(3))


def test_biases_that_are_not_there_are_told(tmp_path: Path, weights: Weights) -> None:
    loaded = load_weights(_spec(_bad_npz(tmp_path / "a", **_good(weights), biases_2=weights.biases[1])))
    assert loaded.without == ("biases_1", "biases_3")
    assert loaded.facts["weights_without"] == "biases_1, biases_3"
    assert not np.any(loaded.arrays["biases_3"])


@pytest.mark.parametrize("kind", ["npz", "hdf5"])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<f2"])
def test_names_and_transposes_as_stated(kind: str, dtype: str, weights: Weights, tmp_path: Path) -> None:
    """As a layer of Keras or a state dictionary has them, in every precision, without biases but for one."""
    arrays = {f"net/fc{l}/kernel": w.T.astype(dtype) for l, w in enumerate(weights.forward, start=1)}
    arrays["net/fc2/bias"] = weights.biases[1].astype(dtype)
    path = tmp_path / "w"
    if kind == "npz":
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file.create_dataset(name, data=values)
    names = {name: f"net/fc{l}/kernel" for l, name in enumerate(FORWARD, start=1)}
    found = _taken(_spec(path, transposed=True, arrays={**names, "biases_2": "net/fc2/bias"}))
    for got, w in zip(found.forward, weights.forward, strict=True):
        np.testing.assert_array_equal(got, w.astype(dtype).astype(float))
    np.testing.assert_array_equal(found.biases[1], weights.biases[1].astype(dtype).astype(float))
    assert not np.any(found.biases[0])
    assert not np.any(found.biases[2])


def test_a_spec_with_given_weights_is_read_as_it_was_written(tmp_path: Path) -> None:
    spec = _spec(tmp_path / "a.npz", transposed=True, arrays={"biases_1": "b", "input_to_layer_1": "a.b c"})
    assert read_spec_text(write_spec(spec)).network == spec.network
    assert hash(spec.network) == hash(read_spec_text(write_spec(spec)).network)


@pytest.mark.parametrize(
    "given", [{"format": "npz"}, {"transposed": True}, {"feedback": True}, {"arrays": {"biases_1": "b"}}]
)
def test_nothing_is_said_of_a_file_that_is_not_named(given: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="without a file"):
        _spec(**given)


def test_weights_that_are_not_read_are_not_replaced_by_drawn_ones(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="from a file"):
        Weights.initial(_spec(tmp_path / "a.npz"))


def test_a_file_is_looked_for_where_the_spec_is(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    shutil.copy(files["npz"], tmp_path / "there" / "w.npz")
    path = tmp_path / "there" / "a.toml"
    path.write_text('[network]\nlayers = [7, 5, 4, 3]\n[network.weights]\nfile = "w.npz"\n')
    assert load_weights(read_spec(path)).file == str(tmp_path / "there" / "w.npz")


# --- graphs from elsewhere


def _chain(dtype: str = "f8", *, r: float = 1.0, leak: float = 0.0) -> dict[str, nir.NIRNode]:
    draws = np.random.default_rng(4)
    nodes: dict[str, nir.NIRNode] = {"in": nir.Input(input_type={"input": np.array([7])})}
    for l, (n, m) in enumerate(pairwise(LAYERS), start=1):
        w, b = draws.normal(size=(m, n)).astype(dtype), draws.normal(size=m).astype(dtype)
        nodes[f"fc{l}"] = nir.Linear(weight=w) if l == 2 else nir.Affine(weight=w, bias=b)
        nodes[f"li{l}"] = nir.LI(tau=np.full(m, 0.01), r=np.full(m, r), v_leak=np.full(m, leak))
    nodes["out"] = nir.Output(output_type={"output": np.array([3])})
    return nodes


def _write(nodes: dict[str, nir.NIRNode], path: Path, edges: list[tuple[str, str]] | None = None) -> Path:
    names = list(nodes)
    edges = edges or list(pairwise(names))
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))
    return path


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_feedforward_graph_from_elsewhere(dtype: str, tmp_path: Path) -> None:
    nodes = _chain(dtype)
    found = _taken(_spec(_write(nodes, tmp_path / "a.nir")))
    for l, (w, b) in enumerate(zip(found.forward, found.biases, strict=True), start=1):
        np.testing.assert_array_equal(w, nodes[f"fc{l}"].weight)
        np.testing.assert_array_equal(b, nodes[f"fc{l}"].bias if l != 2 else 0)


def test_what_comes_behind_weights_is_folded_into_them(tmp_path: Path) -> None:
    """R, resting values and factors: the settled output is that of the graph by NIR's definitions."""
    from tests.io.nir_reader import Graph

    nodes = _chain(r=1.7, leak=0.2)
    nodes = {k: v for k, v in nodes.items() if k != "out"} | {"s": nir.Scale(scale=np.array([2, 0.5, -1.0]))}
    nodes["out"] = nir.Output(output_type={"output": np.array([3])})
    path = _write(nodes, tmp_path / "a.nir")
    found, x = _taken(_spec(path)), np.linspace(-1, 1, 7)
    settled = Graph.read(path).integrated({"in": x}, until=1.0)["out"]
    for w, b in zip(found.forward, found.biases, strict=True):
        x = w @ x + b
    np.testing.assert_allclose(x, settled, rtol=1e-7)  # what the integration keeps to is 1e-9 a step


def test_a_graph_becomes_a_spec(tmp_path: Path) -> None:
    path = _write(_chain(r=2.0), tmp_path / "a.nir")
    losses = import_spec(path, tmp_path / "a.toml")
    spec = read_spec(tmp_path / "a.toml")
    assert spec.network.layers == tuple(LAYERS)
    assert (spec.network.hidden, spec.network.output) == ("linear", "linear")
    assert spec.chip["time_base"] == "50 ms"  # 10 ms over the ratio .2
    assert any("in the weights" in loss for loss in losses)
    assert load_weights(spec).format == "nir"
    with pytest.raises(OutputError, match="there already"):
        import_spec(path, tmp_path / "a.toml")


@pytest.mark.parametrize("format", ["result", "nir", "sonata"])
def test_what_neurosim_wrote_becomes_its_spec_again(
    format: str, files: dict[str, Path], weights: Weights, tmp_path: Path
) -> None:
    losses = import_spec(files[format], tmp_path / "a.toml")
    assert [loss.partition(":")[0] for loss in losses] == ["feedback weights"]
    spec = read_spec(tmp_path / "a.toml")
    assert attrs.evolve(spec.network, weights=_spec().network.weights) == _spec().network
    assert np.array_equal(_taken(spec).forward[1], weights.forward[1])


def test_plain_arrays_do_not_say_what_network_they_are_of(files: dict[str, Path], tmp_path: Path) -> None:
    for format in ("npz", "hdf5"):
        with pytest.raises(OutputError, match="does not say"):
            import_spec(files[format], tmp_path / "a.toml")
    assert not list(tmp_path.iterdir())


# --- circuits from elsewhere


def test_a_circuit_that_bmtk_built(tmp_path: Path, weights: Weights) -> None:
    """Sparse, under other names, with two edges between the same two nodes."""
    from bmtk.builder import NetworkBuilder

    populations = {name: NetworkBuilder(name) for name in ("x", "hidden", "deep", "out")}
    for network, n in zip(populations.values(), LAYERS, strict=True):
        network.add_nodes(n, model_type="point_neuron")
    names, expected = list(populations), []
    for l, w in enumerate(weights.forward, start=1):
        above, below = names[l], names[l - 1]
        sparse = np.where(np.abs(w) > 0.3, w, 0.0)

        def weight(source: Any, target: Any, sparse: np.ndarray = sparse) -> float:
            return float(sparse[target.node_id, source.node_id])

        edges = populations[above].add_edges(
            source=populations[below].nodes(), target=populations[above].nodes(), connection_rule=2
        )
        edges.add_properties("syn_weight", rule=weight, dtypes=float)
        expected.append(2 * sparse)
    for network in populations.values():
        network.build()
        network.save(output_dir=str(tmp_path))
    config = {
        "manifest": {"$BASE": ".", "$NET_DIR": "$BASE"},
        "networks": {
            "nodes": [{"nodes_file": f"$NET_DIR/{name}_nodes.h5"} for name in names],
            "edges": [{"edges_file": f"$NET_DIR/{a}_{b}_edges.h5"} for a, b in pairwise(names)],
        },
    }
    (tmp_path / "circuit_config.json").write_text(json.dumps(config))
    called = {name: f"{a}_to_{b}" for name, a, b in zip(FORWARD, names[:-1], names[1:], strict=True)}
    found = _taken(_spec(tmp_path / "circuit_config.json", arrays=called))
    for got, w in zip(found.forward, expected, strict=True):
        np.testing.assert_allclose(got, w, rtol=1e-15)  # a sum of two


# --- what does not fit


def _bad_npz(path: Path, **arrays: Any) -> Path:
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


def _good(weights: Weights) -> dict[str, np.ndarray]:
    return dict(zip(FORWARD, weights.forward, strict=True))


def _with(name: str, values: Any) -> Callable[[Path, Weights], Spec]:
    return lambda folder, weights: _spec(_bad_npz(folder / "a", **{**_good(weights), name: values}))


def _graph_with(change: Callable[[dict[str, nir.NIRNode]], list[tuple[str, str]] | None]) -> Any:
    def make(folder: Path, weights: Weights) -> Spec:
        nodes = _chain()
        edges = change(nodes)
        return _spec(_write(nodes, folder / "a.nir", edges))

    return make


def _spiking(nodes: dict[str, nir.NIRNode]) -> None:
    one = np.ones(5)
    nodes["li1"] = nir.LIF(tau=one, r=one, v_leak=one, v_threshold=one, v_reset=one)


def _branch(nodes: dict[str, nir.NIRNode]) -> list[tuple[str, str]]:
    names = list(nodes)
    return [*pairwise(names), ("li1", "li2")]


def _loop(nodes: dict[str, nir.NIRNode]) -> list[tuple[str, str]]:
    return [("in", "fc1"), ("fc1", "li1"), ("li1", "fc1")]


def _two_inputs(nodes: dict[str, nir.NIRNode]) -> None:
    nodes["in2"] = nir.Input(input_type={"input": np.array([7])})


def _zero_tau(nodes: dict[str, nir.NIRNode]) -> None:
    nodes["li1"].tau = np.zeros(5)


def _lone(nodes: dict[str, nir.NIRNode]) -> list[tuple[str, str]]:
    names = list(nodes)
    nodes["alone"] = nir.Linear(weight=np.eye(3))
    return list(pairwise(names))


def _joined(nodes: dict[str, nir.NIRNode]) -> list[tuple[str, str]]:
    names = list(nodes)
    nodes["beside"] = nir.LI(tau=np.ones(5), r=np.ones(5), v_leak=np.ones(5))
    return [*pairwise(names), ("beside", "fc2")]


def _led_back(nodes: dict[str, nir.NIRNode]) -> list[tuple[str, str]]:
    return [*pairwise(list(nodes)), ("out", "fc2")]


def _wide_input(nodes: dict[str, nir.NIRNode]) -> None:
    nodes["in"] = nir.Input(input_type={"input": np.array([8])})


def _wide_output(nodes: dict[str, nir.NIRNode]) -> None:
    nodes["out"] = nir.Output(output_type={"output": np.array([4])})


def _shallow(nodes: dict[str, nir.NIRNode]) -> None:
    for name in ("fc2", "li2", "fc3", "li3"):
        del nodes[name]
    nodes["out"] = nir.Output(output_type={"output": np.array([5])})


def _pickled(folder: Path, weights: Weights) -> Spec:
    return _spec(_bad_npz(folder / "a", **{**_good(weights), FORWARD[0]: np.array([{"a": 1}], dtype=object)}))


def _lying(folder: Path, weights: Weights) -> Spec:
    """A header that promises eight terabytes."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**20)}
    )
    _bad_npz(folder / "a", **{name: w for name, w in _good(weights).items() if name != FORWARD[0]})
    with zipfile.ZipFile(folder / "a", "a") as archive:
        archive.writestr(f"{FORWARD[0]}.npy", header.getvalue())
    return _spec(folder / "a")


def _linked(folder: Path, weights: Weights) -> Spec:
    with h5py.File(folder / "b", "w") as file:
        file["w"] = weights.forward[0]
    with h5py.File(folder / "a", "w") as file:
        for name, w in _good(weights).items():
            file[name] = w
        del file[FORWARD[0]]
        file[FORWARD[0]] = h5py.ExternalLink("b", "/w")
    return _spec(folder / "a")


def _whole_numbers(folder: Path, weights: Weights) -> Spec:
    with h5py.File(folder / "a", "w") as file:
        for name, w in _good(weights).items():
            file[name] = w.astype(int)
    return _spec(folder / "a")


REFUSED: dict[str, tuple[Any, type[NeurosimError], str]] = {
    "no such file": (lambda f, w: _spec(f / "none.npz"), OutputError, "cannot be read"),
    "no format": (lambda f, w: _spec(_text(f / "a", "hello")), OutputError, "HDF5"),
    "empty": (lambda f, w: _spec(_text(f / "a", "")), OutputError, "HDF5"),
    "a folder": (lambda f, w: _spec(f), OutputError, "circuit_config"),
    "missing": (lambda f, w: _spec(_bad_npz(f / "a", x=np.zeros(3))), DataError, "lacks weights"),
    "turned": (_with(FORWARD[0], np.zeros((7, 5))), DataError, "transposed = true"),
    "other shape": (_with(FORWARD[1], np.zeros((3, 3))), DataError, "does not fit"),
    "other biases": (_with("biases_2", np.zeros(3)), DataError, "does not fit"),
    "one dimension": (_with(FORWARD[1], np.zeros(20)), DataError, "does not fit"),
    "not finite": (_with(FORWARD[1], np.full((4, 5), np.nan)), DataError, "20 of 20"),
    "whole numbers": (_with(FORWARD[1], np.zeros((4, 5), int)), OutputError, "floating-point"),
    "complex": (_with(FORWARD[1], np.zeros((4, 5), complex)), OutputError, "floating-point"),
    "pickled": (_pickled, OutputError, "floating-point"),
    "lying": (_lying, OutputError, "other than it says"),
    "linked": (_linked, OutputError, "not followed"),
    "whole numbers in HDF5": (_whole_numbers, OutputError, "floating-point"),
    "unknown array": (lambda f, w: _spec(f / "a", arrays={"layer_1": "x"}), SpecError, "network takes"),
    "feedback named, not asked for": (
        lambda f, w: _spec(f / "a", arrays={"controller_to_layer_1": "q"}),
        SpecError,
        "feedback = true",
    ),
    "turned, some of them": (
        lambda f, w: _spec(_bad_npz(f / "a", **{**_good(w), FORWARD[0]: w.forward[0].T}), transposed=True),
        DataError,
        "the same way round",
    ),
    "a single array": (lambda f, w: _spec(_saved(f / "a.npy", w.forward[0])), OutputError, "npz"),
    "somebody's format": (lambda f, w: _spec(_of_somebody(f / "a")), DataError, "lacks weights"),
    "named, not there": (
        lambda f, w: _spec(_bad_npz(f / "a", **_good(w)), arrays={"biases_1": "b"}),
        OutputError,
        "not in the file",
    ),
    "turned result": (lambda f, w: _spec(_result_in(f, w), transposed=True), SpecError, "no meaning"),
    "no feedback": (
        lambda f, w: attrs.evolve(
            _spec(f / "a", feedback=True), method=attrs.evolve(_spec().method, name="BP")
        ),
        SpecError,
        "no feedback weights",
    ),
    "feedback missing": (
        lambda f, w: _spec(_bad_npz(f / "a", **_good(w)), feedback=True),
        DataError,
        "feedback = false",
    ),
    "spiking graph": (_graph_with(_spiking), OutputError, "LIF"),
    "branch": (_graph_with(_branch), OutputError, "other than one"),
    "loop": (_graph_with(_loop), OutputError, "loop"),
    "a node alone": (_graph_with(_lone), OutputError, "alone: stands beside"),
    "a node beside": (_graph_with(_joined), OutputError, "beside: stands beside"),
    "out of the output": (_graph_with(_led_back), OutputError, "leads on"),
    "wide input": (_graph_with(_wide_input), OutputError, "[7]"),
    "wide output": (_graph_with(_wide_output), OutputError, "[3]"),
    "two inputs": (_graph_with(_two_inputs), OutputError, "one Input"),
    "no time": (_graph_with(_zero_tau), OutputError, "time constants"),
    "other depth": (_graph_with(_shallow), SpecError, "number of layers"),
}


def _saved(path: Path, values: np.ndarray) -> Path:
    np.save(path, values)
    return path


def _of_somebody(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "mine"
    return path


def _result_in(folder: Path, weights: Weights) -> Path:
    write_result(untouched(_spec(), weights), folder / "a.h5")
    return folder / "a.h5"


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_words(name: str, weights: Weights, tmp_path: Path) -> None:
    make, kind, word = REFUSED[name]
    with pytest.raises(kind) as caught:
        load_weights(make(tmp_path, weights))
    assert word in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


def _spoiled(change: Callable[[Path], None]) -> Any:
    def spoil(folder: Path, files: dict[str, Path]) -> Spec:
        shutil.copytree(files["sonata"], folder / "c")
        change(folder / "c")
        return _spec(folder / "c")

    return spoil


def _edge(name: str, value: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with h5py.File(folder / "edges.h5", "r+") as file:
            file[f"edges/{FORWARD[1]}/{name}"][3] = value

    return change


def _config(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "circuit_config.json").write_text(text) and None


def _without(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with h5py.File(folder / "edges.h5", "r+") as file:
            del file[f"edges/{FORWARD[1]}/{name}"]

    return change


def _elsewhere(folder: Path) -> None:
    with h5py.File(folder / "edges.h5", "r+") as file:
        file[f"edges/{FORWARD[1]}/source_node_id"].attrs["node_population"] = "nobody"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_edge("source_node_id", 5), "not there"),
        (_edge("target_node_id", 2**63), "not there"),
        (_edge("edge_group_index", 20), "beyond"),
        (_edge("edge_group_id", 7), '"7"'),
        (_without("edge_group_id"), "edge_group_id"),
        (_without("0/syn_weight"), "syn_weight"),
        (_elsewhere, "nobody"),
        (_config("[]"), "no circuit"),
        (_config("{"), "no circuit"),
        (_config('{"networks": {"nodes": 3, "edges": []}}'), "no circuit"),
        (_config("[" * 100_000), "no circuit"),
        (_config(" " * 2**21), "no circuit"),
        (_config('{"networks": {"nodes": [{"nodes_file": "x.h5"}], "edges": []}}'), "cannot be read"),
    ],
)
def test_a_circuit_that_does_not_fit_is_refused(
    change: Any, word: str, files: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(NeurosimError) as caught:
        load_weights(_spoiled(change)(tmp_path, files))
    assert word in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


READ: dict[str, tuple[str, str]] = {
    "nir": ("nir", ""),
    "hdf5": ("hdf5", ""),
    "npz": ("npz", ""),
    "edges": ("sonata", "edges.h5"),
    "nodes": ("sonata", "nodes.h5"),
}
"""Formats that are not only neurosim's, and the file of a circuit."""


def _copy(name: str, files: dict[str, Path], folder: Path) -> tuple[Path, Path, Spec]:
    """The file that is damaged, the good one, and a spec that reads weights from there."""
    format, member = READ[name]
    good, copy = files[format], folder / "copy"
    (shutil.copytree if member else shutil.copy)(good, copy)
    return copy / member, good / member, _spec(copy, feedback=True, format=format)


def _refused(spec: Spec) -> bool:
    """Whether weights were refused, in five lines and little memory: the files are of some 20 KiB."""
    tracemalloc.start()
    try:
        load_weights(spec)
    except NeurosimError as error:
        report = error.report()
    else:
        report = ""
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(report.splitlines()) <= 5
    assert peak < MOST_MEMORY
    return bool(report)


@pytest.mark.parametrize("scale", [0.5, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", READ)
def test_changed_bytes_are_refused_or_harmless(
    name: str, scale: float, files: dict[str, Path], tmp_path: Path
) -> None:
    path, good, spec = _copy(name, files, tmp_path)
    contents = mutations(good.read_bytes(), max(int(scale), 1))[:: 1 if scale >= 1 else 2]
    refused = 0
    for content in contents:
        path.write_bytes(content)
        refused += _refused(spec)
    assert refused > 0.2 * len(contents)  # the cut files, and most changes of headers


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [name for name in READ if name != "npz"])
def test_changed_structure_is_refused_or_harmless(
    name: str, every: int, files: dict[str, Path], tmp_path: Path
) -> None:
    """Every member removed, made absurdly large, of another type, shape or kind, a link, or without attributes."""
    path, good, spec = _copy(name, files, tmp_path)
    with h5py.File(good) as file:
        members = members_of(file)
    refused = 0
    for member, change in [(member, change) for member in members for change in CHANGES][::every]:
        shutil.copy(good, path)
        with h5py.File(path, "a") as file:
            change(file[member].parent, member.rpartition("/")[2])
        refused += _refused(spec)
    assert refused > len(members) / every
