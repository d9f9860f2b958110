"""Results to report on: made up, and one of a real, tiny emulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.backend import Stimulus
from neurosim.emulate import emulate
from neurosim.result import DIVERGED, Check, Result, Series, Status, Trace
from neurosim.spec import write_spec
from neurosim.spec.reader import parse_spec

SPEC = {
    "network": {"layers": [5, 4, 3]},
    "chip": {"name": "ideal"},
    "run": {"batch": 2, "seed": 3, "backend": "numpy"},
}


@pytest.fixture(scope="session")
def emulated() -> Result:
    """One presentation of two samples, with the traces an emulation leaves."""
    rng = np.random.default_rng(1)
    stimulus = Stimulus(
        inputs=rng.random((2, 5)), desired=np.eye(3)[:2], order=np.array([[0, 1]], dtype=np.int32)
    )
    return emulate(parse_spec(SPEC), stimulus, backend="numpy")


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (
        Check(name="steady state", value=1e-9, tolerance=1e-6, detail="emulated against [solved]"),
        Check(name="angle", value=40.0, tolerance=30.0, detail="to the gradient", gating=False),
    )


@pytest.fixture
def learned(checks: tuple[Check, ...]) -> Callable[..., Result]:
    """A made-up result of three epochs; keywords replace its parts."""

    def make(**changes: Any) -> Result:
        result = Result(
            spec=write_spec(parse_spec(SPEC)),
            seed=3,
            backend="cpp",
            learning={
                "train_loss": Series(values=np.array([1.0, 0.5, 0.25]), axis="epoch"),
                "test_loss": Series(values=np.array([2.0, 1.0, 0.6, 0.375]), axis="epochs before"),
                "test_accuracy": Series(values=np.array([0.1, 0.5, 0.8, 0.925]), axis="epochs before"),
                "wall_seconds": Series(values=np.array([1.0, 2.0, 3.0]), axis="epoch", unit="s"),
            },
            verification=checks,
            provenance={
                "chip": "subthreshold_180nm",
                "voltage_unit_volt": 0.03,
                "current_unit_amp": 1e-9,
                "time_base_second": 1e-3,
                "dt_second": 2e-5,
                "settle_time": 2.76e-3,
                "max_real_eigenvalue": -0.37,
                "build_seconds": 12.5,
                "wall_seconds": 300.0,
            },
        )
        return attrs.evolve(result, **changes)

    return make


@pytest.fixture
def diverged(learned: Callable[..., Result]) -> Result:
    """A run that broke off: NaN and infinity wherever a number was expected."""
    values = np.concatenate([np.geomspace(1e-3, 1e300, 60), [np.inf, np.nan]]).reshape(1, -1, 1)
    trace = Trace(values=values, unit="V", dt=1e-4)
    return learned(
        status=Status(kind=DIVERGED, step=7, time=1.4e-4, message="soma of layer_1 left all bounds"),
        learning={"train_loss": Series(values=np.array([1.0, np.inf, np.nan]), axis="epoch")},
        traces={"layer_1": {"soma": trace}, "controller": {"output": trace}},
        verification=(Check(name="steady state", value=float("nan"), tolerance=1e-6),),
    )
