"""A stimulus that does not hold together is refused at the door."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosim.backend import Stimulus
from neurosim.errors import DataError

GOOD: dict[str, Any] = {
    "inputs": np.zeros((3, 2)),
    "desired": np.zeros((3, 1)),
    "order": np.array([[0, 1], [2, 0]], np.int32),
}


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": np.zeros(3)},
        {"inputs": np.zeros((3, 2), dtype=np.int64)},
        {"inputs": np.array([[0.0, np.nan]] * 3)},
        {"desired": np.full((3, 1), np.inf)},
        {"desired": np.zeros((4, 1))},
        {"order": np.array([[0, 3]], np.int32)},
        {"order": np.array([[0, -1]], np.int32)},
        {"order": np.array([0, 1], np.int32)},
    ],
)
def test_bad_data_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        Stimulus(**{**GOOD, **change})


def test_bytes_are_shown_scaled() -> None:
    stimulus = Stimulus(
        **{**GOOD, "inputs": np.array([[0, 255], [51, 0], [1, 2]], np.uint8), "scale": 1 / 255}
    )
    assert np.array_equal(stimulus.shown(0), np.array([[0, 255], [51, 0]]) * (1 / 255))
