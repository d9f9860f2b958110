"""Files that earlier versions wrote are read; what they had not heard of is missing, and nothing else.

tests/io/old/before_budget.h5 and before_checkpoint.h5 were written by the commits before /budget and /checkpoint came
into the layout, f02e982~1 and a7b8520~1, from the result below.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosim.io import export_result, open_result, read_result, write_result
from neurosim.result import Check, Projection, Result, Series, Status, Trace
from tests.same import assert_same

FOLDER = Path(__file__).parent / "old"
NUMBERS = np.arange(6.0) / 7
EXPECTED = Result(
    spec="[network]\nlayers = [3, 2]\n",
    seed=2**40 + 1,
    backend="cpp",
    status=Status(
        kind="not settled",
        step=7,
        time=0.25,
        part="layer_1",
        unit=1,
        column=0,
        message="still moving",
        saturated=0.5,
    ),
    connectivity={
        "input_to_layer_1": Projection(
            weights=NUMBERS.reshape(2, 3),
            source="input",
            target="layer_1",
            kind="feedforward",
            biases=NUMBERS[:2],
            device={"gain": 1 + NUMBERS.reshape(2, 3), "stored": NUMBERS.reshape(2, 3)},
        )
    },
    learning={
        "train_loss": Series(values=NUMBERS, axis="epoch"),
        "wall_seconds": Series(values=NUMBERS[:2], axis="epoch", unit="s"),
    },
    traces={"layer_1": {"soma": Trace(values=np.arange(12.0).reshape(2, 3, 2) / 3, unit="V", dt=1e-5)}},
    verification=(
        Check(name="rest state", value=1e-9, tolerance=1e-6, detail="by hand"),
        Check(name="angle", value=3.0, tolerance=1.0, gating=False),
    ),
    devices={"layer_1": {"leak": NUMBERS[:2]}},
    provenance={"chip": "ideal", "dt_second": 2e-5, "good": True, "count": 3},
)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.h5")))
def test_an_old_file_says_what_it_said(name: str, tmp_path: Path) -> None:
    assert_same(read_result(FOLDER / name), EXPECTED)
    with open_result(FOLDER / name) as opened:
        write_result(opened, tmp_path / "new.h5")
    assert_same(read_result(tmp_path / "new.h5"), EXPECTED)
    export_result(FOLDER / name, tmp_path / "out", "sonata")


def test_there_are_old_files() -> None:
    assert len(list(FOLDER.glob("*.h5"))) == 2
