"""A chip from the tree of a TOML file, in which every number says what it is; knows no folder and no name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from brian2 import Quantity

from hardware_models.provenance import KINDS, MARKS, Number, as_text
from hardware_models.quantity import QuantityError, parse_quantity

PART = "part"
"""The key that chooses between several parts that may stand in one place."""
ENTRY = ("value", "mark", "source", "range", "kind", "note", "range_source")
"""Keys of a number's table; the last two are optional, and the range where the value is no number."""
Tree = Mapping[str, Any]


class PresetError(QuantityError):
    """A chip's file that is incomplete or contradicts itself; `key` is the path within its table "chip", or, with
    `whole`, within the file."""

    def __init__(
        self,
        message: str,
        key: str,
        *,
        expected: str = "",
        got: str = "",
        remedy: str = "",
        whole: bool = False,
    ) -> None:
        super().__init__(expected, got, key)
        self.whole = whole
        self.message = message
        self.remedy = remedy


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else "known: " + ", ".join(names)


def merged(base: Tree, changes: Tree) -> dict[str, Any]:
    """The base with the changes on top; where a part is replaced by another kind, nothing of it is kept."""
    result = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        below = isinstance(value, Mapping) and not is_entry(value)
        if below and isinstance(old, Mapping) and not is_entry(old):
            other = PART in value and value[PART] != old.get(PART, value[PART])
            result[key] = dict(value) if other else merged(old, value)
        else:
            result[key] = value
    return result


def is_entry(value: Any) -> bool:
    """Whether it is the table of one number."""
    return isinstance(value, Mapping) and "value" in value


def build(
    cls: type, tree: Tree, sources: Mapping[str, str], *, path: str = "", chosen: bool = False
) -> tuple[Any, dict[str, Number]]:
    """The part described by a tree, and each of its numbers by path.

    chosen : whether the tree says which of several parts it is.

    Raises
    ------
    KeyError : an unknown key; args are its path, the key and a hint.
    PresetError : a number or its source, mark, kind or range is missing.
    QuantityError : a value of the wrong form or dimension, or out of its range.
    """
    fields = {field.name: field for field in attrs.fields(cls) if not field.metadata.get("given")}
    for key in tree:
        if key not in fields and not (key == PART and chosen):
            raise KeyError(path + key, key, nearest(key, fields))
    values: dict[str, Any] = {}
    numbers: dict[str, Number] = {}
    for name, field in fields.items():
        key = path + name
        if name not in tree:
            raise PresetError("a number is missing", key, remedy="state it, or name a preset in based_on")
        if "parts" in field.metadata or attrs.has(_type(cls, name)):
            values[name], below = _build_part(field, _type(cls, name), tree[name], sources, key)
            numbers |= below
        else:
            numbers[key] = _number(field, tree[name], sources, key)
            values[name] = numbers[key].value
    try:
        return cls(**values), numbers
    except QuantityError as error:
        error.key = path + error.expected.split(" ")[0]
        raise


def _build_part(
    field: Any, cls: Any, tree: Any, sources: Mapping[str, str], key: str
) -> tuple[Any, dict[str, Number]]:
    if not isinstance(tree, Mapping) or is_entry(tree):
        raise QuantityError(f"a table [chip.{key}]", repr(tree), key)
    parts = field.metadata.get("parts")
    if parts is None:
        return build(cls, tree, sources, path=key + ".")
    chosen = tree.get(PART)
    if chosen not in parts:
        raise QuantityError("one of " + ", ".join(parts), repr(chosen), f"{key}.{PART}")
    return build(parts[chosen], tree, sources, path=key + ".", chosen=True)


def _type(cls: Any, name: str) -> Any:
    attrs.resolve_types(cls)
    kind = attrs.fields_dict(cls)[name].type
    return kind if isinstance(kind, type) else object


def _number(field: Any, entry: Any, sources: Mapping[str, str], key: str) -> Number:
    if not is_entry(entry):
        raise PresetError(
            "a number does not say where it is from",
            key,
            expected="a table with value, mark, source, range, kind",
            got=repr(entry),
        )
    for name in entry:
        if name not in ENTRY:
            raise KeyError(f"{key}.{name}", name, nearest(name, ENTRY))
    value = _value(field.default, entry["value"], key)
    numeric = not isinstance(value, bool | str)
    for name in ("mark", "source", "kind", *(["range"] if numeric else [])):
        if not entry.get(name):
            raise PresetError(f"a number has no {name}", f"{key}.{name}", remedy=f"say its {name}")
    mark, source, kind = _words(entry, sources, key)
    low = high = None
    if numeric:
        low, high = _range(field.default, entry["range"], f"{key}.range")
    number = Number(
        value=value,
        text=as_text(entry["value"]),
        mark=mark,
        source=source,
        kind=kind,
        low=low,
        high=high,
        range_text=" to ".join(as_text(end) for end in entry["range"]) if numeric else "",
        range_source=_range_source(entry, sources, key) or source,
        note=str(entry.get("note", "")),
    )
    number.check(key)
    return number


def _words(entry: Tree, sources: Mapping[str, str], key: str) -> tuple[str, str, str]:
    for name, known in (("mark", MARKS), ("kind", KINDS), ("source", sources)):
        if entry[name] not in known:
            hint = nearest(str(entry[name]), known)
            raise PresetError(f"an unknown {name}", f"{key}.{name}", expected=hint, got=repr(entry[name]))
    return entry["mark"], sources[entry["source"]], entry["kind"]


def _range_source(entry: Tree, sources: Mapping[str, str], key: str) -> str:
    given = entry.get("range_source")
    if given is not None and given not in sources:
        hint = nearest(str(given), sources)
        raise PresetError("an unknown source", f"{key}.range_source", expected=hint, got=repr(given))
    return "" if given is None else sources[given]


def _range(default: Any, given: Any, key: str) -> tuple[Any, Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise QuantityError("a range of two ends, lowest first", repr(given), key)
    low, high = (_value(default[0] if isinstance(default, tuple) else default, end, key) for end in given)
    if not float(low) <= float(high):
        raise QuantityError("a range of two ends, lowest first", repr(given), key)
    return low, high


def _value(default: Any, given: Any, key: str) -> Any:
    """The value in the form that the field's default has."""
    try:
        if isinstance(default, Quantity):
            if not isinstance(given, str):
                raise QuantityError(f'a string with a unit, such as "{default}"', repr(given))
            return parse_quantity(given, like=default)
        if isinstance(default, tuple):
            if not isinstance(given, list) or not given:
                raise QuantityError("a list of numbers", repr(given))
            return tuple(_value(0.0, item, key) for item in given)
        if isinstance(default, float) and isinstance(given, int) and not isinstance(given, bool):
            return float(given)
        if not isinstance(given, type(default)) or isinstance(given, bool) != isinstance(default, bool):
            kinds = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}
            raise QuantityError(kinds[type(default)], repr(given))
        return given
    except QuantityError as error:
        error.key = error.key or key
        raise
