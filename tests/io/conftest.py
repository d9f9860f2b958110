"""A result with every kind of member and number, and a comparison that forgives nothing; tests nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurosim.result import Check, Checkpoint, Projection, Result, Series, Spikes, Status, Trace
from tests.same import assert_same as same

ODD_NUMBERS = np.array(
    [
        0.0,
        -0.0,
        np.nan,
        -np.nan,
        np.inf,
        -np.inf,
        5e-324,
        1e308,
        0.1,
        np.pi,
        1 / 3,
        -1.0,
        2.0**-1022,
        7.0,
        8.0,
    ]
)
"""(15,): what a careless copy changes."""


@pytest.fixture(scope="session")
def full_result() -> Result:
    """A result with every group filled."""
    rng = np.random.default_rng(0)
    odd = ODD_NUMBERS.reshape(3, 5)
    return Result(
        spec="[network]\nlayers = [5, 3]\n# τ_u in words\n",
        seed=2**63 + 5,
        backend="numpy",
        status=Status(
            kind="diverged",
            step=12,
            time=1.25e-3,
            part="layer_1",
            unit=2,
            column=4,
            message="layer_1 left ±1e3 at step 12",
            saturated=0.25,
        ),
        connectivity={
            "input_to_layer_1": Projection(
                weights=odd,
                source="input",
                target="layer_1",
                kind="feedforward",
                unit="S",
                biases=rng.normal(size=3),
                device={"stored": rng.normal(size=(3, 5)), "gain": odd[::-1].T.copy().T},
            ),
            "controller_to_layer_1": Projection(
                weights=rng.normal(size=(3, 3)), source="controller", target="layer_1", kind="feedback"
            ),
        },
        learning={
            "train_loss": Series(values=ODD_NUMBERS, axis="epoch"),
            "angles": Series(values=rng.normal(size=(4, 2)), axis="presentation", unit="deg"),
        },
        traces={
            "layer_10": {"soma": Trace(values=rng.normal(size=(2, 50, 3)), unit="V", dt=1e-6)},
            "layer_9": {
                "soma": Trace(values=odd[None], unit="V", dt=0.1),
                "apical": Trace(values=np.zeros((2, 0, 3)), unit="1", dt=2e-6),
            },
        },
        spikes={
            "layer_1": Spikes(
                times=rng.uniform(size=6), units=np.arange(6.0) // 2, columns=np.array([0, 1, 2, 0, 1, 0.0])
            ),
            "controller": Spikes(times=np.zeros(0), units=np.zeros(0), columns=np.zeros(0)),
        },
        verification=(
            Check(name="steady_state", value=1e-9, tolerance=1e-6, detail="emulated against solved"),
            Check(name="lemma_1", value=float("nan"), tolerance=1e-6),
            Check(name="alignment", value=12.5, tolerance=10.0, gating=False),
        ),
        devices={"layer_1": {"leak": rng.normal(size=3), "offset": np.zeros(3)}, "controller": {}},
        checkpoint=Checkpoint(
            epochs=3,
            nights=7,
            status=Status(kind="not settled", step=9, time=0.1, message="slow"),
            arrays={
                "biases": {"biases_2": rng.normal(size=3), "biases_1": ODD_NUMBERS},
                "cells": {"synapses_1.age": odd},
                "wander": {},
            },
        ),
        provenance={
            "numpy": "2.3.5",
            "volt": 0.02,
            "wall_time": 3.5,
            "columns": 32,
            "compiled": True,
            "note": "",
            **{f"version_{i}": str(i) for i in range(30)},
        },
    )


@pytest.fixture(scope="session")
def assert_same() -> Callable[[object, object], None]:
    """assert_same(one, other) on results, or any part of them."""
    return same
