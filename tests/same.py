"""A comparison of results, or of any part of them, that forgives nothing; tests nothing."""

from __future__ import annotations

import numpy as np


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have the same shape, type and bits, NaN payloads and signs of zero included."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def assert_same(one: object, other: object, where: str = "result") -> None:
    """Two trees of mappings, tuples, attrs objects and arrays are the same, order and bits included."""
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray), where
        assert _same_bits(one, other), where
    elif hasattr(one, "__attrs_attrs__"):
        assert type(one) is type(other), where
        for field in one.__attrs_attrs__:
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, dict):
        assert isinstance(other, dict), where
        assert set(one) == set(other), where
        if not where.endswith("provenance"):  # attributes have no order
            assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, tuple):
        assert isinstance(other, tuple), where
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    else:
        assert type(one) is type(other), where
        assert one == other or (one != one and other != other), where
