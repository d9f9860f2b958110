"""What lies between the controller's output and the somata once all apical compartments are at rest."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from neurosim.reference.plant import Layer
from neurosim.reference.wiring import Wiring


def resting_apicals(plant: Sequence[Layer], wiring: Wiring, output: Tensor) -> tuple[Tensor, ...]:
    """v_fb,l of layers 1..L under a constant u (B, n_L); (B, n_l) each.

    Relayed feedback hands on what the compartment above holds, where that has a time constant, else what drives it.
    """
    top = output @ wiring.weights[-1].T
    found = [plant[-1].apical.rest(top)]
    drive = top
    for position in range(len(plant) - 2, -1, -1):
        above = (found[-1] if wiring.of_compartments else drive) if wiring.relayed else output
        drive = above @ wiring.weights[position].T
        found.append(plant[position].apical.rest(drive))
    return tuple(reversed(found))


def apical_slopes(plant: Sequence[Layer], wiring: Wiring, apicals: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """∂v_fb,l/∂u of layers 1..L at rest, (B, n_l, n_L) each.

    apicals : v_fb,l there, (B, n_l) each.
    """
    if not wiring.relayed or not wiring.of_compartments:
        return tuple(
            layer.apical.follows(here)[:, :, None] * direct
            for layer, here, direct in zip(plant, apicals, wiring.direct, strict=True)
        )
    found = [plant[-1].apical.follows(apicals[-1])[:, :, None] * wiring.weights[-1]]
    for position in range(len(plant) - 2, -1, -1):
        follows = plant[position].apical.follows(apicals[position])
        found.append(follows[:, :, None] * (wiring.weights[position] @ found[-1]))
    return tuple(reversed(found))
