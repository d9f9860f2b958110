"""Memories of weights, one kind a file; a kind is one line here."""

from hardware_models.memory.array import CellArray
from hardware_models.memory.capacitor_cell import CapacitorCell
from hardware_models.memory.cells import Cells, Faults
from hardware_models.memory.cmo import Cmo
from hardware_models.memory.curve import Curve
from hardware_models.memory.emulated import Answer, Conduction, Keeping
from hardware_models.memory.flaws import (
    FLAWS,
    LEVELS,
    Flaw,
    drawn_error,
    errors_of,
    errors_together,
    outcomes_of,
)
from hardware_models.memory.ideal import Ideal
from hardware_models.memory.memory import Memory, retained
from hardware_models.memory.moments import Moments, Outcomes
from hardware_models.memory.pcm import Pcm
from hardware_models.memory.rram import Rram, Snapshot
from hardware_models.memory.sonos import Saturating, Sonos
from hardware_models.memory.sram import Sram
from hardware_models.memory.update_law import UpdateLaw

MEMORIES: dict[str, type[Memory]] = {
    "capacitor": CapacitorCell,
    "cmo": Cmo,
    "pcm": Pcm,
    "rram": Rram,
    "sonos": Sonos,
    "sram": Sram,
}
"""By the name that `part` has in a file."""

STORES: dict[str, type] = {"ideal": Ideal, **MEMORIES}
"""What may stand in a crossbar."""

__all__ = [
    "FLAWS",
    "LEVELS",
    "MEMORIES",
    "STORES",
    "Answer",
    "CapacitorCell",
    "CellArray",
    "Cells",
    "Cmo",
    "Conduction",
    "Curve",
    "Faults",
    "Flaw",
    "Ideal",
    "Keeping",
    "Memory",
    "Moments",
    "Outcomes",
    "Pcm",
    "Rram",
    "Saturating",
    "Snapshot",
    "Sonos",
    "Sram",
    "UpdateLaw",
    "drawn_error",
    "errors_of",
    "errors_together",
    "outcomes_of",
    "retained",
]
