"""Weights in a chip's memory: written, changed, refused, counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import tomli_w

from hardware_models.memory import CapacitorCell, Cells, Cmo, Memory, Pcm, UpdateLaw
from neurosim.backend.noise import standard_normal
from neurosim.emulate import Rates, Storage, VirtualChip, Weights, cost_of, design_of
from neurosim.emulate.design import noise_key
from neurosim.emulate.weights import named_arrays
from neurosim.equations.sites import CHANGE
from neurosim.errors import SpecError
from neurosim.experiment import run
from neurosim.experiment.trajectory import follow
from neurosim.spec import Spec, asleep, read_spec
from neurosim.spec.streams import stream
from tests.hardware_models.test_memory_programming import as_tree
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

PRESETS = ("pcm_crossbar", "rram_crossbar", "sonos_crossbar", "brainscales2")
COLUMNS = 3


def spec_on(chip: str, *, method: dict[str, Any] | None = None, **changes: Any) -> Spec:
    return spec_of(
        [6, 7, 4],
        method={"learning_rate": 0.5, "target_stepsize": 0.5, **(method or {})},
        chip={"name": chip, **changes},
        task={"loss": "squared_error"},
        run={"batch": COLUMNS, "settle_duration": 2.0, "learn_duration": 2.0},
    )


@pytest.mark.parametrize("name", PRESETS)
def test_a_chip_without_its_cells_computes_with_what_they_would_hold(name: str) -> None:
    """To rounding: the cells' statements against the same laws in numpy, a day after writing; nothing learns."""
    spec = attrs.evolve(spec_on(name), chip={"name": name, "noise": False})
    chip, bare = VirtualChip(spec), VirtualChip(spec, cells=False)
    written = chip.written(random_weights(spec, 3))
    day = {f"{group}.age": np.full(w.shape, 86400.0) for group, w in named_arrays(written)}
    aged = attrs.evolve(written, cells=day)
    assert not bare.storage.arrays
    options = {"protocol": spec.run.protocol, "learning": False, "ageing": False}
    stimulus = stimulus_of(random_dataset(spec, 5), COLUMNS, 1)
    through = chip.show(stimulus, weights=aged, **options)
    directly = bare.show(stimulus, weights=chip.storage.held(aged), **options)
    for part, values in through.endings.items():
        np.testing.assert_allclose(directly.endings[part], values, rtol=1e-9, atol=1e-12)


def memory(**changes: Any) -> dict[str, Any]:
    return {"synapse": {"memory": changes}}


def shown(chip: VirtualChip, weights: Weights, presentations: int = 1, **options: Any) -> Weights:
    stimulus = stimulus_of(random_dataset(chip.spec, 5), COLUMNS, presentations)
    return chip.show(stimulus, weights=weights, protocol=chip.spec.run.protocol, **options).weights


def arrays(weights: Weights) -> dict[str, np.ndarray]:
    return dict(named_arrays(weights))


@pytest.mark.parametrize("name", PRESETS)
def test_writing_is_what_the_memory_says(name: str) -> None:
    """What cells conduct at first is `Memory.program` of the chip's cells and stream, in units of the network."""
    spec = spec_on(name)
    aims = random_weights(spec, 3)
    storage = Storage.of(design_of(spec))
    stored = storage.written(aims)
    conducts = arrays(storage.held(stored))
    for group, array in storage.arrays.items():
        cells = array.memory.draw(arrays(aims)[group].shape, stream(1, "memory", group, "cells"))
        expected = array.memory.program(
            arrays(aims)[group] / array.full_scale, stream(1, "memory", group, "writing", 0), cells=cells
        )
        np.testing.assert_allclose(conducts[group], array.full_scale * expected, rtol=1e-14, atol=0)
    other = Storage.of(design_of(spec_on(name, seed=2))).written(aims)
    again = storage.written(aims, writing=1)
    missed = name != "brainscales2"  # codes are codes, whatever the chip
    assert missed == any(np.any(a != b) for a, b in zip(stored.forward, other.forward, strict=True))
    assert missed == any(np.any(a != b) for a, b in zip(stored.forward, again.forward, strict=True))


