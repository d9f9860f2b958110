"""An analog weight as the voltage of a capacitor behind a switch: written with kT/C, leaking towards zero."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, farad, mvolt, pfarad, second, volt
from numpy.typing import ArrayLike

from hardware_models.checks import quantity
from hardware_models.ekv import REFERENCE, Transistor
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells, draw_singles
from hardware_models.memory.curve import Array
from hardware_models.memory.emulated import Answer, Conduction, Keeping, answer_of
from hardware_models.memory.memory import seconds, without_drift
from hardware_models.memory.moments import Moments
from hardware_models.memory.pair import targets
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.noise import sampling_noise
from hardware_models.process import Conditions, Process


def _at_rest() -> Conditions:
    return Conditions(process=Process(), typical=Process(), temperature=REFERENCE)


@attrs.frozen(kw_only=True)
class CapacitorCell:
    """w = V/V_1,    dw/dt = −w/τ,  τ = C/(G + I_off/V_1),    each writing adds √(kT/C)/V_1.

    V_1  voltage of full scale, above and below the level that stands for zero, where the switch's other side rests;
    G  of the dielectric, S;   I_off  of the switch at the chip's temperature and corner, A.
    The switch counts as the conductance that it has at full scale. Once more than some 4 U_T ≈ 100 mV lie across it,
    its current hardly depends on the voltage: a weight of .5 then loses in proportion up to twice as fast as here,
    and below some U_T at most V_1/U_T times as fast.
    """

    differential: ClassVar[bool] = False

    capacitance: Quantity = attrs.field(default=1 * pfarad, validator=quantity(0 * farad, above=0), eq=float)
    """C, as designed."""
    full_scale: Quantity = attrs.field(default=300 * mvolt, validator=quantity(0 * volt, above=0), eq=float)
    """V_1; chosen."""
    switch: Transistor = attrs.field(factory=Transistor)
    update_law: UpdateLaw = attrs.field(
        factory=lambda: UpdateLaw(smallest_step=0.005, device_spread=0.1, cycle_spread=0.3)
    )
    """Li et al., VLSI 2018, as in aihwkit's CapacitorPresetDevice, whose steps shrink towards the bounds by 5 %; here
    they do not."""
    conditions: Conditions = attrs.field(factory=_at_rest, eq=False, repr=False, metadata={"given": True})
    """27 °C and a typical lot, unless a chip says otherwise."""

    def at(self, conditions: Conditions) -> CapacitorCell:
        """It, at the temperature and corner of a chip."""
        return attrs.evolve(self, conditions=conditions)

    @property
    def true_capacitance(self) -> Quantity:
        """C of this lot at this temperature, F."""
        return self.capacitance * self.conditions.capacitance_factor

    @property
    def time_constant(self) -> Quantity:
        """τ, s."""
        conditions = self.conditions
        device = conditions.process.device(self.switch)
        off = device.off_current(self.switch, conditions.temperature) / self.full_scale
        through = conditions.typical.capacitor.leak(self.capacitance)
        return self.true_capacitance / (off + through)

    @property
    def write_sigma(self) -> float:
        """√(kT/C)/V_1."""
        return float(sampling_noise(self.true_capacitance, self.conditions.temperature) / self.full_scale)

    @property
    def reference_time(self) -> Quantity:
        """0: it leaks from the start."""
        return 0 * second

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """The step of each cell."""
        return draw_singles(shape, generator, law=self.update_law)

    def levels(self, weights: ArrayLike) -> Array:
        """Any within full scale."""
        return targets(weights)

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """With kT/C."""
        aim = self.levels(weights)
        (cells or self.draw(aim.shape, generator)).fitting(
            aim.shape
        )  # so that a stream goes on as in other memories
        return np.asarray(aim + self.write_sigma * generator.standard_normal(aim.shape))

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """0: it decays exponentially, by no power law."""
        return without_drift(weights)

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """w e^(−t/τ)."""
        return np.asarray(np.asarray(weights, float) * np.exp(-seconds(time) / float(self.time_constant)))

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """0: the noise of the transistor that reads it is the circuit's, not the memory's."""
        seconds(time)
        return np.zeros(np.shape(weights))

    def store(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """As `program`."""
        return self.program(weights, generator, cells=cells)

    def after_writing(self, levels: ArrayLike) -> Moments:
        """With kT/C."""
        levels = np.asarray(levels, float)
        return Moments(mean=levels, sigma=np.full(levels.shape, self.write_sigma))

    def keeping(self) -> Keeping:
        """x e^(−age/τ)."""
        constant = float(self.time_constant)
        tau = Parameter(value=self.time_constant, meaning="with which a cell loses its weight")
        text = Fragment(equations="", after="kept = x*exp(-age/tau_leak)", parameters={"tau_leak": tau})

        def left(x: Array, age: Array) -> Array:
            return np.asarray(x * np.exp(-age / constant))

        return Keeping(
            statements=text,
            kept=lambda x, age, fate: left(x, age),
            moments=lambda x, age: Moments.certain(left(x, age)),
            loses=True,
        )

    def conduction(self, cells: Cells) -> Conduction:
        """What they keep."""
        return Conduction()

    def answer(self, cells: Cells) -> Answer:
        """By its law."""
        return answer_of(self.update_law, cells)

    def reading(self) -> Fragment | None:
        """None: it is read without noise of its own."""
        return None
