"""One explicit Euler step of the populations beside a network; knows no phases and no layers' dynamics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set

import torch
from torch import Tensor

from neurosim.reference.circuit.assembly import AssembledCircuit, CircuitState
from neurosim.reference.circuit.drives import push


def advance_populations(
    assembled: AssembledCircuit,
    state: CircuitState,
    *,
    step: float,
    moving: Set[str],
    noise: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """s + h/τ · push + √h noise ξ, clipped at the rails, of those that move; the others as they are.

    step : h over τ_u.
    moving : names of those whose window is open.
    noise : ξ, standard normals (B, n) of each population; None: none.
    """
    after = {}
    for name, value in state.populations.items():
        cells = assembled.cells[name]
        if name not in moving:
            after[name] = value
            continue
        moved = value + step / cells.tau * push(assembled, name, state)
        if noise is not None:
            moved = moved + math.sqrt(step) * cells.noise * noise[name]
        after[name] = torch.clamp(moved, -cells.limit, cells.limit)
    return after
