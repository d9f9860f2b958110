"""Few sources instead of many: Brian2 writes one for each code object, and each reads the same headers again."""

from __future__ import annotations

import re
from pathlib import Path

UNITS = 4
"""Sources that a project's code objects are put together in. A compiler of two cores has them in half the time that one
source each takes; more of them would keep more cores busy, at a quarter of a second each. Seen with g++ 12."""
_INCLUDE = re.compile(r"^\s*#include\b.*$", re.MULTILINE)
_DECLARED = re.compile(r"^void (\w+)\(\);", re.MULTILINE)


def put_together(folder: Path, suffix: str) -> list[str]:
    """Write the code objects of a project as a few sources and name all that a program is compiled of, relative to the
    folder, sorted.

    A code object keeps its text in a namespace of its own, as what it has beside its function is named alike in all.
    """
    objects = sorted((folder / "code_objects").glob(f"*.{suffix}"), key=lambda path: -path.stat().st_size)
    units: list[list[Path]] = [[] for _ in range(min(UNITS, len(objects)))]
    for path in objects:
        min(units, key=_bytes_of).append(path)
    for number, unit in enumerate(units, start=1):
        texts = [path.read_text() for path in unit]
        headers = dict.fromkeys(line.strip() for text in texts for line in _INCLUDE.findall(text))
        spaces = [_in_a_space(path, text) for path, text in zip(unit, texts, strict=True)]
        (folder / f"unit_{number}.{suffix}").write_text("\n".join([*headers, *spaces]))
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob(f"*.{suffix}")
        if path.parent.name != "code_objects"
    )


def _bytes_of(unit: list[Path]) -> int:
    return sum(path.stat().st_size for path in unit)


def _in_a_space(path: Path, text: str) -> str:
    space = f"neurosim_{path.stem}"
    functions = _DECLARED.findall(path.with_suffix(".h").read_text())
    calls = [f"void {name}() {{ {space}::{name}(); }}" for name in functions]
    return "\n".join([f"namespace {space} {{", _INCLUDE.sub("", text), "}", *calls])
