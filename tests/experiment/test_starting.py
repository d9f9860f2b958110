"""A network that starts with weights from a file computes with them, on the chip they are written into, and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights, emulate
from neurosim.errors import NeurosimError, SpecError
from neurosim.experiment import Start, Watcher, carry_on, run, spec_of, verify
from neurosim.experiment.budget import error_budget
from neurosim.experiment.starting import CLIPPED
from neurosim.io import load_dataset, read_result, write_result
from neurosim.result import Result
from neurosim.spec import Spec
from tests.same import assert_same
from tests.systems.nets import random_dataset, stimulus_of
from tests.systems.nets import spec_of as network_of


def _spec(
    *,
    file: Path | str = "",
    chip: str = "ideal",
    method: str = "DFC-fixed",
    feedback: bool = False,
    **more: Any,
) -> Spec:
    network = {"weights": {"file": str(file), "feedback": feedback}} if file else {}
    return network_of(
        [64, 12, 10],
        network=network,
        method={"name": method, "learning_rate": 2.0 if method != "BP" else 0.05, "target_stepsize": 1.0},
        chip={"name": chip},
        task={"name": "digits", "train_samples": 320, "test_samples": 100},
        run={
            "epochs": 2,
            "batch": 16,
            "settle_duration": 2.0,
            "learn_duration": 2.0,
            "backend": "numpy",
            "verify_samples": 0,
            "measure_every": 0,
            **more,
        },
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A network that learned without errors of devices."""
    result = run(_spec()).result
    path = tmp_path_factory.mktemp("trained") / "a.h5"
    write_result(result, path)
    return path, result


def test_it_computes_what_it_computed_there(trained: tuple[Path, Result]) -> None:
    """Bit for bit, feedback included: what it does in one presentation is where the next one starts."""
    path, before = trained
    found = run(_spec(file=path, feedback=True, epochs=0)).result
    for name in ("test_loss", "test_accuracy"):
        assert found.learning[name].values[0] == before.learning[name].values[-1]
    assert found.provenance["weights_file"] == str(path)
    assert found.provenance["weights_format"] == "result"
    assert len(found.provenance["weights_sha256"]) == 64
    assert CLIPPED not in found.provenance
    assert found.learning["test_accuracy"].values[0] > before.learning["test_accuracy"].values[0] + 0.1


@pytest.mark.parametrize("chip", ["rram_crossbar", "pcm_crossbar"])
def test_cells_miss_what_is_programmed_and_clip_what_is_beyond(
    chip: str, trained: tuple[Path, Result]
) -> None:
    path, _ = trained
    spec = _spec(file=path, feedback=True, chip=chip, epochs=0)
    meant = Start.of(spec).weights
    found = run(spec).result
    drawn = VirtualChip(spec, backend="numpy")
    expected = drawn.written(meant)
    stored = found.connectivity["input_to_layer_1"].device["stored"]
    assert np.array_equal(stored, expected.forward[0])
    assert not np.array_equal(stored, meant.forward[0])
    scale = drawn.storage.arrays["synapses_1"].full_scale
    assert np.abs(stored).max() <= scale * (1 + 1e-12)
    arrays = [*meant.forward, *meant.biases, *meant.feedback]
    scales = [*[scale] * 4, *[drawn.storage.arrays["feedback_1"].full_scale] * 2]
    beyond = sum(int((np.abs(a) > s).sum()) for a, s in zip(arrays, scales, strict=True))
    assert found.provenance[CLIPPED] == beyond / sum(a.size for a in arrays)


def test_weights_beyond_full_scale_are_counted(tmp_path: Path) -> None:
    spec = _spec(file=tmp_path / "w.npz", chip="rram_crossbar", epochs=0)
    drawn = Weights.initial(_spec())
    first = np.where(np.arange(64) < 16, 50.0, drawn.forward[0])
    np.savez(tmp_path / "w.npz", input_to_layer_1=first, layer_1_to_layer_2=0.01 * drawn.forward[1])
    start = Start.of(spec).on(VirtualChip(spec, backend="numpy").storage)
    total = sum(a.size for a in (*drawn.forward, *drawn.biases, *drawn.feedback))
    assert start.facts[CLIPPED] >= 12 * 16 / total


def test_it_keeps_learning_there(trained: tuple[Path, Result]) -> None:
    """On a mismatched, noisy chip the transferred network loses, and wins back what it lost."""
    path, before = trained
    found = run(_spec(file=path, feedback=True, chip="subthreshold_180nm", epochs=3)).result
    losses = found.learning["train_loss"].values
    assert losses[-1] < losses[0]
    assert losses[0] < before.learning["train_loss"].values[0]


@pytest.mark.parametrize("feedback", [False, True])
def test_feedback_is_of_the_method_or_of_the_file(feedback: bool, trained: tuple[Path, Result]) -> None:
    path, before = trained
    changed = attrs.evolve(
        _spec(file=path, feedback=feedback),
        method=attrs.evolve(_spec().method, initial_feedback="random"),
    )
    found = Start.of(changed).weights
    there = before.connectivity["controller_to_layer_1"].weights
    assert np.array_equal(found.feedback[0], there) == feedback
    drawn = Weights.initial(attrs.evolve(changed, network=_spec().network))
    assert np.array_equal(found.feedback[0], drawn.feedback[0]) != feedback


def test_a_run_goes_on_without_the_file_of_its_first_weights(
    trained: tuple[Path, Result], tmp_path: Path
) -> None:
    path, _ = trained
    copy = tmp_path / "w.h5"
    copy.write_bytes(path.read_bytes())
    spec, kept = _spec(file=copy, feedback=True, chip="rram_crossbar"), []
    whole = run(spec, watcher=Watcher(checkpoint=kept.append)).result
    write_result(kept[0], tmp_path / "part.h5")
    copy.unlink()
    with pytest.raises(NeurosimError, match="cannot be read"):
        run(spec)
    earlier = read_result(tmp_path / "part.h5")
    again = run(spec_of(earlier, where="part.h5"), earlier=earlier).result
    for name, projection in whole.connectivity.items():
        assert_same(again.connectivity[name].weights, projection.weights)
    for name in ("weights_file", "weights_sha256", CLIPPED):
        assert again.provenance[name] == whole.provenance[name]


def test_methods_without_dynamics_take_them_too(trained: tuple[Path, Result]) -> None:
    path, before = trained
    found = run(_spec(file=path, method="BP", epochs=0)).result
    assert found.learning["test_accuracy"].values[0] == before.learning["test_accuracy"].values[-1]
    assert found.provenance["weights_format"] == "result"


def test_every_other_way_in_takes_them(trained: tuple[Path, Result]) -> None:
    """Verification, budgets and chips after chips; one that cannot read files says so."""
    path, _ = trained
    spec = _spec(file=path, verify_samples=2, settle_duration=8.0, learn_duration=40.0)
    assert verify(spec).passed
    on_chip = _spec(file=path, chip="subthreshold_180nm", settle_duration=1.0, learn_duration=1.0)
    drawn = attrs.evolve(on_chip, network=_spec().network)
    rows = [error_budget(s, chips=0, samples=2).rows for s in (on_chip, drawn)]
    assert [row.spread for row in rows[0]] != [row.spread for row in rows[1]]
    carried = carry_on(_spec(file=path), load_dataset(spec.task), epochs=0)
    assert np.array_equal(carried.weights.forward[0], Start.of(spec).weights.forward[0])
    with pytest.raises(SpecError, match="from a file"):
        emulate(spec, stimulus_of(random_dataset(spec, 1), 2))
