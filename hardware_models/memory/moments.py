"""Mean and standard deviation of what cells hold, in closed form; knows no technology."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from hardware_models.memory.curve import Array


@attrs.frozen(kw_only=True, eq=False)
class Moments:
    """Of every cell by itself, of the shape of the weights."""

    mean: Array
    sigma: Array

    @staticmethod
    def certain(values: ArrayLike) -> Moments:
        """Of what does not differ from cell to cell."""
        values = np.asarray(values, float)
        return Moments(mean=values, sigma=np.zeros_like(values))

    def drawn(self, normals: ArrayLike) -> Array:
        """mean + sigma z: what has them, if it is normal."""
        return self.mean + self.sigma * np.asarray(normals, float)


@attrs.frozen(kw_only=True, eq=False)
class Outcomes:
    """All that every cell may hold, where that is a few values far apart: moments alone say little then."""

    values: Array
    """(outcomes, …)."""
    chances: Array
    """Of the same shape, or of one that is broadcast to it; they add up to 1."""


def rectified(mean: Array, sigma: Array) -> Moments:
    """Of max(m + σz, 0): m Φ(m/σ) + σ φ(m/σ), and (m² + σ²) Φ(m/σ) + m σ φ(m/σ) of its square."""
    safe = np.where(sigma > 0, sigma, 1.0)
    below = ndtr(mean / safe)
    bell = sigma * np.exp(-0.5 * (mean / safe) ** 2) / np.sqrt(2 * np.pi)
    first = mean * below + bell
    square = (mean**2 + sigma**2) * below + mean * bell
    spread = np.sqrt(np.maximum(square - first**2, 0))
    return Moments(
        mean=np.where(sigma > 0, first, np.maximum(mean, 0)), sigma=np.where(sigma > 0, spread, 0.0)
    )


def powered(logarithm: Array, mean: Array, sigma: Array) -> Moments:
    """Of e^(−L|m + σz|), L ≥ 0: Σ± e^(∓Lm + L²σ²/2) Φ(±m/σ − Lσ), and the same with 2L of its square."""
    safe = np.where(sigma > 0, sigma, 1.0)

    def transform(power: Array) -> Array:
        lifted = 0.5 * (power * sigma) ** 2
        above = np.exp(lifted - power * mean) * ndtr(mean / safe - power * sigma)
        folded = np.exp(lifted + power * mean) * ndtr(-mean / safe - power * sigma)
        return np.where(sigma > 0, above + folded, np.exp(-power * np.abs(mean)))

    first = transform(logarithm)
    square = transform(2 * logarithm) - first**2
    # where nothing happens the difference is rounding, of which no root is to be taken
    return Moments(
        mean=np.where(logarithm > 0, first, 1.0),
        sigma=np.where(logarithm * sigma > 0, np.sqrt(np.maximum(square, 0)), 0.0),
    )
