"""Errors of a regression in units that can be compared; knows no network."""

from __future__ import annotations

from typing import Any

import torch

from neurosim.errors import DataError
from neurosim.reference.tensors import double, shaped


def squared_error(output: Any, desired: Any) -> float:
    """Σ‖y − r‖² over the samples. output, desired (N, n_L); DataError for other shapes."""
    rates = shaped(output, shape=(None, None), name="output")
    wanted = shaped(desired, shape=tuple(rates.shape), name="desired")
    return float((rates - wanted).square().sum())


def normalised_error(output: Any, desired: Any, *, reference: float) -> float:
    """NMSE = Σ‖y − r‖²/reference, with the `squared_error` of the same samples before learning as the reference.

    Podlaski and Machens 2020 (figure 3) do not say what they divide by; their code divides by the largest error
    of all methods at any time, which is that before learning unless one of them diverges. A network that puts
    out the mean can score very low: see `unexplained_variance`.

    Raises
    ------
    DataError : a reference that is not above 0, or shapes that do not fit.
    """
    if not reference > 0:
        raise DataError("is no error to compare with", where="reference", expected="> 0", got=str(reference))
    return squared_error(output, desired) / reference


def unexplained_variance(output: Any, desired: Any) -> float:
    """Σ‖y − r‖²/Σ‖y − ȳ‖², ȳ the mean of y: 1 is what a constant can do; NaN where y does not vary."""
    wanted = double(desired)
    error = squared_error(output, desired)
    spread = float((wanted - wanted.mean(0)).square().sum()) if len(wanted) else 0.0
    # the mean of equal numbers is off by rounding
    least = torch.finfo(wanted.dtype).eps ** 2 * float(wanted.square().sum()) if len(wanted) else 0.0
    return error / spread if spread > least else float("nan")
