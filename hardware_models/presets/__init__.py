"""The chips by name, and a chip from a table of names and strings; a preset is a file and a line here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import attrs
from brian2 import Quantity

from hardware_models.chip import Chip
from hardware_models.presets.ideal import IDEAL
from hardware_models.presets.subthreshold_180nm import SUBTHRESHOLD_180NM
from hardware_models.quantity import QuantityError, parse_quantity

PRESETS: dict[str, Chip] = {chip.name: chip for chip in (IDEAL, SUBTHRESHOLD_180NM)}


def chip_from_table(table: Mapping[str, Any]) -> Chip:
    """The preset `table["name"]` with the other keys changed; a part's keys stand in a table of its name.

    Quantities are strings with units.

    Raises
    ------
    KeyError : no such preset or key; args are the key's path and the nearest known name.
    QuantityError : a value of the wrong form or dimension; its `key` is the path.
    """
    name = table.get("name", "ideal")
    if not isinstance(name, str) or name not in PRESETS:
        raise KeyError("name", str(name), _nearest(str(name), PRESETS))
    changes = {key: value for key, value in table.items() if key != "name"}
    return _change(PRESETS[name], changes, "")


def _change(part: Any, changes: Mapping[str, Any], path: str) -> Any:
    fields = {field.name: field for field in attrs.fields(type(part)) if field.name != "name"}
    values = {}
    for key, value in changes.items():
        if key not in fields:
            raise KeyError(path + key, key, _nearest(key, fields))
        try:
            values[key] = _value(getattr(part, key), value, f"{path}{key}")
        except QuantityError as error:
            error.key = error.key or f"{path}{key}"
            raise
    try:
        return attrs.evolve(part, **values)
    except QuantityError as error:
        error.key = path + error.expected.split(" ")[0]
        raise


def _value(current: Any, value: Any, path: str) -> Any:
    if attrs.has(type(current)):
        if not isinstance(value, Mapping):
            raise QuantityError(f"a table [chip.{path}]", repr(value))
        return _change(current, value, path + ".")
    if isinstance(current, Quantity):
        if not isinstance(value, str):
            raise QuantityError(f'a string with a unit, such as "{current}"', repr(value))
        return parse_quantity(value, like=current)
    return value


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else "known: " + ", ".join(sorted(known))
