"""Chips as numbers with units: parts, what mismatch and noise do to them, presets; no neurosim here."""

from hardware_models.chip import Chip, ChipError
from hardware_models.draw import Draw, LayerDraw, Lot, PopulationDraw
from hardware_models.fragment import Fragment, Parameter
from hardware_models.presets import (
    Preset,
    PresetError,
    chip_from_table,
    load_preset,
    preset_from_table,
    preset_names,
)
from hardware_models.quantity import QuantityError, parse_quantity

__all__ = [
    "Chip",
    "ChipError",
    "Draw",
    "Fragment",
    "LayerDraw",
    "Lot",
    "Parameter",
    "PopulationDraw",
    "Preset",
    "PresetError",
    "QuantityError",
    "chip_from_table",
    "load_preset",
    "parse_quantity",
    "preset_from_table",
    "preset_names",
]
