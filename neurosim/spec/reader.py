"""TOML in and out: a file becomes a `Spec`, checked key by key; nothing in it is ever evaluated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from neurosim.errors import SpecError, nearest
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.run import Run
from neurosim.spec.task import Task

_TABLES: dict[str, type] = {"network": Network, "method": MethodSettings, "task": Task, "run": Run}
_DEFAULT_CHIP = "ideal"


@attrs.frozen(kw_only=True)
class Spec:
    """A whole experiment. The chip stays a table of strings: only `hardware_models` knows its keys."""

    network: Network
    method: MethodSettings = attrs.field(factory=MethodSettings)
    chip: Mapping[str, Any] = attrs.field(factory=lambda: {"name": _DEFAULT_CHIP})
    task: Task = attrs.field(factory=Task)
    run: Run = attrs.field(factory=Run)
    source: str = attrs.field(default="", eq=False)
    """The file it came from, for messages."""


def read_spec(path: str | Path, *, overrides: Sequence[str] = ()) -> Spec:
    """The spec in a TOML file, with `table.key=value` overrides applied before it is checked.

    Raises
    ------
    SpecError : the file is missing or no TOML, or a key or value is not allowed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except FileNotFoundError:
        raise SpecError(
            "no such file", where=str(path), remedy="see examples/specs for specs to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            "cannot be read", where=str(path), expected="a TOML file in UTF-8", got=str(error)
        ) from None
    return read_spec_text(text, source=str(path), overrides=overrides)


def read_spec_text(text: str, *, source: str = "spec", overrides: Sequence[str] = ()) -> Spec:
    """The spec in TOML text as `read_spec` has it of a file; `source` names it in errors.

    Raises
    ------
    SpecError : no TOML, or a key or value is not allowed.
    """
    tables = _parse_toml(text, where=source)
    for override in overrides:
        _apply_override(tables, override)
    return parse_spec(tables, source=source)


def parse_spec(tables: Mapping[str, Any], *, source: str = "spec") -> Spec:
    """The spec in already parsed tables; `source` names it in errors."""
    known = {*_TABLES, "chip"}
    for name, table in tables.items():
        if name not in known:
            raise SpecError(f'unknown table "{name}"', where=source, remedy=nearest(name, known))
        if not isinstance(table, Mapping):
            raise SpecError(f"{name} is no table", where=source, expected=f"[{name}]", got=repr(table))
    if "network" not in tables:
        raise SpecError("has no table [network]", where=source, remedy="add [network] with layers = [...]")
    parts = {name: _parse_table(cls, name, tables.get(name, {}), source) for name, cls in _TABLES.items()}
    chip = dict(tables.get("chip", {}))
    if "file" not in chip:
        chip = {"name": _DEFAULT_CHIP, **chip}
    return Spec(chip=chip, source=source, **parts)


def write_spec(spec: Spec) -> str:
    """The spec as TOML with every default filled in; reading it gives the same spec."""
    tables: dict[str, Any] = {}
    for name in _TABLES:
        tables[name] = _as_table(getattr(spec, name))
    tables["chip"] = dict(spec.chip)
    return tomli_w.dumps(tables)


def _as_table(part: Any) -> dict[str, Any]:
    values = attrs.asdict(part, recurse=False)
    return {
        key: _as_table(value)
        if attrs.has(type(value))
        else list(value)
        if isinstance(value, tuple)
        else dict(value)
        if isinstance(value, Mapping)
        else value
        for key, value in values.items()
    }


def _parse_toml(text: str, *, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SpecError("is nested too deeply", where=where) from None
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
        raise SpecError("is not TOML", where=where, got=str(error)) from None


def _parse_table(cls: type, path: str, table: Mapping[str, Any], source: str) -> Any:
    fields = attrs.fields_dict(cls)
    for key in table:
        if key not in fields:
            raise SpecError(f'unknown key "{path}.{key}"', where=source, remedy=nearest(key, fields))
    missing = [name for name, f in fields.items() if f.default is attrs.NOTHING and name not in table]
    if missing:
        raise SpecError(f"[{path}] lacks {', '.join(missing)}", where=source)
    values = {
        key: _parse_inner(fields[key].metadata.get("table"), f"{path}.{key}", value, source)
        for key, value in table.items()
    }
    try:
        return cls(**values)
    except SpecError as error:
        raise SpecError(
            error.what,
            where=f"{source}: {path}.{error.where}",
            expected=error.expected,
            got=error.got,
            remedy=error.remedy,
        ) from None


def _parse_inner(cls: type | None, path: str, value: Any, source: str) -> Any:
    """A value, or the table it stands for."""
    if cls is None:
        return value
    if not isinstance(value, Mapping):
        raise SpecError(f"{path} is no table", where=source, expected=f"[{path}]", got=repr(value))
    return _parse_table(cls, path, value, source)


def _apply_override(tables: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    *parents, key = path.strip().split(".")
    if not (equals and parents and key and all(parents)):
        raise SpecError("bad override", where="--set", expected="table.key=value", got=repr(override))
    target = tables
    for name in parents:  # a part's key is chip.part.key
        target = target.setdefault(name, {})
        if not isinstance(target, dict):
            raise SpecError(f"{name} is no table", where="--set", got=repr(override))
    target[key] = _override_value(text.strip())


def _override_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        pass
    try:
        return float(text)  # such as .5, which is no TOML but what people type
    except ValueError:
        return text  # a bare word is a string, so that no shell quoting is needed
