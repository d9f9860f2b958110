"""Small designs that the tests of the equations share."""

from __future__ import annotations

from typing import Any

from hardware_models import chip_from_table
from neurosim.equations import Design, Model, assemble
from neurosim.learning import circuit_of, feedback_shapes, method_of
from neurosim.learning.circuit import CONTROLLER
from neurosim.spec import MethodSettings, Network
from neurosim.spec.streams import stream

REAL = "subthreshold_180nm"


def make_design(
    *,
    layers: tuple[int, ...] = (5, 4, 3),
    network: dict[str, Any] | None = None,
    method: dict[str, Any] | None = None,
    chip: dict[str, Any] | None = None,
    loss: str = "softmax_cross_entropy",
    dt_ratio: float = 0.02,
    columns: int = 4,
    sleeps: bool = False,
) -> Design:
    """A design for keyword arguments of the spec's tables."""
    described = Network(layers=layers, **(network or {}))
    settings = MethodSettings(**(method or {}))
    parts = method_of(settings.name)
    circuit = circuit_of(parts, settings, described)
    made = chip_from_table(chip or {})
    draw = made.draw(
        described.layers,
        lambda name: stream(made.seed, "chip", name),
        tau_soma=described.tau_soma_ratio * made.time_base,
        feedback=feedback_shapes(parts.feedback, described.layers),
        populations={
            p.name: (described.layers[p.layer], p.tau == CONTROLLER)
            for p in (circuit.populations if circuit else ())
        },
    )
    return Design(
        network=described,
        method=settings,
        parts=parts,
        chip=made,
        draw=draw,
        loss=loss,
        dt_ratio=dt_ratio,
        columns=columns,
        sleeps=sleeps,
    )


def make_model(**changes: Any) -> Model:
    """The Model of `make_design(**changes)`."""
    return assemble(make_design(**changes))
