"""Specs that the tests of experiments share; tests nothing."""

from __future__ import annotations

from typing import Any

from neurosim.spec import Spec
from tests.systems.nets import spec_of


def digits_spec(hidden: int, *, samples: int, method: dict[str, Any], **run_table: Any) -> Spec:
    """64-hidden-10 for three epochs of brief presentations on numpy, tested on half as many digits as it learns."""
    return spec_of(
        [64, hidden, 10],
        method=method,
        task={"name": "digits", "train_samples": samples, "test_samples": samples // 2},
        run={
            "epochs": 3,
            "settle_duration": 2.0,
            "learn_duration": 2.0,
            "backend": "numpy",
            **run_table,
        },
    )
