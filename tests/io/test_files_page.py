"""The page about files names everything that is in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import pytest

import neurosim.io
from neurosim.experiment import run
from neurosim.io import export_result, write_result
from neurosim.spec import Spec
from tests.systems.nets import spec_of

PAGE = (Path(neurosim.io.__file__).parent / "FILES.md").read_text(encoding="utf-8")
_NAMES = [re.escape(word) for word in re.findall(r"`([^`\n]+)`", PAGE)]
LISTED = "|".join(re.sub(r"<[^>]+>", "[A-Za-z0-9_]+", name) for name in _NAMES)
CASES = {
    "mismatch and noise": ({"name": "subthreshold_180nm"}, "DFC-fixed"),
    "cells that age": ({"name": "pcm_crossbar"}, "DFC-fixed"),
    "cells of bits": ({"name": "brainscales2"}, "DFC-fixed"),
    "dead cells": ({"name": "rram_crossbar"}, "DFC-fixed"),
    "a circuit beside the network": ({"name": "subthreshold_180nm"}, "DI"),
    "single traps": (
        {"name": "subthreshold_180nm", "process": {"traps": {"density": "2e-4 um^-2"}}},
        "DFC-fixed",
    ),
}


def _spec(chip: dict[str, Any], method: str) -> Spec:
    """Of one presentation."""
    return spec_of(
        [64, 6, 10],
        method={"name": method, "learning_rate": 0.01, "optimizer": {"name": "adam"}},
        chip=chip,
        task={"name": "digits", "train_samples": 8, "test_samples": 8},
        run={
            "epochs": 1,
            "batch": 8,
            "settle_duration": 0.5,
            "learn_duration": 0.5,
            "dt_ratio": 0.01,
            "backend": "numpy",
            "verify_samples": 0,
        },
    )


def _named(name: str) -> bool:
    return re.fullmatch(LISTED, name) is not None


@pytest.mark.parametrize("case", CASES)
def test_every_member_and_attribute_is_on_the_page(case: str, tmp_path: Path) -> None:
    write_result(run(_spec(*CASES[case])).result, tmp_path / "a.h5")
    missing = set()
    with h5py.File(tmp_path / "a.h5") as file:
        missing |= {name for name in file.attrs if not _named(name)}

        def visit(path: str, item: h5py.Group | h5py.Dataset) -> None:
            group, _, member = path.partition("/")
            last = path.rpartition("/")[2]
            own = group in ("learning", "devices") and isinstance(item, h5py.Dataset)
            if own and not _named(last):
                missing.add(path)
            if "/device/" in path and not _named(f"device/{last}"):
                missing.add(path)
            if group == "checkpoint" and member and "/" not in member and not _named(member):
                missing.add(path)
            missing.update(f"{path}@{name}" for name in item.attrs if not _named(name))

        file.visititems(visit)
        missing |= {name for name in file if f"`/{name}" not in PAGE}
    assert not missing


def test_every_file_of_a_circuit_is_on_the_page(tmp_path: Path) -> None:
    write_result(run(_spec({"name": "subthreshold_180nm"}, "DFC-fixed")).result, tmp_path / "a.h5")
    export_result(tmp_path / "a.h5", tmp_path / "out", "sonata")
    for path in (tmp_path / "out").iterdir():
        assert f"`{path.name}`" in PAGE
    with h5py.File(tmp_path / "out" / "nodes.h5") as file, h5py.File(tmp_path / "a.h5") as result:
        places = file["nodes/layer_1/0/x"][()]
        pitch = result["provenance"].attrs["pitch_metre"]
    assert places.tolist() == [1e6 * pitch * i for i in range(6)]
