"""What a run is said to take, against what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurosim.backend import memory
from neurosim.emulate import VirtualChip, Weights
from neurosim.emulate.design import design_of
from neurosim.equations import assemble
from neurosim.errors import MemoryShortage
from tests.systems.nets import random_dataset, spec_of, stimulus_of


@pytest.mark.parametrize("chip", ["ideal", "subthreshold_180nm", "pcm_crossbar"])
@pytest.mark.parametrize("method", ["DFC", "DI"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_states_are_those_that_a_built_model_has(chip: str, method: str, precision: str) -> None:
    """All arrays of the numpy engine but Brian2's 32-bit indices, to the byte."""
    spec = spec_of(
        [6, 5, 4],
        chip={"name": chip},
        method={"name": method},
        run={"batch": 3, "backend": "numpy", "precision": precision},
    )
    emulated = VirtualChip(spec)
    emulator: Any = emulated._emulator
    groups = emulator._built.groups
    held = sum(
        variable.get_value().nbytes
        for group in groups.values()
        for name, variable in group.variables.items()
        if variable.array and not variable.scalar and name != "i" and variable.owner is not None
        and variable.owner.name == group.name
    )  # fmt: skip
    assert memory.state_bytes(emulated.model) == held


def test_records_are_counted() -> None:
    """Endings of every presentation, traces of those that are traced."""
    spec = spec_of([6, 5, 4], run={"batch": 3, "backend": "numpy"})
    emulated = VirtualChip(spec)
    weights, stimulus = Weights.initial(spec), stimulus_of(random_dataset(spec, 1), 3, 4)
    showing = emulated.prepared(
        stimulus, weights=weights, protocol=spec.run.protocol, traced=(1, 3), trace_steps=7
    )
    files = emulated._emulator.run(showing.stimulus, values=showing.values, outputs=()).files
    said = memory.record_bytes(emulated.model, showing.values, 4)
    assert said == sum(records.nbytes for records in files.values())


def test_what_does_not_fit_says_how_much_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of a million; what just fits is let through."""
    model = assemble(design_of(spec_of([6, 5, 4]), columns=1_000_000))
    needed = sum(memory.bytes_of_run(model, {}, 1))
    monkeypatch.setattr(memory, "_machine", lambda: 2_100_000_000)
    with pytest.raises(MemoryShortage, match=r"got: 2\.1 GB free") as caught:
        memory.check_room(needed, where="x", remedy="y")
    assert caught.value.expected == f"{needed / 1e9:.3g} GB free"
    memory.check_room(2_000_000_000, where="x", remedy="y")


def test_the_limit_of_a_group_of_processes_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As containers have it; without one the machine's."""
    monkeypatch.setattr(memory, "_machine", lambda: 5_000)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    assert memory.free_bytes() == 5_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    assert memory.free_bytes() == 5_000
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.free_bytes() == 400
