"""A result with every kind of member and number, and a comparison that forgives nothing; tests nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurosim.result import Check, Projection, Result, Series, Status, Trace

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
        verification=(
            Check(name="steady_state", value=1e-9, tolerance=1e-6, detail="emulated against solved"),
            Check(name="lemma_1", value=float("nan"), tolerance=1e-6),
            Check(name="alignment", value=12.5, tolerance=10.0, gating=False),
        ),
        devices={"layer_1": {"leak": rng.normal(size=3), "offset": np.zeros(3)}, "controller": {}},
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
    return _assert_same


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have the same shape, type and bits, NaN payloads and signs of zero included."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _assert_same(one: object, other: object, where: str = "result") -> None:
    """Two trees of mappings, tuples, attrs objects and arrays are the same, order and bits included."""
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray), where
        assert _same_bits(one, other), where
    elif hasattr(one, "__attrs_attrs__"):
        assert type(one) is type(other), where
        for field in one.__attrs_attrs__:
            _assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, dict):
        assert isinstance(other, dict), where
        assert set(one) == set(other), where
        if not where.endswith("provenance"):  # attributes have no order
            assert list(one) == list(other), where
        for key in one:
            _assert_same(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, tuple):
        assert isinstance(other, tuple), where
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            _assert_same(a, b, f"{where}[{index}]")
    else:
        assert type(one) is type(other), where
        assert one == other or (one != one and other != other), where
