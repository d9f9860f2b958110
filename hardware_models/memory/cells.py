"""What differs from cell to cell of an array for the life of a chip: steps, dead devices, current sources."""

from __future__ import annotations

import attrs
import numpy as np
from scipy.special import roots_legendre

from hardware_models import checks
from hardware_models.memory.curve import Array
from hardware_models.memory.moments import Moments, Outcomes
from hardware_models.memory.pair import join, split
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.quantity import QuantityError

_POINTS = 3
"""That stand for a uniform distribution."""


@attrs.frozen(kw_only=True, eq=False)
class Cells:
    """One array of cells out of the lot; draw it once for a chip, and pass it each time that the chip programs."""

    step: Array
    """Factor on the update step of each weight; 0: it cannot be changed; (…)."""
    stuck: Array
    """x = g/g_max of dead devices, nan of those that live, (devices of a cell, …)."""
    bits: Array
    """Error of the current of each bit, in least significant bits, (bits, …); no bits in an analog cell."""

    faults: Faults = attrs.field(factory=lambda: Faults())
    """What devices were dead by."""
    lowest: float = 0.0
    """x of a living device of a pair that stands for nothing."""

    @property
    def alive(self) -> Cells:
        """The same cells with no device dead."""
        return attrs.evolve(self, stuck=np.full_like(self.stuck, np.nan), faults=Faults())

    def held(self, weights: Array) -> Array:
        """What dead devices make of weights that living ones meet exactly."""
        if np.all(np.isnan(self.stuck)):
            return weights
        devices = split(weights, self.lowest)
        return join(np.where(np.isnan(self.stuck), devices, self.stuck), self.lowest)

    def held_by_any(self, weights: Array) -> Moments:
        """Of `held`, over all cells that may be drawn. Its σ is not small: a device is dead or it is not."""
        if self.faults.fraction == 0:
            return Moments.certain(weights)
        devices = self.faults.of(split(weights, self.lowest), lowest=self.lowest)
        return Moments(
            mean=join(devices.mean, self.lowest),
            sigma=np.hypot(devices.sigma[0], devices.sigma[1]) / (1 - self.lowest),
        )

    def outcomes(self, weights: Array) -> Outcomes:
        """Of `held`, all that may come of it."""
        if self.faults.at == "low":  # the device that stands for nothing is there already
            f, shape = self.faults.fraction, (2, *np.ones(np.ndim(weights), int))
            return Outcomes(
                values=np.stack([weights, np.zeros_like(weights)]),
                chances=np.reshape([1 - f, f], shape),
            )
        devices = split(weights, self.lowest)
        plus, minus = (self.faults.anywhere(x, lowest=self.lowest) for x in devices)
        pairs = [(a, b) for a in range(len(plus.values)) for b in range(len(minus.values))]
        return Outcomes(
            values=np.stack(
                [join(np.stack([plus.values[a], minus.values[b]]), self.lowest) for a, b in pairs]
            ),
            chances=np.stack([plus.chances[a] * minus.chances[b] for a, b in pairs]),
        )

    def fitting(self, shape: tuple[int, ...]) -> Cells:
        """Itself; QuantityError where these are not the cells of weights of that shape."""
        if self.step.shape != shape:
            raise QuantityError(f"cells of the weights' shape, {shape}", str(self.step.shape), "cells")
        return self


@attrs.frozen(kw_only=True)
class Faults:
    """A fraction of the devices is dead: programming and updates leave them where they are."""

    fraction: float = attrs.field(default=0.0, validator=checks.fraction)
    """Of all devices. 9.8 % in an HfO2 array (Gong et al. 2022, as in aihwkit)."""
    at: str = attrs.field(default="low", validator=checks.choice("low", "random"))
    """Where they are stuck: at the lowest conductance, or anywhere between lowest and highest, all alike."""

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator, *, lowest: float) -> Array:
        """x of dead devices, nan of those that live."""
        dead = generator.random(shape) < self.fraction
        where = lowest + (1 - lowest) * generator.random(shape)
        return np.where(dead, where if self.at == "random" else lowest, np.nan)

    def of(self, devices: Array, *, lowest: float) -> Moments:
        """Of x of devices of which some are dead: (1 − f) x + f m, and (1 − f) x² + f s of its square, with m and s
        of where the dead are stuck."""
        everywhere = self.at == "random"
        mean = (1 + lowest) / 2 if everywhere else lowest
        square = (1 + lowest + lowest**2) / 3 if everywhere else lowest**2
        f = self.fraction
        variance = f * (1 - f) * (devices - mean) ** 2 + f * (square - mean**2)
        return Moments(mean=(1 - f) * devices + f * mean, sigma=np.sqrt(variance))

    def anywhere(self, devices: Array, *, lowest: float) -> Outcomes:
        """Of the same where the dead are stuck anywhere, alive first: Gauss and Legendre's points stand for that, exact
        for what goes by a fifth power."""
        points, parts = (np.array(part) for part in roots_legendre(_POINTS))
        stuck = lowest + (1 - lowest) * (points + 1) / 2
        chances = [1 - self.fraction, *(self.fraction * parts / 2)]
        return Outcomes(
            values=np.stack([devices, *(np.full_like(devices, x) for x in stuck)]),
            chances=np.reshape(chances, (len(chances), *np.ones(np.ndim(devices), int))),
        )


def draw_pairs(
    shape: tuple[int, ...],
    generator: np.random.Generator,
    *,
    law: UpdateLaw,
    faults: Faults,
    lowest: float,
) -> Cells:
    """Cells of two devices. A weight cannot be changed where both are dead; the living one of a pair carries on."""
    step = law.draw_factor(shape, generator)
    stuck = faults.draw((2, *shape), generator, lowest=lowest)
    step = np.where(np.all(~np.isnan(stuck), axis=0), 0.0, step)
    return Cells(step=step, stuck=stuck, bits=np.zeros((0, *shape)), faults=faults, lowest=lowest)


def draw_singles(shape: tuple[int, ...], generator: np.random.Generator, *, law: UpdateLaw) -> Cells:
    """Cells of one device, all alive."""
    step = law.draw_factor(shape, generator)
    return Cells(step=step, stuck=np.full((1, *shape), np.nan), bits=np.zeros((0, *shape)))
