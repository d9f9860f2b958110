"""What a circuit begins the learn phase with: the output's signal and its states; knows no dynamics."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from neurosim.learning.circuit import REST
from neurosim.reference.circuit.assembly import AssembledCircuit, CircuitState
from neurosim.reference.circuit.drives import driven
from neurosim.reference.targets import loss_gradient
from neurosim.spec.method import MethodSettings


def begin(
    assembled: AssembledCircuit,
    settings: MethodSettings,
    *,
    soma: Sequence[Tensor],
    desired: Tensor,
    loss: str,
) -> CircuitState:
    """The state at the end of the settle phase, with v_l = soma (B, n_l) and r_L* = desired (B, n_L).

    error: δ_L = dr_L/dv_L ∘ ∂L/∂r_L; target: v_L − λ dr_L/dv_L ∘ ∂L/∂r_L. Populations start at 0, or at the
    soma beside them.
    """
    top = assembled.plant[-1]
    error = top.rate_slope(soma[-1]) * loss_gradient(loss, top.rate(soma[-1]), desired)
    populations = {}
    for name, cells in assembled.cells.items():
        beside = soma[cells.population.layer - 1]
        populations[name] = beside if cells.population.starts == REST else torch.zeros_like(beside)
    state = CircuitState(
        soma=tuple(soma),
        populations=populations,
        output=error if assembled.circuit.output == "error" else soma[-1] - settings.target_stepsize * error,
    )
    balance = {
        name: (cells.leak * populations[name] - cells.offset) / cells.gain - driven(assembled, name, state)
        for name, cells in assembled.cells.items()
        if cells.population.balanced
    }
    return attrs.evolve(state, balance=balance)
