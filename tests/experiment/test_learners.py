"""On which chips learning in the reference is refused."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from brian2 import kelvin, ohm

from hardware_models import Chip, load_preset
from hardware_models.memory import CapacitorCell, Pcm
from neurosim.errors import SpecError
from neurosim.experiment import learners
from neurosim.io import load_dataset
from tests.experiment.cases import digits_spec

SPEC = digits_spec(4, samples=20, method={"name": "BP"})
IDEAL = load_preset("ideal").chip


def changed(part: Any, path: str, value: Any) -> Any:
    """A part with one number changed, far below."""
    name, _, rest = path.partition(".")
    inner = changed(getattr(part, name), rest, value) if rest else value
    return attrs.evolve(part, **{name: inner})


SINGLE = [
    ("mismatch", "mismatch", True),
    ("finite gain", "soma.coupling.gain", 100.0),
    ("finite gain", "basal.coupling.gain", 100.0),
    ("finite gain", "apical.coupling.gain", 100.0),
    ("finite gain", "controller.coupling.gain", 100.0),
    ("temperature", "temperature", 310 * kelvin),
    ("corner", "corner", "ss"),
    ("noise", "noise", True),
    ("rails", "railed", True),
    ("saturation", "saturating", True),
    ("sample-and-hold", "hold.present", True),
    ("output stage", "controller.output_stage.present", True),
    ("memory", "synapse.memory", CapacitorCell()),
    ("input converter", "input_converter.bits", 8),
    ("output converter", "output_converter.bits", 8),
]


def refusal(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(learners, "chip_of", lambda spec: chip)
    with pytest.raises(SpecError, match="no dynamics") as caught:
        learners.ReferenceLearner(SPEC, load_dataset(SPEC.task))
    return caught.value.got


@pytest.mark.parametrize(("named", "path", "value"), SINGLE, ids=[path for _, path, _ in SINGLE])
def test_the_ideal_chip_with_one_imperfection_is_refused(
    named: str, path: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(changed(IDEAL, path, value), monkeypatch) == f"ideal, which has {named}"


def test_lines_with_resistance_come_with_the_cells_they_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of cells without a conductance no chip says what its lines lose."""
    cells = attrs.evolve(IDEAL.synapse, memory=Pcm())
    wired = attrs.evolve(cells, wires=attrs.evolve(cells.wires, cell_resistance=0.1 * ohm))
    got = refusal(attrs.evolve(IDEAL, synapse=wired), monkeypatch)
    assert got == "ideal, which has lines with resistance, memory"


def test_every_deviation_of_a_chip_that_is_off_is_none() -> None:
    """Auto-zero takes away what is not there; traps, droop and offsets of what is turned off are not there."""
    assert IDEAL.imperfections == ()
    assert changed(IDEAL, "comparator.auto_zero", True).imperfections == ()
    assert changed(IDEAL, "slowest_noise", 10 * IDEAL.slowest_noise).imperfections == ()
    learners.ReferenceLearner(SPEC, load_dataset(SPEC.task))
