"""The local dynamics of a circuit as one matrix, whose eigenvalues say whether it settles; computes none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.circuit.assembly import CircuitState, assemble_circuit
from neurosim.reference.circuit.jacobian import push_slope, reaches
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


def circuit_matrix(
    network: Network,
    parameters: Parameters,
    settings: MethodSettings,
    soma: Sequence[Any],
    populations: Mapping[str, Any],
    *,
    deviations: Deviations | None = None,
    without_conserved: bool = False,
) -> Tensor:
    """A = diag(1/τ) (gain ∘ ∂drives/∂s − leak) of d(s)/dt, time in τ_u, for one sample; (N, N).

    s are the populations in the circuit's order, all windows open; the layers are at rest and feel nothing of
    them. Rails are taken as not reached.

    Parameters
    ----------
    soma : v_l of layers 1..L, (n_l,) each, where the slopes are taken.
    populations : s by name, (n,) each, as `CircuitSteadyState.populations[name][i]`.
    without_conserved : leave out the directions in which no drive can move a population without leak. They
        add nothing but eigenvalues 0, which would read as an instability; A is smaller then and in other
        coordinates.

    Raises
    ------
    SpecError : the method has no circuit, or parameters or deviations do not fit.
    DataError : soma or populations do not.
    """
    assembled = assemble_circuit(network, parameters, settings, deviations=deviations)
    names = tuple(assembled.cells)
    sizes = assembled.sizes(names)
    if len(soma) != network.depth or set(populations) != set(names):
        raise DataError(
            "layers or populations are missing or too many",
            where="circuit_matrix",
            expected=f"{network.depth} layers, populations {', '.join(names)}",
            got=f"{len(soma)} layers, populations {', '.join(populations)}",
        )
    state = CircuitState(
        soma=tuple(
            shaped(v, shape=(n,), name=f"soma of layer {l}")[None]
            for l, (v, n) in enumerate(zip(soma, network.layers[1:], strict=True), start=1)
        ),
        populations={
            name: shaped(populations[name], shape=(n,), name=name)[None]
            for name, n in zip(names, sizes, strict=True)
        },
        output=torch.zeros(1, network.layers[-1], dtype=torch.float64),
    )
    rates = [1.0 / assembled.cells[name].tau for name, n in zip(names, sizes, strict=True) for _ in range(n)]
    matrix = torch.tensor(rates, dtype=torch.float64)[:, None] * push_slope(assembled, names, state)[0]
    basis = reaches(assembled, names) if without_conserved else None
    return matrix if basis is None else basis.T @ matrix @ basis
