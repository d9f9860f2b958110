"""In what a chip is other than the ideal one, in words; draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from hardware_models.ekv import REFERENCE

if TYPE_CHECKING:
    from hardware_models.chip import Chip

Has = Callable[["Chip"], bool]


def _finite_gains(chip: Chip) -> bool:
    parts = (chip.soma, chip.basal, chip.apical, chip.controller)
    return any(bool(np.isfinite(getattr(part.coupling, "gain", np.inf))) for part in parts)


DRAWN: Mapping[str, Has] = {
    "mismatch": lambda chip: chip.mismatch,
    "lines with resistance": lambda chip: chip.synapse.wired,
    "finite gain": _finite_gains,
    "temperature": lambda chip: float(chip.temperature) != float(REFERENCE),
    "corner": lambda chip: chip.corner != "tt",
}
"""What makes the numbers of a chip's devices other than designed."""
BESIDE: Mapping[str, Has] = {
    "noise": lambda chip: chip.noise,
    "rails": lambda chip: chip.railed,
    "saturation": lambda chip: chip.saturating,
    "sample-and-hold": lambda chip: chip.hold.present,
    "output stage": lambda chip: chip.controller.output_stage.present,
    "memory": lambda chip: chip.synapse.stores is not None,
    "input converter": lambda chip: chip.input_converter.present,
    "output converter": lambda chip: chip.output_converter.present,
}
"""What its equations and its data have beside them."""


def imperfections_of(chip: Chip) -> Iterator[str]:
    """Those that a chip has. Auto-zero is none: it takes away what others leave. Numbers of parts that are turned
    off, such as the traps of a chip without noise, are none either."""
    return (name for name, has in {**DRAWN, **BESIDE}.items() if has(chip))


def differs(chip: Chip) -> bool:
    """Whether the numbers of a chip's devices are other than designed."""
    return any(has(chip) for has in DRAWN.values())
