"""Digital weights: static memory and, in each cell, a converter of unit current sources that do not quite match."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, second
from numpy.typing import ArrayLike

from hardware_models.checks import number, whole
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells
from hardware_models.memory.curve import Array
from hardware_models.memory.emulated import Answer, Conduction, Keeping, Normals
from hardware_models.memory.memory import seconds, without_drift
from hardware_models.memory.moments import Moments
from hardware_models.memory.pair import steps_of
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.process import Conditions


@attrs.frozen(kw_only=True)
class Sram:
    """w = sign · Σ_b β_b (2^b + √(2^b) σ z_b)/K,    K = 2^(n−1) − 1,    code k = Σ_b β_b 2^b,  β_b ∈ {0, 1}.

    n bits with the sign, which only turns the direction of the current; bit b is 2^b unit sources in parallel, each
    with a relative error N(0, σ²): a code k is off by σ√k least significant bits, drawn once for each cell.
    Zero is a code, and full scale is. BrainScaleS-2 has six bits beside the sign (general knowledge).

    Updates: digital memory knows whole steps only. `levels` after `UpdateLaw.apply` rounds to the nearest, so changes
    of less than half a step are lost. An emulation rounds at random instead, k' = ⌊k + K Δ + u⌋ with u ~ U(0, 1):
    right in the mean however small Δ is, its variance at most a quarter of a step squared. A processor beside the
    array does that with a random number for each weight, as that of BrainScaleS-2, which writes the weights there,
    can (general knowledge); no cell holds more than its bits.
    """

    differential: ClassVar[bool] = False

    bits: int = attrs.field(default=7, validator=whole(least=2, most=24))
    """n."""
    unit_spread: float = attrs.field(default=0.05, validator=number(least=0))
    """σ; chosen. From the geometry of a unit source: σ(ln I) of its mirror."""

    @property
    def largest_code(self) -> int:
        """K."""
        return int(2 ** (self.bits - 1)) - 1

    @property
    def update_law(self) -> UpdateLaw:
        """Steps of one least significant bit, all alike."""
        return UpdateLaw(smallest_step=1 / self.largest_code)

    @property
    def reference_time(self) -> Quantity:
        """0: it holds at once."""
        return 0 * second

    def at(self, conditions: Conditions) -> Sram:
        """Itself: it holds as long as it has a supply."""
        return self

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """The error √(2^b) σ z_b of each bit, in least significant bits."""
        spread = self.unit_spread * np.sqrt(2.0 ** np.arange(self.bits - 1))
        drawn = generator.standard_normal((self.bits - 1, *shape))
        errors = spread.reshape(-1, *[1] * len(shape)) * drawn
        return Cells(step=np.ones(shape), stuck=np.full((1, *shape), np.nan), bits=errors)

    def levels(self, weights: ArrayLike) -> Array:
        """The nearest k/K."""
        return steps_of(weights, self.largest_code)

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """What the cell's sources make of the code."""
        aim = self.levels(weights)
        return self._analog(aim, (cells or self.draw(aim.shape, generator)).fitting(aim.shape))

    def _analog(self, levels: Array, cells: Cells) -> Array:
        codes = np.rint(np.abs(levels) * self.largest_code).astype(np.int64)
        places = np.arange(self.bits - 1).reshape(-1, *[1] * codes.ndim)
        off = np.sum(((codes >> places) & 1) * cells.bits, axis=0)
        return np.asarray(np.sign(levels) * (codes + off) / self.largest_code)

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """0."""
        return without_drift(weights)

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """As they are."""
        seconds(time)
        return np.array(weights, float)

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """0: the noise of its current sources is the circuit's, not the memory's."""
        seconds(time)
        return np.zeros(np.shape(weights))

    def store(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """k/K: digital."""
        return self.levels(weights)

    def after_writing(self, levels: ArrayLike) -> Moments:
        """Of a code k: it, and σ√k least significant bits."""
        levels = np.asarray(levels, float)
        codes = np.rint(np.abs(levels) * self.largest_code)
        return Moments(mean=levels, sigma=self.unit_spread * np.sqrt(codes) / self.largest_code)

    def keeping(self) -> Keeping:
        """All of it."""
        return Keeping()

    def conduction(self, cells: Cells) -> Conduction:
        """What the cell's sources make of the code."""
        lines, summed = ["code = floor(abs(kept)*largest_code + 0.5)"], []
        parameters = {"largest_code": self._codes()}
        for bit in range(self.bits - 1):
            summed.append(f"(floor(code/{2**bit}) - 2*floor(code/{2 ** (bit + 1)}))*error_{bit}")
            meaning = f"error of the sources of bit {bit}, in least significant bits"
            parameters[f"error_{bit}"] = Parameter(value=cells.bits[bit].ravel(), meaning=meaning)
        lines.append(f"conducted = sign(kept)*(code + {' + '.join(summed)})/largest_code")
        text = Fragment(equations="", after="\n".join(lines), parameters=parameters)
        return Conduction(statements=text, conducted=lambda x: self._analog(x, cells))

    def answer(self, cells: Cells) -> Answer:
        """By whole steps, rounded at random; without what is random, to the nearest."""

        def statements(normals: Normals) -> Fragment:
            first, second = normals
            text = f"""chance = 0.5 + rounding*(exp(-({first}**2 + {second}**2)/2) - 0.5)
changed = clip(floor((kept + wanted)*largest_code + chance), -largest_code, largest_code)/largest_code"""
            return Fragment(
                equations="",
                after=text,
                parameters={
                    "largest_code": self._codes(),
                    "step": Parameter(value=cells.step.ravel(), meaning="1: all cells live"),
                    "rounding": Parameter(value=1.0, meaning="1: at random; 0: to the nearest"),
                },
            )

        def changed(x: Array, wanted: Array) -> Array:
            largest = self.largest_code
            return np.clip(np.floor((x + wanted) * largest + 0.5), -largest, largest) / largest

        return Answer(statements=statements, changed=changed, random=True)

    def reading(self) -> Fragment | None:
        """None: it is read without noise of its own."""
        return None

    def _codes(self) -> Parameter:
        return Parameter(value=float(self.largest_code), meaning="K")
