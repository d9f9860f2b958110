"""NIR exports: read by the format's own library, they settle where neurosim settles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import nir
import numpy as np
import pytest

from neurosim.emulate import Weights, emulate
from neurosim.errors import NeurosimError, OutputError
from neurosim.io import export_result, open_result, write_result
from neurosim.io.nir import write_nir
from neurosim.learning import METHODS
from neurosim.result import Result
from neurosim.spec import Spec
from tests.io.nir_reader import Graph
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of, untouched

SETTLED = 1e-6
"""What the project promises of a settled state, in activation units."""
MISMATCHED = {
    "name": "subthreshold_180nm",
    "noise": False,
    "railed": False,
    "saturating": False,
    "hold": {"present": False},
}
LINEAR = {"hidden": "linear", "output": "linear"}
CASES: dict[str, dict[str, Any]] = {
    "ideal": {"network": LINEAR},
    "slow compartments": {"network": {**LINEAR, "tau_basal_ratio": 0.05, "tau_apical_ratio": 0.1}},
    "no leak": {"network": LINEAR, "method": {"leak": 0.0}},
    "proportional": {"network": LINEAR, "method": {"integral_gain": 0.0, "leak": 1.0}},
    "integral": {"network": LINEAR, "method": {"proportional_gain": 0.0, "integral_gain": 0.7}},
    "derivative": {"network": LINEAR, "method": {"derivative_gain": 0.05}},
    "mismatched": {"network": LINEAR, "chip": MISMATCHED},
    "mismatched, slow compartments": {
        "network": {**LINEAR, "tau_basal_ratio": 0.05, "tau_apical_ratio": 0.1},
        "chip": MISMATCHED,
        "method": {"proportional_gain": 0.5},  # with 2 it rings for longer than it is shown
    },
    "mismatched, relayed": {
        "network": LINEAR,
        "chip": MISMATCHED,
        "method": {"name": "DFC-relayed"},
    },
    "relayed, slow compartments": {
        "network": {**LINEAR, "tau_apical_ratio": 0.02},
        "chip": MISMATCHED,
        "method": {"name": "DFC-relayed", "proportional_gain": 0.5},
    },
    "tanh": {},
    "tanh, mismatched": {"chip": MISMATCHED},
    "softplus and sigmoid": {"network": {"hidden": ["softplus", "sigmoid"]}},
}


def _spec(case: dict[str, Any]) -> Spec:
    tables = {
        "method": {"name": "DFC-fixed", "target_stepsize": 0.3, "leak": 0.02, **case.get("method", {})},
        "network": {"tau_soma_ratio": 0.2, **case.get("network", {})},
        "chip": case.get("chip", {"name": "ideal"}),
        "task": {"name": "student_teacher"},
        "run": {
            "dt_ratio": 0.01,
            "settle_duration": 6.0,
            "learn_duration": 60.0,
            "batch": 2,
            "backend": "numpy",
            "trace_steps": 20,
        },
    }
    return spec_of([7, 5, 4, 3], **tables)


def _result(spec: Spec) -> tuple[Result, np.ndarray]:
    """A settled presentation of a net with biases, and its inputs, (2, 7)."""
    stimulus = stimulus_of(random_dataset(spec, 3), 2)
    weights = attrs.evolve(Weights.initial(spec), biases=random_weights(spec, 5).biases)
    result = emulate(spec, stimulus, weights=weights, learning=False)
    assert result.status.good
    for traces in result.traces.values():  # it has come to rest, by far more than what is asked below
        for trace in traces.values():
            assert np.abs(trace.values[:, -1] - trace.values[:, -10]).max() < 1e-3 * SETTLED
    return result, stimulus.shown(0)


@pytest.mark.parametrize("name", CASES)
def test_the_graph_settles_where_the_emulation_does(name: str, tmp_path: Path) -> None:
    spec = _spec(CASES[name])
    result, shown = _result(spec)
    losses = write_nir(result, tmp_path / "a.nir")
    curved = set(spec.network.activations) != {"linear"}
    assert any("nonlinearities" in loss for loss in losses) == curved
    graph = Graph.read(tmp_path / "a.nir", heeds_metadata=curved)
    volt, seconds = result.provenance["voltage_unit_volt"], result.provenance["time_base_second"]
    for column in range(2):

        def last(part: str, variable: str, column: int = column) -> np.ndarray:
            return result.traces[part][variable].values[column, -1]

        inputs = {"input": shown[column], "target": last("controller", "target")}
        found = graph.integrated(inputs, until=60.0 * seconds)
        for l in (1, 2, 3):
            np.testing.assert_allclose(
                found[f"soma_{l}"], last(f"layer_{l}", "soma") / volt, atol=SETTLED, rtol=0
            )
        np.testing.assert_allclose(found["output"], last("layer_3", "rate"), atol=SETTLED, rtol=0)
        control = last("controller", "output") / volt
        np.testing.assert_allclose(found["controller"], control, atol=SETTLED, rtol=0)
        assert np.abs(control).max() > 1e3 * SETTLED


def test_a_reader_that_heeds_no_metadata_is_told_so(tmp_path: Path) -> None:
    """Without the nonlinearity the same graph settles elsewhere, which is why it is in the losses."""
    result, shown = _result(_spec({}))
    losses = write_nir(result, tmp_path / "a.nir")
    assert "tanh of rate_1, tanh of rate_2" in losses[0]
    inputs = {"input": shown[0], "target": result.traces["controller"]["target"].values[0, -1]}
    found = Graph.read(tmp_path / "a.nir").integrated(inputs, until=0.06)
    settled = result.traces["layer_3"]["rate"].values[0, -1]
    assert np.abs(found["soma_2"] - result.traces["layer_2"]["soma"].values[0, -1]).max() > 1e3 * SETTLED
    assert found["output"].shape == settled.shape


def test_weights_are_those_of_the_result_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also seven at a time, out of a file."""
    monkeypatch.setattr("neurosim.io.blocks.MOST_NUMBERS", 7)
    result, _ = _result(_spec({"chip": MISMATCHED}))
    write_result(result, tmp_path / "a.h5")
    export_result(tmp_path / "a.h5", tmp_path / "a.nir", "nir")
    graph = nir.read(tmp_path / "a.nir")
    for name, projection in result.connectivity.items():
        node = graph.nodes[name]
        assert node.weight.dtype == np.float64
        assert np.array_equal(node.weight, projection.weights)
        assert (node.metadata["source"], node.metadata["target"]) == (projection.source, projection.target)
        if projection.biases is not None:
            assert np.array_equal(node.bias, projection.biases)
    assert graph.metadata["spec"] == result.spec


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_layers_in_the_graph(name: str, tmp_path: Path) -> None:
    """With a loop where a controller acts on the neurons, and a word on what is missing where none does."""
    spec = _spec({"method": {"name": name}})
    weights = Weights.initial(spec)
    result = untouched(spec, weights)
    losses = write_nir(result, tmp_path / "a.nir")
    graph = nir.read(tmp_path / "a.nir")
    loop = name.startswith("DFC")
    assert ("target" in graph.nodes) == loop
    assert any(loss.startswith("feedback of") for loss in losses) == (not loop)
    for l in (1, 2, 3):
        source = "input" if l == 1 else f"layer_{l - 1}"
        assert np.array_equal(graph.nodes[f"{source}_to_layer_{l}"].weight, weights.forward[l - 1])