def test_written_weights_miss_as_published() -> None:
    """PCM at a fifth of full scale: σ = .26348 + 1.9650/5 − 1.1731/25 µS, and that of the device at rest, .26348;
    of 25 µS. 4000 weights know σ to 1.1 %: within four of that. Beyond full scale they are clipped."""
    spec = attrs.evolve(spec_on("pcm_crossbar"), network=spec_of([80, 50, 4]).network)
    storage = Storage.of(design_of(spec))
    weights = Weights.initial(spec)
    aims = attrs.evolve(weights, forward=tuple(np.full(w.shape, 0.4) for w in weights.forward))
    off = storage.written(aims).forward[0] - 0.4
    sigma = 2 * np.hypot(0.26348 + 1.9650 / 5 - 1.1731 / 25, 0.26348) / 25
    # the device at rest cannot miss downwards: half of its variance, and a mean
    rest = 2 * 0.26348 / 25
    sigma = np.sqrt(sigma**2 - rest**2 + rest**2 * (0.5 - 0.5 / np.pi))
    assert off.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * off.size))
    assert off.mean() == pytest.approx(-rest / np.sqrt(2 * np.pi), abs=4 * sigma / np.sqrt(off.size))
    beyond = attrs.evolve(weights, forward=tuple(np.full(w.shape, 9.0) for w in weights.forward))
    assert storage.written(beyond).forward[0].mean() == pytest.approx(2.0, rel=0.02)


def test_a_chip_without_memory_is_what_it_was() -> None:
    """Its equations have no cells in them, and weights pass through it as they are."""
    spec = spec_on("subthreshold_180nm")
    chip, weights = VirtualChip(spec, backend="numpy"), random_weights(spec, 3)
    assert chip.written(weights) is weights
    assert chip.storage.held(weights) is weights
    assert not shown(chip, weights).cells
    lines = chip.model.group("synapses_1").equations.splitlines()
    assert lines == [
        "weight : 1",
        "stored : 1",
        "accumulated : 1",
        "gain : 1 (constant)",
        "update_scale : 1 (shared, constant)",
    ]
    assert not [group.name for group in chip.model.groups if "reading" in group.name]


LAW: dict[str, Any] = {
    "smallest_step": 0.01,
    "device_spread": 0.4,
    "cycle_spread": 0.8,
    "asymmetry": 0.3,
    "soft": True,
}


def test_an_update_follows_the_law_of_its_cells() -> None:
    """`UpdateLaw.apply` by hand, with the change that cells of the ideal law make, and the run's own normals.

    1e-12: the change is a difference of weights of order 1.
    """
    faults = {"faults": {"fraction": 0.3}}
    plain, real = (
        VirtualChip(spec_on("pcm_crossbar", **memory(**faults, update_law=law)), backend="numpy")
        for law in ({}, LAW)
    )
    before = real.written(random_weights(real.spec, 3))
    np.testing.assert_array_equal(before.forward[0], plain.written(random_weights(real.spec, 3)).forward[0])
    for noise in (True, False):
        wanted, after = (arrays(shown(chip, before, noise=noise, ageing=False)) for chip in (plain, real))
        _check_law(real.spec, arrays(before), wanted, after, noise=noise)


