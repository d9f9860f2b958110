"""A signed weight as the difference of two devices, and independent noise of both; knows no technology.

w = (x₊ − x₋)/(1 − x_min),  x = g/g_max;  one of the two devices stands at x_min = g_min/g_max.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hardware_models.memory.curve import Array
from hardware_models.memory.moments import Moments, rectified
from hardware_models.quantity import QuantityError

Sigma = Callable[[Array], Array]
"""Standard deviation of a device's x, of x."""


def targets(weights: ArrayLike) -> Array:
    """Weights clipped to full scale; QuantityError where one is not finite."""
    weights = np.asarray(weights, float)
    if not np.all(np.isfinite(weights)):
        bad = weights[~np.isfinite(weights)]
        raise QuantityError("weights finite", f"{bad.size} that are not, such as {bad[0]}", "weights")
    return np.clip(weights, -1, 1)


def steps_of(weights: ArrayLike, steps: int) -> Array:
    """Weights rounded to the nearest of `steps` equal steps on either side of zero; 0: as they are."""
    weights = targets(weights)
    return np.rint(weights * steps) / steps if steps else weights


def split(weights: ArrayLike, lowest: float) -> Array:
    """x₊ and x₋ of weights, (2, …)."""
    weights = np.asarray(weights, float)
    return lowest + (1 - lowest) * np.stack([np.maximum(weights, 0), np.maximum(-weights, 0)])


def join(devices: Array, lowest: float) -> Array:
    """Weights of x₊ and x₋, (2, …)."""
    return np.asarray((devices[0] - devices[1]) / (1 - lowest))


def write_pair(
    weights: Array, sigma: Sigma, generator: np.random.Generator, *, lowest: float, stuck: Array
) -> Array:
    """Weights as they are after programming: both devices miss by their σ, and no conductance is negative.

    Parameters
    ----------
    weights : what is aimed at, in [−1, 1].
    stuck : x of dead devices, nan of those that live, (2, …).
    """
    devices = split(weights, lowest)
    missed = devices + sigma(devices) * generator.standard_normal(devices.shape)
    return join(np.where(np.isnan(stuck), np.maximum(missed, 0), stuck), lowest)


def missed_pair(weights: Array, sigma: Sigma, *, lowest: float) -> Moments:
    """Of what `write_pair` makes of weights whose devices all live."""
    devices = split(weights, lowest)
    missed = rectified(devices, sigma(devices))
    return Moments(
        mean=join(missed.mean, lowest), sigma=np.hypot(missed.sigma[0], missed.sigma[1]) / (1 - lowest)
    )


def pair_sigma(weights: ArrayLike, sigma: Sigma, *, lowest: float) -> Array:
    """Standard deviation of weights, √(σ₊² + σ₋²)/(1 − x_min)."""
    both = sigma(split(weights, lowest))
    return np.asarray(np.hypot(both[0], both[1]) / (1 - lowest))
