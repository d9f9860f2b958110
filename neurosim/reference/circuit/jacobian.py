"""How populations push each other, linearised at a state, and where a push can never lead; knows no time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.reference.circuit.assembly import AssembledCircuit, CircuitState
from neurosim.reference.circuit.drives import read_slope


def push_slope(assembled: AssembledCircuit, names: Sequence[str], state: CircuitState) -> Tensor:
    """∂push/∂s of these populations in this order, (B, N, N); (1, N, N) where it is the same for all samples.

    gain ∘ Σ sign M diag(signal') − diag(leak).
    """
    places = _places(assembled, names)
    slopes = {
        drive.signal: read_slope(assembled, drive.signal, state)
        for name in names
        for drive in assembled.cells[name].population.drives
        if drive.signal.source in places
    }
    total = sum(assembled.sizes(names))
    batch = max((len(slope) for slope in slopes.values()), default=1)
    matrix = torch.zeros(batch, total, total, dtype=torch.float64)
    for name in names:
        cells = assembled.cells[name]
        rows = places[name]
        matrix[:, rows, rows] -= torch.diag(cells.leak)
        for drive in cells.population.drives:
            if drive.signal.source not in places:
                continue
            slope, weights = slopes[drive.signal], assembled.matrix(drive)
            block = torch.diag_embed(slope) if weights is None else weights * slope[:, None, :]
            matrix[:, rows, places[drive.signal.source]] += drive.sign * cells.gain[:, None] * block
    return matrix


def reach(assembled: AssembledCircuit, name: str) -> Tensor | None:
    """An orthonormal basis of where drives can move a population that does not leak, (n, r); None: anywhere.

    Such a population never leaves start + range(gain ∘ [M …]): what is orthogonal to it is conserved, adds an
    eigenvalue 0 to the dynamics, and makes the set of states at rest a family of which the start chooses one.
    """
    cells = assembled.cells[name]
    matrices = {(d.weights, d.index): assembled.matrix(d) for d in cells.population.drives}
    columns = [cells.gain[:, None] * matrix for matrix in matrices.values() if matrix is not None]
    if cells.leak.any() or len(columns) < len(matrices):
        return None
    left, values, _ = torch.linalg.svd(torch.cat(columns, dim=1), full_matrices=False)
    # The usual rule of numerical rank.
    most = max(left.shape[0], sum(matrix.shape[1] for matrix in columns))
    kept = values > values.amax() * most * torch.finfo(values.dtype).eps
    return left[:, kept] if int(kept.sum()) < left.shape[0] else None


def reaches(assembled: AssembledCircuit, names: Sequence[str]) -> Tensor | None:
    """`reach` of several populations as one block diagonal matrix, (N, R); None: all can go anywhere."""
    bases = [reach(assembled, name) for name in names]
    if all(basis is None for basis in bases):
        return None
    return torch.block_diag(
        *(
            basis if basis is not None else torch.eye(n, dtype=torch.float64)
            for basis, n in zip(bases, assembled.sizes(names), strict=True)
        )
    )


def _places(assembled: AssembledCircuit, names: Sequence[str]) -> dict[str, slice]:
    places, start = {}, 0
    for name, n in zip(names, assembled.sizes(names), strict=True):
        places[name] = slice(start, start + n)
        start += n
    return places