def _check_law(
    spec: Spec,
    before: dict[str, np.ndarray],
    wanted: dict[str, np.ndarray],
    after: dict[str, np.ndarray],
    *,
    noise: bool,
) -> None:
    law, last = UpdateLaw(**LAW), spec.run.protocol.period - 1
    for group, array in design_of(spec).arrays.items():
        stored = before[group]
        if group.startswith("feedback"):
            np.testing.assert_array_equal(after[group], stored)
            continue
        key = noise_key(spec, seed=1, place=group, passage=0)
        normals = standard_normal(key, CHANGE, last, np.arange(stored.size)).reshape(stored.shape)
        cells: Cells = array.cells
        change = (wanted[group] - stored) / 2
        expected = 2 * law.apply(stored / 2, change, normals=normals * noise, device_factor=cells.step)
        live = (cells.step > 0) & (np.abs(wanted[group]) < 2)  # a clipped change is not known
        np.testing.assert_allclose(after[group][live], expected[live], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(after[group][cells.step == 0], stored[cells.step == 0])
    assert any((design_of(spec).arrays[name].cells.step == 0).any() for name in after)


def test_dead_cells_stay_dead_and_know_their_place() -> None:
    spec = spec_on("rram_crossbar", **memory(faults={"fraction": 0.5, "at": "random"}))
    chip = VirtualChip(spec, backend="numpy")
    before = chip.written(random_weights(spec, 3))
    after = shown(chip, before, 15)
    for group, array in design_of(spec).arrays.items():
        both = (~np.isnan(array.cells.stuck)).all(axis=0)
        assert np.array_equal(both, array.cells.step == 0)
        assert np.isnan(array.cells.stuck).any()
        np.testing.assert_array_equal(arrays(after)[group][both], arrays(before)[group][both])
        plus, minus = array.cells.stuck
        np.testing.assert_allclose(
            arrays(after)[group][both], array.full_scale * (plus - minus)[both], rtol=1e-13, atol=1e-15
        )
    device = chip.projections(after)["input_to_layer_1"].device
    np.testing.assert_array_equal(device["cell_stuck_0"], design_of(spec).arrays["synapses_1"].cells.stuck[0])


def test_digital_weights_stay_codes() -> None:
    """±63 steps of 2/63; of those that changed some went up, some down; what they conduct has the error of its bits."""
    spec = spec_on("brainscales2", **memory(unit_spread=0.1))
    chip = VirtualChip(spec, backend="numpy")
    before = chip.written(random_weights(spec, 3))
    after = shown(chip, before, 5)
    moved = []
    for group, weights in arrays(after).items():
        codes = weights * 63 / design_of(spec).arrays[group].full_scale
        np.testing.assert_allclose(codes, np.rint(codes), rtol=0, atol=1e-9)
        moved.append((weights - arrays(before)[group]).ravel())
    steps = np.concatenate(moved)
    assert (steps > 0).any()
    assert (steps < 0).any()
    assert any(np.any(a != b) for a, b in zip(chip.storage.held(after).forward, after.forward, strict=True))
    checks, _, _ = follow(chip, after, stimulus_of(random_dataset(spec, 5), COLUMNS))
    assert all(check.passed for check in checks)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("pcm_crossbar", "DI"),
        ("pcm_crossbar", "DFC-relayed"),
        ("rram_crossbar", "DTP"),
        ("brainscales2", "DTP"),
    ],
)
def test_every_kind_of_array_is_verified(name: str, method: str) -> None:
    """Circuits beside the network, decoders, relayed feedback: trajectory and update against the reference."""
    spec = spec_on(name, method={"name": method, "learning_rate": 0.05})
    chip = VirtualChip(spec, backend="numpy")
    checks, _, _ = follow(
        chip, chip.written(Weights.initial(spec)), stimulus_of(random_dataset(spec, 5), COLUMNS)
    )
    assert {check.name: check.passed for check in checks} == {"trajectory": True, "update": True}


def test_a_night_writes_the_feedback_alone() -> None:
    """Cells of the sleep phase are those of the day: forward weights grow old in it, feedback is written."""
    spec = spec_on("pcm_crossbar", method={"name": "DFC", "sleep": {"learning_rate": 1e-3}})
    night = VirtualChip(asleep(spec), columns=COLUMNS, backend="numpy", sleeps=True)
    weights = night.written(Weights.initial(spec))
    np.testing.assert_array_equal(
        weights.forward[0], VirtualChip(spec, backend="numpy").written(Weights.initial(spec)).forward[0]
    )
    protocol = night.spec.run.protocol
    stimulus = stimulus_of(random_dataset(spec, 5), COLUMNS, 2)
    after = night.show(
        stimulus, weights=weights, protocol=protocol, learning=Rates(forward=0.0, feedback=1e-3)
    ).weights
    np.testing.assert_array_equal(after.forward[0], weights.forward[0])
    assert np.all(after.feedback[0] != weights.feedback[0])
    np.testing.assert_allclose(
        after.cells["synapses_1.age"], 20 + 2 * protocol.period * night.model.dt, rtol=1e-12
    )
    np.testing.assert_allclose(after.cells["feedback_1.age"], night.model.dt, rtol=1e-9)


@pytest.mark.parametrize("memory_of", [Cmo(), CapacitorCell()], ids=["cmo", "capacitor"])
def test_a_chip_of_ones_own_stores_in_other_cells(memory_of: Memory, tmp_path: Path) -> None:
    """Cells that no preset has, in a file: old ones too compute as the reference does."""
    part = "cmo" if isinstance(memory_of, Cmo) else "capacitor"
    synapse = {"memory": {"part": part, **as_tree(memory_of)}}
    if isinstance(memory_of, Cmo):
        synapse["read_time"] = as_tree(memory_of.read_time)
    document = {
        "based_on": "subthreshold_180nm",
        "sources": {"here": "this test"},
        "chip": {"synapse": synapse},
    }
    (tmp_path / "mine.toml").write_text(tomli_w.dumps(document))
    spec = attrs.evolve(spec_on("ideal"), chip={"file": str(tmp_path / "mine.toml")})
    chip = VirtualChip(spec, backend="numpy")
    weights = chip.written(random_weights(spec, 3))
    old = attrs.evolve(weights, cells={"synapses_1.age": np.full((7, 6), 40.0)})
    assert np.any(chip.storage.held(old).forward[0] != weights.forward[0])
    checks, _, _ = follow(chip, old, stimulus_of(random_dataset(spec, 5), COLUMNS))
    assert {check.name: check.passed for check in checks} == {"trajectory": True, "update": True}


