"""Code objects put together in few sources: each keeps what is its own."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from neurosim.backend.units import UNITS, put_together
from tests.compiled import shared_library

OBJECTS = 2 * UNITS + 1


def project(folder: Path) -> Path:
    """Code objects whose helpers, counters and macros have the same names and other contents, one much longer."""
    (folder / "code_objects").mkdir()
    (folder / "main.cpp").write_text("")
    for number in range(OBJECTS):
        stem = folder / "code_objects" / f"part_{number}"
        stem.with_suffix(".h").write_text(
            f"#ifndef PART_{number}\n#define PART_{number}\nvoid _run_part_{number}();\n#endif\n"
        )
        stem.with_suffix(".cpp").write_text(
            f'#include "code_objects/part_{number}.h"\n#include <cmath>\n'
            f"namespace {{ double own() {{ return std::ldexp(1.0, {number}); }} }}\n"
            "static int calls = 0;\n"
            f"void _run_part_{number}()\n{{\n    if (calls++ == 0) ::total += own();\n}}\n"
            + "// a long one\n"
            * (1000 if number == 3 else 0)
        )
    return folder


def test_each_is_in_one_source(tmp_path: Path) -> None:
    names = put_together(project(tmp_path), "cpp")
    assert names == ["main.cpp", *(f"unit_{number}.cpp" for number in range(1, UNITS + 1))]
    texts = [(tmp_path / name).read_text() for name in names[1:]]
    for number in range(OBJECTS):
        assert sum(f"namespace neurosim_part_{number} {{" in text for text in texts) == 1
    assert sorted(text.count("\nnamespace neurosim_part_") for text in texts)[0] == 1  # the long one is alone
    assert all("#include" not in text.partition("namespace")[2] for text in texts)


@pytest.mark.cpp
def test_what_is_named_alike_stays_apart(tmp_path: Path) -> None:
    """Every function runs twice and counts once, each with its own helper and its own counter."""
    names = put_together(project(tmp_path), "cpp")
    whole = tmp_path / "whole.cpp"
    whole.write_text(
        "double total = 0;\n"
        + "".join(f'#include "{name}"\n' for name in names)
        + 'extern "C" double run()\n{\n'
        + "".join(f"_run_part_{number}(); _run_part_{number}();\n" for number in range(OBJECTS))
        + "return total;\n}\n"
    )
    run = shared_library(whole, tmp_path / "whole.so", compiling=[f"-I{tmp_path}"], linking=[]).run
    run.restype = ctypes.c_double
    assert run() == 2.0**OBJECTS - 1
