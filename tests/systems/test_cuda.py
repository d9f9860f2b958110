"""What generated CUDA projects compute, run on this processor (tests/cuda_on_cpu.py), and on a GPU where one is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.backend.cpp import CppEmulator
from neurosim.backend.cuda_tools import gpu_architecture
from neurosim.emulate import Lot, Passage, VirtualChip, Weights, lot
from neurosim.emulate.weights import named_arrays
from neurosim.result import DIVERGED, INTERRUPTED
from neurosim.spec import Spec
from tests.cuda_on_cpu import build_on_cpu, shim_text
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

pytest.importorskip("brian2cuda", reason="Brian2CUDA has no release for this Python")

AGREE = 1e-9
"""Rounding: sums in another order, and functions within a unit of the last place, in some hundred steps of a loop that
contracts. Seen are 1e-14."""
PRESENTATIONS = 3


class OnCpu(CppEmulator):
    """The CUDA project of a Model, compiled for this processor."""

    def _key(self) -> str:
        return hashlib.sha256(f"{super()._key()}\n{shim_text()}".encode()).hexdigest()[:32]

    def _build(self, folder: Path) -> None:
        build_on_cpu(self.model)(folder)


def spec_with(chip: str = "subthreshold_180nm", *, seed: int = 3, **tables: Any) -> Spec:
    run = {
        "batch": 4,
        "settle_duration": 2.0,
        "learn_duration": 3.0,
        "backend": "numpy",
        **tables.pop("run", {}),
    }
    method = {"learning_rate": 0.5, "target_stepsize": 0.3, **tables.pop("method", {})}
    parts = tables.pop("parts", {})
    return spec_of([5, 4, 3], chip={"name": chip, "seed": seed, **parts}, run=run, method=method, **tables)


def on_cuda(spec: Spec) -> VirtualChip:
    """Its CUDA project on this processor."""
    chip = VirtualChip(spec, built=False)
    chip._engine = OnCpu(chip.model)
    return chip


def show(chip: VirtualChip, **how: Any) -> tuple[Weights, Passage]:
    spec = chip.spec
    weights = chip.written(attrs.evolve(Weights.initial(spec), biases=random_weights(spec, 5).biases))
    stimulus = stimulus_of(random_dataset(spec, 5), chip.model.n_columns, PRESENTATIONS)
    return weights, chip.show(stimulus, weights=weights, protocol=spec.run.protocol, **how)


def assert_same(found: Passage, expected: Passage, tolerance: float = AGREE) -> None:
    assert repr(found.status) == repr(expected.status)  # a time that is none is NaN
    for name, ending in expected.endings.items():
        assert (
            np.abs(found.endings[name] - ending).max() <= tolerance
        )  # units of activity: errors are differences
    for part, variables in expected.traces.items():
        for name, trace in variables.items():
            assert relative_difference([(found.traces[part][name].values, trace.values)]) <= tolerance
    arrays = [dict(named_arrays(passage.weights)) for passage in (found, expected)]
    assert relative_difference((arrays[0][name], arrays[1][name]) for name in arrays[1]) <= tolerance
    for reference, state in expected.wander.items():
        np.testing.assert_allclose(found.wander[reference], state, rtol=tolerance, atol=tolerance)


@pytest.mark.cpp
def test_a_chip_with_all_its_noise() -> None:
    """Noise bit by bit, samples held, rails, droop; the same program with noise off, passing what rests."""
    spec = spec_with(run={"learn_duration": 20.0})
    chips = VirtualChip(spec), on_cuda(spec)
    assert_same(*(show(chip, traced=(1, 2))[1] for chip in reversed(chips)))
    quiet = {"noise": False, "fast_forward": 1e-4}
    every, passing = show(chips[1], noise=False)[1], show(chips[1], **quiet)[1]
    assert_same(passing, show(chips[0], **quiet)[1])
    assert 0 < np.abs(passing.endings["held"] - every.endings["held"]).max() <= 1e-4


@pytest.mark.cpp
def test_a_chip_that_diverges_says_where() -> None:
    """Found in the step in which it happens, though the host looks only now and then; weights are left as they were."""
    spec = spec_with("ideal", network={"hidden": "linear", "output": "linear"})
    chips = VirtualChip(spec), on_cuda(spec)
    stimulus = stimulus_of(random_dataset(spec, 5), 4, PRESENTATIONS)
    stimulus = attrs.evolve(stimulus, scale=1e9)
    weights = random_weights(spec, 5)
    found = [chip.show(stimulus, weights=weights, protocol=spec.run.protocol) for chip in chips]
    assert found[0].status.kind == DIVERGED
    assert repr(found[1].status) == repr(found[0].status)
    assert len(found[1].settling) == len(found[0].settling) == 0
    for passage in found:
        assert all(
            np.array_equal(a, b) for a, b in zip(passage.weights.forward, weights.forward, strict=True)
        )
    assert_same(*(show(chip)[1] for chip in reversed(chips)))  # the program is as good as before

    told: list[int] = []

    def interrupt(done: int, _of: int) -> None:
        if done >= 2 and not told:
            told.append(done)
            raise KeyboardInterrupt

    long = stimulus_of(random_dataset(spec, 5), 4, 20_000)
    ended = chips[1].show(long, weights=weights, protocol=spec.run.protocol, progress=interrupt)
    assert ended.status.kind == INTERRUPTED
    assert 2 <= len(ended.settling) < 20_000


@pytest.mark.cpp
@pytest.mark.parametrize(
    ("precision", "batch"), [("float32", 1), pytest.param("float64", 3, marks=pytest.mark.slow)]
)
def test_chips_side_by_side(monkeypatch: pytest.MonkeyPatch, precision: str, batch: int) -> None:
    """Products chip by chip, two in a run: the last place is left over."""
    specs = [spec_with(seed=seed, run={"batch": batch, "precision": precision}) for seed in (1, 2, 3)]
    weights = [random_weights(spec, seed) for seed, spec in enumerate(specs)]
    stimulus = stimulus_of(random_dataset(specs[0], 5), batch, PRESENTATIONS)
    how: dict[str, Any] = {"protocol": specs[0].run.protocol, "noise": False}
    expected = Lot(specs).show(stimulus, weights=weights, **how)
    monkeypatch.setattr(lot, "build_emulator", lambda model, backend: OnCpu(model))
    found = Lot(specs, at_once=2).show(stimulus, weights=weights, **how)
    tolerance = 1e-5 if precision == "float32" else AGREE  # 6e-8 in hundreds of steps, as between precisions
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other, tolerance=tolerance)


@pytest.mark.cpp
@pytest.mark.slow
def test_changes_too_small_for_single_weights_add_up() -> None:
    """What cells store is double, and so are the functions that change it."""
    memory = {"update_law": {"cycle_spread": 0.0}}
    spec = spec_with(
        "rram_crossbar",
        method={"learning_rate": 1e-8},
        run={"precision": "float32"},
        parts={"synapse": {"memory": memory}},
    )
    changes = []
    for chip in (on_cuda(spec), VirtualChip(spec)):
        before, passage = show(chip, noise=False)
        pairs = zip(passage.weights.forward, before.forward, strict=True)
        changes.append([after - start for after, start in pairs])
    assert 0 < max(np.abs(change).max() for change in changes[1]) < 1e-8
    assert relative_difference(zip(*changes, strict=True)) <= 1e-5


@pytest.mark.cpp
@pytest.mark.slow
@pytest.mark.parametrize(
    "tables",
    [
        {"chip": "ideal", "method": {"name": "DI"}},
        {"chip": "ideal", "method": {"name": "DTP"}},
        {"chip": "ideal", "method": {"weight_updates": "continuous"}},
        {"chip": "ideal", "method": {"optimizer": {"name": "adam"}, "learning_rate": 1e-3}},
        {"chip": "pcm_crossbar"},
        {"chip": "brainscales2", "run": {"batch": 1}},
        {"chip": "ideal", "task": {"loss": "softmax_cross_entropy"}},
    ],
    ids=str,
)
def test_every_kind_of_model(tables: dict[str, Any]) -> None:
    spec = spec_with(**tables)
    assert_same(*(show(chip)[1] for chip in (on_cuda(spec), VirtualChip(spec))))


@pytest.mark.slow
@pytest.mark.skipif(gpu_architecture() is None, reason="no GPU on this machine: nvidia-smi tells of none")
@pytest.mark.parametrize("chip", ["ideal", "subthreshold_180nm"])
def test_on_a_gpu(chip: str) -> None:
    spec = spec_with(chip)
    assert_same(*(show(VirtualChip(spec, backend=backend))[1] for backend in ("cuda", "numpy")))
