"""What is to be assembled: a network, a method and a drawn chip, as plain data."""

from __future__ import annotations

import attrs

from hardware_models import Chip, Draw
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
    sleeps: bool = False
    """Whether it is there to learn feedback weights, and no others."""

    @property
    def circuit(self) -> Circuit | None:
        """What stands beside the network, if anything."""
        return circuit_of(self.parts, self.method, self.network)

    @property
    def mismatched(self) -> bool:
        """Whether units differ."""
        return self.draw is not None
