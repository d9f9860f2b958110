"""An emulated chip's noise worked out once more in numpy, from its deviations and counters; knows no equations."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from neurosim.backend.noise import standard_normal
from neurosim.emulate import VirtualChip
from neurosim.emulate.design import noise_key
from neurosim.emulate.wandering import wander_values
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
FIRST_SITE = {"soma": 3, "basal": 23, "apical": 43, "integrator": 3}


def wander_given(chip: VirtualChip, period: int, *, passage: int, sleeps: bool = False) -> dict[str, Array]:
    """What the noise of a first presentation adds, as `simulate` takes it: state → (period, columns, Σ n)."""
    passing = _Passing(chip=chip, period=period, passage=passage, sleeps=sleeps)
    layers = range(1, chip.spec.network.depth + 1)
    found = {
        state: np.concatenate([passing.added(f"layer_{l}", state) for l in layers], axis=2)
        for state in ("soma", "basal", "apical")
    }
    return {**found, "integrator": passing.added("controller", "integrator")}


def relaxation(start: Array, steps: float, period: int, drawn: Callable[[int], Array]) -> Array:
    """φ of a relaxation that lasts so many steps, at the times of a run's steps, (period, n).

    It moves in every step, or in every 5th or 50th where that is a tenth of it at most.
    """
    hold = 50 if steps > 499.9 else 5 if steps > 49.9 else 1
    rows, phi = [], start
    for k in range(period):
        if k % hold == 0 and (k > 0 or hold == 1):
            rho = np.exp(-hold / steps)
            phi = rho * phi + np.sqrt(1 - rho**2) * drawn(k)
        rows.append(phi)
    return np.array(rows)


@attrs.frozen(kw_only=True)
class _Passing:
    chip: VirtualChip
    period: int
    passage: int
    sleeps: bool

    def added(self, group: str, state: str) -> Array:
        """Of one state of a group, (period, columns, n)."""
        chip, h = self.chip, self.chip.spec.run.dt_ratio
        source = chip.deviations.sources[f"{group}.{state}"]
        n, columns = chip.model.group(group).n_units, chip.model.n_columns
        place = int(group[6:]) if group.startswith("layer_") else group
        key = noise_key(chip.spec, seed=chip.chip.seed, place=place, passage=self.passage, sleeps=self.sleeps)
        first, index, starts = FIRST_SITE[state], np.arange(n * columns), self._starts()
        total = np.zeros((self.period, n * columns))
        if source.white > 0:
            drawn = [standard_normal(key, first, k, index) for k in range(self.period)]
            total += source.white / np.sqrt(h) * np.array(drawn)
        for number, (a, tau) in enumerate(zip(source.amplitudes, source.taus, strict=True)):

            def draw(k: int, site: int = first + 1 + number) -> Array:
                return standard_normal(key, site, k, index)

            phi = relaxation(starts[f"{group}.{state}_flicker_{number}"], tau / h, self.period, draw)
            total += a * phi
        places = source.steps.shape[1]
        chances = source.emission / (source.capture + source.emission)
        for j in range(places):
            up = starts[f"{group}.{state}_trap_{j}"]
            chance, rate = (
                np.repeat(x[:, j], columns) for x in (chances, h / source.capture + h / source.emission)
            )
            step = np.repeat(source.steps[:, j], columns)
            for k in range(self.period):
                likely = chance + (up - chance) * np.exp(-rate)
                up = (ndtr(standard_normal(key, first + 16, k, index * places + j)) < likely).astype(float)
                total[k] += step * (up - chance)
        return total.reshape(self.period, n, columns).transpose(0, 2, 1)

    def _starts(self) -> dict[str, Array]:
        chip = self.chip

        def streams(group: str) -> np.random.Generator:
            return stream(
                chip.chip.seed, "noise", chip.spec.run.seed, "wander", self.passage, self.sleeps, group
            )

        return wander_values(chip.model, streams, None)
