"""What the resistance of the lines of a crossbar takes from each cell; knows no memory."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, have_same_dimensions, ohm, siemens
from numpy.typing import NDArray

from hardware_models.checks import number, quantity
from hardware_models.quantity import QuantityError

Array = NDArray[np.float64]


@attrs.frozen(kw_only=True)
class Wires:
    """factor_ij = 1/(1 + δ_ij),    δ_ij = R g [i n_post − i(i − 1)/2 + j n_pre − j(j − 1)/2].

    Lines of inputs are driven at one end, lines of outputs held at virtual ground at one end; i = 1…n_post counts the
    cells from the driver on, j = 1…n_pre those from the ground on; R of the wire from cell to cell, Ω; g mean
    conductance of a cell, S. δ is the voltage lost along both lines, over that of the input, if all cells carry the
    current that they have without loss, and all inputs are alike. That is the first order in R g n²; 1/(1 + δ) has
    the same first order as 1 − δ, is nearer to the truth (1/cosh(n √(R g)) at the end of one line of n cells) and
    never turns the sign of a weight. Where few inputs are active the columns lose less.

    Against the exact nodal solution of cells that are all alike and inputs that are all on, it is off by less than
    δ²/6 of the worst cell's δ: .02 at δ = .5, where 1 − δ is off by .15. Cells and inputs that lie anywhere between 0
    and twice their mean leave outputs that are off by a tenth of δ, at worst by a third, in small arrays; without
    wires they would be off by all of it. First order ends at δ = .5, and so does `factor`.
    """

    cell_resistance: Quantity = attrs.field(
        default=0.25 * ohm, validator=quantity(0 * ohm, least=0), eq=float
    )
    """R. Published: .15 to .35 Ω with cells of 5 to 25 µS; of the wire alone .29, 1.19, 23.2 Ω/µm at 130, 65, 22 nm."""
    largest_drop: float = attrs.field(default=0.5, validator=number(above=0))
    """δ up to which first order is trusted."""

    def drop(self, shape: tuple[int, int], mean_conductance: Quantity) -> Array:
        """δ of each cell, (n_post, n_pre); the cell [0, 0] is the nearest to drivers and ground."""
        if not have_same_dimensions(mean_conductance, siemens) or np.ndim(mean_conductance) > 0:
            raise QuantityError(
                "mean_conductance as one quantity in S", str(mean_conductance), "mean_conductance"
            )
        if not 0 <= float(mean_conductance) < np.inf:
            raise QuantityError(
                "mean_conductance finite and at least 0", str(mean_conductance), "mean_conductance"
            )
        along = [np.arange(1, n + 1) * n - np.arange(1, n + 1) * np.arange(n) / 2 for n in shape]
        return float(self.cell_resistance * mean_conductance) * (along[0][:, None] + along[1][None, :])

    def factor(self, shape: tuple[int, int], mean_conductance: Quantity) -> Array:
        """What is left of the current of each cell, (n_post, n_pre), in (0, 1].

        Raises
        ------
        QuantityError : an array that is too large for its wires, or too conducting: beyond `largest_drop`.
        """
        drop = self.drop(shape, mean_conductance)
        if drop.size and drop.max() > self.largest_drop:
            raise QuantityError(
                f"wires that lose at most {self.largest_drop:g} of an input, where first order ends",
                f"{drop.max():.3g} in an array of {shape[0]} × {shape[1]} cells of {mean_conductance}",
                "cell_resistance",
                limit="largest_drop",
            )
        return 1 / (1 + drop)
