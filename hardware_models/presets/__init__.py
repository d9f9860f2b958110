"""Chips as files: the presets by name, a user's own, and either with some numbers changed."""

from hardware_models.presets.reading import PresetError
from hardware_models.presets.table import (
    Preset,
    chip_from_table,
    load_preset,
    preset_from_table,
    preset_names,
)

__all__ = [
    "Preset",
    "PresetError",
    "chip_from_table",
    "load_preset",
    "preset_from_table",
    "preset_names",
]