def test_a_real_chip_loses_what_nir_cannot_say(tmp_path: Path) -> None:
    spec = _spec({"chip": {"name": "subthreshold_180nm"}})
    weights = Weights.initial(spec)
    quick = attrs.evolve(spec.run, settle_duration=0.1, learn_duration=0.1)
    stimulus = stimulus_of(random_dataset(spec, 3), 2)
    result = emulate(attrs.evolve(spec, run=quick), stimulus, weights=weights, learning=False)
    losses = "\n".join(write_nir(result, tmp_path / "a.nir"))
    for word in ("saturation of", "rails of", "droop of", "noise of", "nonlinearities", "learning"):
        assert word in losses


@pytest.mark.parametrize("lack", ["projection", "shape", "feedback", "spec", "time", "devices"])
def test_a_result_that_is_not_of_its_spec_is_refused(lack: str, tmp_path: Path) -> None:
    spec = _spec({})
    result = untouched(spec, Weights.initial(spec))
    links = dict(result.connectivity)
    if lack == "projection":
        result = attrs.evolve(result, connectivity={})
    elif lack == "shape":
        links["layer_1_to_layer_2"] = attrs.evolve(links["layer_1_to_layer_2"], weights=np.zeros((5, 5)))
        result = attrs.evolve(result, connectivity=links)
    elif lack == "feedback":
        del links["controller_to_layer_2"]
        result = attrs.evolve(result, connectivity=links)
    elif lack == "spec":
        result = attrs.evolve(result, spec="[network]\nlayers = 3\n")
    elif lack == "time":
        result = attrs.evolve(result, provenance={"time_base_second": float("nan")})
    else:
        result = attrs.evolve(result, devices={"layer_1": {"leak": np.ones(3)}})
    with pytest.raises(NeurosimError):
        write_nir(result, tmp_path / "a.nir")
    assert not list(tmp_path.iterdir())


def test_a_threshold_has_no_meaning_here(tmp_path: Path) -> None:
    spec = _spec({})
    write_result(untouched(spec, Weights.initial(spec)), tmp_path / "a.h5")
    with pytest.raises(OutputError, match="threshold"):
        export_result(tmp_path / "a.h5", tmp_path / "a.nir", "nir", threshold=0.1)
    with open_result(tmp_path / "a.h5") as opened:
        assert write_nir(opened, tmp_path / "a.nir")
