"""The noise that adds to what drives one state, unit-free: white, 1/f as relaxations, traps."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class NoiseSource:
    """τ ds/dt = … + x,  x = white ξ + Σ_k amplitudes_k φ_k + Σ_j steps_j (x_j − p_j),

    dφ_k = −φ_k dt/taus_k + √(2/taus_k) dB;  x_j is 0 for a time capture_j in the mean, and 1 for emission_j,
    p_j = emission_j/(capture_j + emission_j). Activation units, time in τ_u; each unit has its own ξ, φ_k, x_j.
    """

    white: float
    """Of x, activation units · √τ_u; that of somata and apical compartments is in `LayerDeviations` instead."""
    amplitudes: Array
    """(n_relaxations,)."""
    taus: Array
    """(n_relaxations,), the slowest first."""
    steps: Array
    """(n_units, n_traps), or (1, 0) where there are no traps; so capture and emission."""
    capture: Array
    emission: Array

    @property
    def wandering(self) -> bool:
        """Whether any of it remembers."""
        return bool(np.any(self.amplitudes) or np.any(self.steps))

    def flicker_covariance(self, lags: Array) -> Array:
        """Of Σ_k amplitudes_k φ_k at lags (n_lags,) in τ_u; (1, n_lags)."""
        kept = np.exp(-np.abs(lags)[None, :] / self.taus[:, None])
        return np.asarray(self.amplitudes**2 @ kept)[None, :]

    def trap_covariance(self, lags: Array) -> Array:
        """Of Σ_j steps_j (x_j − p_j), which forgets at the rate 1/capture + 1/emission; (n_units, n_lags)."""
        chance = self.emission / (self.capture + self.emission)
        rate = 1 / self.capture + 1 / self.emission
        kept = np.exp(-rate[:, :, None] * np.abs(lags))
        return np.asarray(np.sum((self.steps**2 * chance * (1 - chance))[:, :, None] * kept, axis=1))

    @property
    def variance(self) -> float:
        """Of what remembers, mean over units."""
        chance = self.emission / (self.capture + self.emission)
        traps = np.sum(self.steps**2 * chance * (1 - chance), axis=1)
        return float(np.sum(self.amplitudes**2) + np.mean(traps))
