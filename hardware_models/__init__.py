"""Chips as numbers with units: parts, what mismatch and noise do to them, presets; no neurosim here."""

from hardware_models.chip import Chip, ChipError, Draw, LayerDraw, PopulationDraw
from hardware_models.fragment import Fragment, Parameter
from hardware_models.presets import PRESETS, chip_from_table
from hardware_models.quantity import QuantityError, parse_quantity

__all__ = [
    "PRESETS",
    "Chip",
    "ChipError",
    "Draw",
    "Fragment",
    "LayerDraw",
    "Parameter",
    "PopulationDraw",
    "QuantityError",
    "chip_from_table",
    "parse_quantity",
]
