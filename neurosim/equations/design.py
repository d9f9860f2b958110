"""What is to be assembled: a network, a method and a drawn chip, as plain data."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from hardware_models import Chip, Draw
from hardware_models.memory import CellArray
from neurosim.learning import Method, circuit_of
from neurosim.learning.circuit import Circuit
from neurosim.spec import MethodSettings, Network


@attrs.frozen(kw_only=True, eq=False)
class Design:
    """A network with its method on one chip."""

    network: Network
    method: MethodSettings
    parts: Method
    """What the method's name stands for."""
    chip: Chip
    draw: Draw | None
    loss: str
    dt_ratio: float
    columns: int
    precision: str = "float64"
    sleeps: bool = False
    """Whether it is there to learn feedback weights, and no others."""

    arrays: Mapping[str, CellArray] = attrs.field(factory=dict)
    """Cells that store weights, by the name of their group; none on a chip without a memory."""

    @property
    def circuit(self) -> Circuit | None:
        """What stands beside the network, if anything."""
        return circuit_of(self.parts, self.method, self.network)

    @property
    def mismatched(self) -> bool:
        """Whether units differ."""
        return self.draw is not None
