"""emulate(spec, stimulus) -> Result, and the virtual chip behind it for more than one stimulus."""

from neurosim.emulate.chip import VirtualChip
from neurosim.emulate.cost import Cost, cost_of
from neurosim.emulate.design import chip_of, design_of, preset_of
from neurosim.emulate.emulate import emulate
from neurosim.emulate.lot import Lot
from neurosim.emulate.passage import Passage
from neurosim.emulate.plastic import Rates
from neurosim.emulate.weights import Weights, projections, stored_weights
from neurosim.emulate.written import Storage

__all__ = [
    "Cost",
    "Lot",
    "Passage",
    "Rates",
    "Storage",
    "VirtualChip",
    "Weights",
    "chip_of",
    "cost_of",
    "design_of",
    "emulate",
    "preset_of",
    "projections",
    "stored_weights",
]
