"""What every memory of weights offers to an emulation; knows none of them."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from brian2 import Quantity, have_same_dimensions, second
from numpy.typing import ArrayLike

from hardware_models.fragment import Fragment
from hardware_models.memory.cells import Cells
from hardware_models.memory.curve import Array
from hardware_models.memory.emulated import Answer, Conduction, Keeping
from hardware_models.memory.moments import Moments
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.process import Conditions
from hardware_models.quantity import QuantityError

DAY = 86400 * second


class Memory(Protocol):
    """Stores signed weights, 1 being full scale, in arrays of any shape; usually (n_post, n_pre).

    Every draw comes from the generator that is passed: the same seed draws the same devices, so that ages of the same
    weights under one seed lie on one path through time.
    """

    differential: ClassVar[bool]
    """Whether a weight is the difference of two devices."""

    @property
    def update_law(self) -> UpdateLaw:
        """How its weights answer to a wanted change."""
        ...

    @property
    def reference_time(self) -> Quantity:
        """Since programming, for which `program` holds, s."""
        ...

    def at(self, conditions: Conditions) -> Memory:
        """The same memory under the conditions of a chip; itself, where nothing is known of them."""
        ...

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """The cells of one chip, for weights of a shape."""
        ...

    def levels(self, weights: ArrayLike) -> Array:
        """What can be aimed at, nearest to weights; they themselves, within full scale, where it is analog."""
        ...

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """Weights as they are at the reference time after being written. Noise may carry them beyond full scale.

        Parameters
        ----------
        weights : aimed at; clipped to full scale.
        cells : of this chip; None: drawn from the generator first.

        Raises
        ------
        QuantityError : a weight that is not finite, cells of another shape.
        """
        ...

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """ν of w (t/t₀)^−ν for each weight, drawn; 0 where there is no such drift."""
        ...

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """Programmed weights as they are `time` after programming; before the reference time as at it.

        Raises
        ------
        QuantityError : a time that is none, or beyond what was measured.
        """
        ...

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """Standard deviation of one reading of weights, as they are `time` after programming, in units of w."""
        ...

    def store(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """What writing weights leaves stored: as `program`, or the codes of digital cells over full scale."""
        ...

    def after_writing(self, levels: ArrayLike) -> Moments:
        """Of what cells conduct once levels were written into them, over all cells and writings; no device is dead."""
        ...

    def keeping(self) -> Keeping:
        """What time makes of what is stored."""
        ...

    def conduction(self, cells: Cells) -> Conduction:
        """What cells conduct of what they keep."""
        ...

    def answer(self, cells: Cells) -> Answer:
        """How what they keep changes."""
        ...

    def reading(self) -> Fragment | None:
        """`read_sigma` as statements: `sigma` from kept and age; None where it is 0."""
        ...


def seconds(time: Quantity) -> float:
    """A time since programming; QuantityError if it is none."""
    if not have_same_dimensions(time, second) or np.ndim(time) > 0:
        raise QuantityError("time as one quantity in s", str(time), "time")
    if not 0 <= float(time) < np.inf:
        raise QuantityError("time finite and at least 0", str(time), "time")
    return float(time)


def retained(weights: ArrayLike, exponent: ArrayLike, time: Quantity, *, reference_time: Quantity) -> Array:
    """w (t/t₀)^−ν; w before t₀."""
    weights, start = np.asarray(weights, float), float(reference_time)
    ratio = max(seconds(time) / start, 1.0) if start > 0 else 1.0
    return np.asarray(weights * ratio ** -np.asarray(exponent, float))


def without_drift(weights: ArrayLike) -> Array:
    """ν = 0 for each weight."""
    return np.zeros(np.shape(weights))
