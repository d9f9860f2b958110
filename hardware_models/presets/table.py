"""The chips by name: one file each in this folder; and a chip from the table of a spec."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from hardware_models.chip import BY_SPEC, Chip
from hardware_models.presets.reading import PresetError, build, is_entry, merged, nearest
from hardware_models.provenance import Number
from hardware_models.quantity import QuantityError

_FOLDER = files("hardware_models.presets")
_KEYS = ("title", "based_on", "sources", "chip")
SPEC = "spec"
"""The source of what a spec changes."""


@attrs.frozen(kw_only=True, eq=False)
class Preset:
    """A chip and where its numbers are from."""

    name: str
    title: str
    chip: Chip
    numbers: Mapping[str, Number]
    """By path, such as "soma.capacitance"."""


@attrs.frozen(kw_only=True, eq=False)
class _Raw:
    title: str
    sources: Mapping[str, str]
    tree: Mapping[str, Any]


def preset_names() -> list[str]:
    """Of all files of this folder."""
    return sorted(
        item.name.removesuffix(".toml") for item in _FOLDER.iterdir() if item.name.endswith(".toml")
    )


@cache
def load_preset(name: str) -> Preset:
    """The preset of that name; KeyError with path, name and hint if there is none."""
    return _preset(name, _named(name))


def preset_from_table(table: Mapping[str, Any], *, folder: Path | None = None) -> Preset:
    """The chip `table["name"]`, or that of the file `table["file"]`, with the other keys changed.

    A part's keys stand in a table of its name; quantities are strings with units. What is changed must lie in the
    range that the preset's number has.

    Parameters
    ----------
    folder : where a relative file name starts; None: here.

    Raises
    ------
    KeyError : no such preset or key; args are the key's path, the name and a hint.
    QuantityError : a value of the wrong form, dimension or range; its `key` is the path.
    PresetError : a file that is no complete chip.
    """
    changes = {key: value for key, value in table.items() if key not in ("name", "file")}
    if "file" in table:
        name, raw = _from_file(table, folder)
    else:
        name = table.get("name", "ideal")
        if not isinstance(name, str):
            raise KeyError("name", str(name), nearest(str(name), preset_names()))
        if not changes:
            return load_preset(name)
        raw = _named(name)
    tree = merged(raw.tree, _as_entries(changes, raw.tree, ""))
    return _preset(name, attrs.evolve(raw, tree=tree))


def chip_from_table(table: Mapping[str, Any], *, folder: Path | None = None) -> Chip:
    """The chip alone of `preset_from_table`."""
    return preset_from_table(table, folder=folder).chip


def _preset(name: str, raw: _Raw) -> Preset:
    chip, numbers = build(Chip, raw.tree, raw.sources)
    chip = attrs.evolve(chip, name=name, numbers=numbers)
    chip.check()
    return Preset(name=name, title=raw.title, chip=chip, numbers=numbers)


@cache
def _named(name: str) -> _Raw:
    if name not in preset_names():
        raise KeyError("name", name, nearest(name, preset_names()))
    return _raw(_FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _from_file(table: Mapping[str, Any], folder: Path | None) -> tuple[str, _Raw]:
    if "name" in table:
        raise PresetError("either a name or a file", "file", expected="one of both", got="both")
    given = table["file"]
    if not isinstance(given, str):
        raise PresetError("a file name is text", "file", expected="text", got=repr(given))
    path = (folder or Path()) / given
    try:
        return path.stem, _raw(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PresetError("the chip's file cannot be read", "file", got=f"{path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise PresetError("the chip's file is no TOML", "file", got=f"{path}: {error}") from None


def _raw(text: str) -> _Raw:
    document = tomllib.loads(text)
    for key in document:
        if key not in _KEYS:
            raise PresetError("unknown key", key, got=repr(key), remedy=nearest(key, _KEYS), whole=True)
    tables = {name: document.get(name, {}) for name in ("sources", "chip")}
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise PresetError("no table", name, expected=f"a table [{name}]", got=repr(table), whole=True)
    sources = {str(key): str(value) for key, value in tables["sources"].items()}
    tree, title = tables["chip"], str(document.get("title", ""))
    if "based_on" in document:
        base = _base(document["based_on"])
        for name, words in sources.items():
            if base.sources.get(name, words) != words:
                raise PresetError(
                    "a source has the name of another one",
                    f"sources.{name}",
                    expected=f'another name: in {document["based_on"]} it is "{base.sources[name]}"',
                    got=repr(words),
                    whole=True,
                )
        tree, sources = merged(base.tree, tree), {**base.sources, **sources}
    return _Raw(title=title, sources={**sources, SPEC: BY_SPEC}, tree=tree)


def _base(name: Any) -> _Raw:
    if not isinstance(name, str) or name not in preset_names():
        raise PresetError(
            "no such chip to be based on",
            "based_on",
            expected="the name of a preset",
            got=repr(name),
            remedy=nearest(str(name), preset_names()),
            whole=True,
        )
    return _named(name)


def _as_entries(changes: Mapping[str, Any], tree: Mapping[str, Any], path: str) -> dict[str, Any]:
    """What a spec changes as entries, with the range and kind of what they replace."""
    result: dict[str, Any] = {}
    for key, value in changes.items():
        old = tree.get(key)
        if isinstance(value, Mapping):
            if is_entry(old):
                raise QuantityError("one value, not a table", repr(dict(value)), path + key)
            result[key] = _as_entries(value, old if isinstance(old, Mapping) else {}, f"{path}{key}.")
        elif isinstance(old, Mapping) and is_entry(old):
            limit = old.get("range_source", old.get("source", SPEC))
            result[key] = {**old, "value": value, "mark": "spec", "source": SPEC, "range_source": limit}
        else:
            result[key] = value
    return result