def test_what_is_not_possible_is_refused() -> None:
    with pytest.raises(SpecError, match="written at the end of a presentation") as caught:
        VirtualChip(spec_on("pcm_crossbar", method={"weight_updates": "continuous"}), backend="numpy")
    assert caught.value.where == "method.weight_updates"
    spec = spec_on("rram_crossbar")
    chip = VirtualChip(spec, backend="numpy")
    old = attrs.evolve(chip.written(random_weights(spec, 3)), cells={"biases_1.age": np.full(7, 172800.0)})
    with pytest.raises(SpecError, match="older than was measured"):
        shown(chip, old)
    shown(chip, old, ageing=False)
    for table, key in [
        ({"name": "sonos_crossbar", "synapse": {"wires": {"cell_resistance": "1 Ohm"}}}, "cell_resistance"),
        ({"name": "pcm_crossbar", "synapse": {"read_time": "1 us"}}, "read_time"),
        ({"name": "pcm_crossbar", "synapse": {"full_scale": 0}}, "full_scale"),
        ({"name": "pcm_crossbar", "synapse": {"memory": {"part": "tape"}}}, "memory.part"),
        ({"name": "pcm_crossbar", "synapse": {"memory": {"part": "rram"}}}, "a number is missing"),
        ({"name": "pcm_crossbar", "synapse": {"memory": {"g_max": "50 uS"}}}, "g_max"),
    ]:
        with pytest.raises(SpecError, match=key):
            design_of(attrs.evolve(spec, chip=table))


def test_lines_take_from_far_cells() -> None:
    """γ = 1/(1 + δ) with the array's own shape, of forward and feedback arrays alike, and verified against the
    reference; an array too large for its lines names them."""
    table = {"synapse": {"wires": {"cell_resistance": "500 Ohm"}}, "mismatch": False}
    spec = spec_on("pcm_crossbar", **table)
    chip = VirtualChip(spec, backend="numpy")
    crossbar = chip.chip.synapse
    assert isinstance(crossbar.memory, Pcm)
    expected = crossbar.wires.factor((7, 6), 0.1 * crossbar.memory.g_max)
    np.testing.assert_allclose(chip.deviations.forward_gain[0], expected, rtol=1e-12, atol=0)
    assert chip.deviations.feedback_gain[0].shape == (7, 4)
    assert 0.5 < chip.deviations.feedback_gain[0].min() < chip.deviations.feedback_gain[0][0, 0] < 1
    checks, _, _ = follow(
        chip, chip.written(random_weights(spec, 3)), stimulus_of(random_dataset(spec, 5), COLUMNS)
    )
    assert all(check.passed for check in checks)
    large = attrs.evolve(spec, network=spec_of([600, 300, 4]).network)
    with pytest.raises(SpecError, match="wires that lose at most") as caught:
        design_of(large)
    assert "synapse.wires" in caught.value.where


def test_cells_are_counted() -> None:
    """42 + 28 weights, 11 biases, 28 + 16 feedback weights: a pair of devices each, one cell where it is digital."""
    assert cost_of(spec_on("pcm_crossbar")).memory_cells == 2 * 125
    assert cost_of(spec_on("brainscales2")).memory_cells == 125
    assert cost_of(spec_on("subthreshold_180nm")).memory_cells == 0
    assert any("250 Pcm cells" in line for line in cost_of(spec_on("pcm_crossbar")).not_counted)


@pytest.mark.slow
@pytest.mark.cpp
@pytest.mark.parametrize("name", PRESETS[:3])
def test_digits_are_learned_in_cells(name: str) -> None:
    """Three epochs on the chip of the spec that is shipped, in its C++ program; four in five is far from chance, and
    what all of them reach."""
    folder = Path(__file__).parents[2] / "examples" / "specs"
    changes = [f'chip.name="{name}"', "run.epochs=3", "run.verify_samples=2"]
    result = run(read_spec(folder / "digits_chip.toml", overrides=changes), backend="cpp").result
    assert result.status.good
    assert all(check.passed for check in result.verification if check.gating)
    assert result.learning["test_accuracy"].values[-1] > 0.8
