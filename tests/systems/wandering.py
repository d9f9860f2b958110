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
from neurosim.spec import Protocol
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
HOLD_SITE = 96
SITES = {"soma": (32, 2), "basal": (33, 2), "apical": (1, 2), "integrator": (65, 1)}
"""Of the fastest relaxation, and how far it is to the next slower one; traps come as the sixteenth."""
HOLDS = (1, 5, 50, 500)
WHITE_SITES = {"soma": 0, "basal": 98, "apical": 99, "integrator": 64}


def wander_given(
    chip: VirtualChip, protocol: Protocol, *, passage: int, sleeps: bool = False
) -> dict[str, Array]:
    """What the noise of a first presentation adds, as `simulate` takes it: state → (period, columns, Σ n)."""
    passing = _Passing(chip=chip, protocol=protocol, passage=passage, sleeps=sleeps)
    layers = range(1, chip.spec.network.depth + 1)
    found = {
        state: np.concatenate([passing.added(f"layer_{l}", state) for l in layers], axis=2)
        for state in ("soma", "basal", "apical")
    }
    return {**found, "integrator": passing.added("controller", "integrator")}


def sampled_given(chip: VirtualChip, protocol: Protocol, *, passage: int) -> dict[str, Array]:
    """What noise adds to what is sampled in a first presentation, as `simulate` takes it."""
    spec, columns = chip.spec, chip.model.n_columns
    sizes = dict(enumerate(spec.network.layers[1:], start=1))

    def drawn(place: int | str, n: int) -> Array:
        key = noise_key(spec, seed=chip.chip.seed, place=place, passage=passage)
        normals = standard_normal(key, HOLD_SITE, protocol.settle_steps, np.arange(n * columns))
        return chip.deviations.hold_noise * normals.reshape(n, columns).T

    return {
        "held": drawn("controller", sizes[spec.network.depth]),
        "difference": np.concatenate([drawn(l, n) for l, n in sizes.items()], axis=1),
    }


def relaxation(start: Array, steps: float, protocol: Protocol, drawn: Callable[[int], Array]) -> Array:
    """φ of a relaxation that lasts so many steps as it is seen at the times of a run's steps, (period, n).

    It moves in every step, or in every 5th, 50th or 500th where that is a tenth of it at most, 2, 25 or 250 steps away
    from the one that samples; and is seen from when those next move that move more often.
    """
    hold = max(h for h in HOLDS if h == 1 or steps > 9.998 * h)
    rows, phi, last = [], start, -1 if hold == 1 else 0
    for k in range(protocol.period):
        if hold == 1 or (k > 0 and _moves(k, hold, protocol)):
            rho, last = np.exp(-(k - last) / steps), k
            phi = rho * phi + np.sqrt(1 - rho**2) * drawn(k)
        rows.append(phi)
    for quicker in (h for h in reversed(HOLDS) if 1 < h < hold):
        rows = [row if _moves(k, quicker, protocol) else None for k, row in enumerate(rows)]
        for k, row in enumerate(rows):
            rows[k] = rows[k - 1] if row is None else row
    return np.array(rows)


def _moves(k: int, hold: int, protocol: Protocol) -> bool:
    return k == 0 or (k - protocol.settle_steps) % hold == hold // 2


def white_normals(
    chip: VirtualChip, steps: int, *, passage: int, sleeps: bool = False
) -> tuple[Array, Array]:
    """What stands for the normals of somata and apical compartments, as `simulate` takes it: (steps, columns, Σ n).
    One normal is the noise of both where the apical compartment has no time constant."""
    soma, apical = [], []
    ratio = chip.spec.network.tau_apical_ratio
    for l, layer in enumerate(chip.deviations.layers, start=1):
        key = noise_key(chip.spec, seed=chip.chip.seed, place=l, passage=passage, sleeps=sleeps)
        one, other = (
            _normals(chip, key, site, len(layer.leak), steps)
            for site in (WHITE_SITES["soma"], WHITE_SITES["apical"])
        )
        if ratio == 0:
            own = layer.soma_noise
            above = layer.apical_gain * layer.apical_noise / chip.spec.network.tau_soma_ratio
            together = np.sqrt(own**2 + above**2)
            one, other = one * own / together, one * above / together
        soma.append(one)
        apical.append(other)
    return np.concatenate(soma, axis=2), np.concatenate(apical, axis=2)


def _normals(chip: VirtualChip, key: int, site: int, n: int, steps: int) -> Array:
    columns = chip.model.n_columns
    drawn = [standard_normal(key, site, k, np.arange(n * columns)) for k in range(steps)]
    return np.array(drawn).reshape(steps, n, columns).transpose(0, 2, 1)


@attrs.frozen(kw_only=True)
class _Passing:
    chip: VirtualChip
    protocol: Protocol
    passage: int
    sleeps: bool

    def added(self, group: str, state: str) -> Array:
        """Of one state of a group, (period, columns, n)."""
        chip, h = self.chip, self.chip.spec.run.dt_ratio
        source = chip.deviations.sources[f"{group}.{state}"]
        n, columns = chip.model.group(group).n_units, chip.model.n_columns
        place = int(group[6:]) if group.startswith("layer_") else group
        key = noise_key(chip.spec, seed=chip.chip.seed, place=place, passage=self.passage, sleeps=self.sleeps)
        (first, stride), index, starts = SITES[state], np.arange(n * columns), self._starts()
        fastest = len(source.taus) - 1
        total = np.zeros((self.protocol.period, n * columns))
        if source.white > 0:
            site = WHITE_SITES[state]
            drawn = [standard_normal(key, site, k, index) for k in range(self.protocol.period)]
            total += source.white / np.sqrt(h) * np.array(drawn)
        for number, (a, tau) in enumerate(zip(source.amplitudes, source.taus, strict=True)):

            def draw(k: int, site: int = first + stride * (fastest - number)) -> Array:
                return standard_normal(key, site, k, index)

            phi = relaxation(starts[f"{group}.{state}_flicker_{number}"], tau / h, self.protocol, draw)
            total += a * phi
        places = source.steps.shape[1]
        chances = source.emission / (source.capture + source.emission)
        for j in range(places):
            up = starts[f"{group}.{state}_trap_{j}"]
            chance, rate = (
                np.repeat(x[:, j], columns) for x in (chances, h / source.capture + h / source.emission)
            )
            step = np.repeat(source.steps[:, j], columns)
            for k in range(self.protocol.period):
                likely = chance + (up - chance) * np.exp(-rate)
                up = (ndtr(standard_normal(key, first + stride * 15, k, index * places + j)) < likely).astype(
                    float
                )
                total[k] += step * (up - chance)
        return total.reshape(self.protocol.period, n, columns).transpose(0, 2, 1)

    def _starts(self) -> dict[str, Array]:
        chip = self.chip

        def streams(group: str) -> np.random.Generator:
            return stream(
                chip.chip.seed, "noise", chip.spec.run.seed, "wander", self.passage, self.sleeps, group
            )

        return wander_values(chip.model, streams, None)
