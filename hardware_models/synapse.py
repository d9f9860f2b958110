"""The synapse array: a memory, mirrors each with its own mismatch, and lines that lose voltage."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, nsecond, ohm, second
from numpy.typing import NDArray

from hardware_models.checks import number, positive_fraction, quantity
from hardware_models.ekv import Transistor
from hardware_models.memory import STORES, Cmo, Ideal, Memory, Pcm, Rram
from hardware_models.mirror import Mirror
from hardware_models.parts import MIRRORS
from hardware_models.quantity import QuantityError, within
from hardware_models.wires import Wires

Array = NDArray[np.float64]


def _perfect() -> Wires:
    return Wires(cell_resistance=0 * ohm)


@attrs.frozen(kw_only=True)
class Crossbar:
    """I_i = I_unit Σ_j γ_ij w_ij r_j,    γ_ij = m_ij/(1 + δ_ij),  ln m_ij ~ N(0, σ²), σ from the mirror's geometry.

    w = W x: x is what the cell conducts over its full scale, W the weight that full scale stands for, in the
    network's units. Biases are weights of one more line that always carries rate 1, and feedback weights lie in an
    array of their own; both in cells like those of the forward weights. The line of the biases is taken as the nearest,
    which loses nothing. Without a memory w is what it was set to.

    I_unit w r is what arrives at a neuron: the cells of an array carry more, and its columns scale that down.

    What a cell is read with, σ_read over a time t_r, is taken as white: a rate r that is read for a step dt adds
    W σ_read r √(t_r/dt) z to its column, independent of all other cells and steps. What was published as 1/f noise
    has more of its variance in slow parts, which average out less than that.
    """

    mirror: Mirror = attrs.field(factory=Transistor, metadata={"parts": MIRRORS})
    """The two transistors of one synapse."""
    memory: Memory | Ideal = attrs.field(factory=Ideal, metadata={"parts": STORES})
    """What keeps a weight."""
    full_scale: float = attrs.field(default=2.0, validator=number(above=0))
    """W of forward weights and biases; weights beyond it are clipped."""
    feedback_full_scale: float = attrs.field(default=2.0, validator=number(above=0))
    """W of feedback weights."""
    read_time: Quantity = attrs.field(
        default=250 * nsecond, validator=quantity(0 * second, above=0), eq=float
    )
    """t_r: that of one reading, for which σ_read of the memory is quoted."""
    wires: Wires = attrs.field(factory=_perfect)
    """0 Ω: they lose nothing."""
    mean_level: float = attrs.field(default=0.1, validator=positive_fraction)
    """Mean conductance of a device over g_max, which the lines are reckoned with."""

    def __attrs_post_init__(self) -> None:
        if self.wired and self._conductance is None:
            raise QuantityError(
                "wires.cell_resistance of 0 Ohm where the memory has no conductance",
                str(self.wires.cell_resistance),
            )
        if isinstance(self.memory, Pcm | Cmo):  # whose σ_read knows how long a reading takes
            own = self.memory.read_time
            if abs(float(own / self.read_time) - 1) > 1e-9:
                raise QuantityError(f"read_time as that of its memory, {own}", str(self.read_time))

    @property
    def stores(self) -> Memory | None:
        """The memory, if it has one."""
        return None if isinstance(self.memory, Ideal) else self.memory

    @property
    def wired(self) -> bool:
        """Whether its lines lose anything."""
        return float(self.wires.cell_resistance) > 0

    def line_factor(self, shape: tuple[int, int]) -> Array:
        """1/(1 + δ) of each cell, (n_post, n_pre).

        Raises
        ------
        QuantityError : an array that is too large for its lines.
        """
        if not self.wired or self._conductance is None:
            return np.ones(shape)
        with within("wires"):
            return self.wires.factor(shape, self.mean_level * self._conductance)

    @property
    def _conductance(self) -> Quantity | None:
        """That of full scale; None where a cell is read in another way."""
        return self.memory.g_max if isinstance(self.memory, Pcm | Rram | Cmo) else None
