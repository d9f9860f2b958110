"""Tolerances for samples: a deviation of four standard errors happens once in 16 000 tests, and seeds are fixed."""

import numpy as np
import pytest
from numpy.typing import NDArray

N = 40_000
"""Samples: a standard deviation is then known to .35 %, a mean to .5 % of one."""
ROUNDING = 1e-12
"""Sums and products of some dozen doubles, where the numbers are of order one."""


def assert_mean(drawn: NDArray[np.float64], mean: float, sigma: float) -> None:
    """Standard error σ/√n."""
    assert float(drawn.mean()) == pytest.approx(mean, rel=0, abs=4 * sigma / np.sqrt(drawn.size))


def assert_sigma(drawn: NDArray[np.float64], sigma: float) -> None:
    """Standard error √((κ − 1)/4n) of itself, with the kurtosis κ of the samples: σ/√(2n) if they are normal."""
    centred = drawn - drawn.mean()
    kurtosis = float(np.mean(centred**4) / np.mean(centred**2) ** 2)
    error = 4 * np.sqrt((kurtosis - 1) / (4 * drawn.size))
    assert float(drawn.std()) == pytest.approx(sigma, rel=error, abs=0)
