"""Functions that equations may use beside Brian2's own, on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from neurosim.backend.noise import NORMAL


def arctanh(x: Any) -> NDArray[np.float64]:
    """The inverse of tanh, of numbers within (−1, 1)."""
    return np.asarray(np.arctanh(x))


ARCTANH = Function(arctanh, arg_units=[1], return_unit=1)
ARCTANH.implementations.add_numpy_implementation(arctanh, discard_units=True)
ARCTANH.implementations.add_implementation(
    "cpp", code="static inline double _arctanh(double x) { return atanh(x); }", name="_arctanh"
)

FUNCTIONS = {"standard_normal": NORMAL, "arctanh": ARCTANH}
"""By the name they have in equations."""
