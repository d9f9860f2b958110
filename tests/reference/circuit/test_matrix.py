"""The circuit's matrix against differences of its right-hand side and against what presentations do."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.circuit import circuit_matrix, simulate_circuit, solve_circuit
from neurosim.reference.circuit.assembly import CircuitState, assemble_circuit
from neurosim.reference.circuit.drives import push
from neurosim.spec import Deviations, Protocol
from tests.reference.circuit.cases import METHODS, Case, make_case, make_chip


def matrix_at_rest(
    case: Case, chip: Deviations | None = None, **options: bool
) -> tuple[Tensor, CircuitState]:
    steady = solve_circuit(*case.given, *case.posed, loss=case.loss, deviations=chip)
    soma = [v[0] for v in steady.soma]
    populations = {name: s[0] for name, s in steady.populations.items()}
    return circuit_matrix(*case.given, soma, populations, deviations=chip, **options), steady.state


@pytest.mark.parametrize("name", METHODS)
def test_matrix_is_the_derivative_of_the_dynamics(name: str) -> None:
    """Central differences with ε = 1e-5: ε² of the third derivative and 1e-16/ε of rounding, over τ ≥ 0.2."""
    case = make_case(name, 6, 4, 4, 4)
    chip = make_chip(case)
    matrix, state = matrix_at_rest(case, chip)
    assembled = assemble_circuit(*case.given, deviations=chip)
    names, sizes = list(state.populations), [x.shape[1] for x in state.populations.values()]
    start = torch.cat([state.populations[x][:1] for x in names], dim=1)
    state = CircuitState(soma=tuple(v[:1] for v in state.soma), populations={}, output=state.output[:1])

    def velocity(s: Tensor) -> Tensor:
        here = attrs.evolve(state, populations=dict(zip(names, torch.split(s, sizes, dim=1), strict=True)))
        return torch.cat([push(assembled, x, here) / assembled.cells[x].tau for x in names], dim=1)[0]

    for column in range(len(matrix)):
        nudge = 1e-5 * torch.eye(len(matrix), dtype=torch.float64)[column]
        slope = (velocity(start + nudge) - velocity(start - nudge)) / 2e-5
        assert torch.allclose(matrix[:, column], slope, rtol=0, atol=1e-8), column


def test_pair_has_the_spectrum_of_the_paper() -> None:
    """λ = [−(1+α) ± √((1−α)² + 4μ)]/2 for the eigenvalues μ of W B (τ_v = τ_u); −1 for what B does not reach."""
    case = make_case("DI", 6, 5, 4, tau_soma_ratio=1.0)
    w, b, alpha = case.parameters.forward[1].numpy(), case.parameters.feedback[0].numpy(), 0.01
    root = np.sqrt((1 - alpha) ** 2 + 4 * np.linalg.eigvals(w @ b).astype(complex))
    wanted = np.concatenate([(-(1 + alpha) + root) / 2, (-(1 + alpha) - root) / 2, [-1.0]])
    got = np.linalg.eigvals(matrix_at_rest(case)[0].numpy())
    distance = np.abs(got[:, None] - wanted[None, :])
    # eigenvalues of a matrix that is not normal, to 1e-16 times its condition
    assert distance.min(0).max() < 1e-10
    assert distance.min(1).max() < 1e-10


def test_spectrum_does_not_depend_on_windows() -> None:
    first, second = (matrix_at_rest(make_case(name))[0] for name in ("DI", "DI-repeat"))
    assert torch.equal(first, second)


def test_conserved_directions_can_be_left_out() -> None:
    """Below a layer with one unit less a target conserves one direction: two eigenvalues 0, and nothing else."""
    case = make_case("DTP1", 6, 5, 4, 3)
    whole, moving = matrix_at_rest(case)[0], matrix_at_rest(case, without_conserved=True)[0]
    assert len(whole) - len(moving) == 2
    abscissa = float(torch.linalg.eigvals(moving).real.amax())
    assert abscissa < -0.1
    rest = torch.linalg.eigvals(whole)
    assert int((rest.abs() < 1e-12).sum()) == 2
    kept = rest[rest.abs() >= 1e-12]
    assert abs(float(kept.real.amax()) - abscissa) < 1e-12


def test_step_limit_of_the_matrix_is_that_of_the_simulation() -> None:
    """Explicit Euler stays bounded 5 % below min −2 Re μ/|μ|², and blows up 5 % above."""
    case = make_case("SLDI", 6, 5, 4, 3, hidden="linear")
    eigenvalues = torch.linalg.eigvals(matrix_at_rest(case)[0])
    limit = float((-2 * eigenvalues.real / eigenvalues.abs() ** 2).amin())
    assert limit < 2 * case.network.tau_soma_ratio  # else the layers would blow up first
    sizes = []
    for factor in (0.95, 1.05):
        protocol = Protocol(dt_ratio=factor * limit, settle_steps=50, learn_steps=600)
        final = simulate_circuit(*case.given, protocol, *case.posed, loss=case.loss).final
        sizes.append(float(final.populations["error_1"].abs().amax()))
    assert sizes[0] < 10
    assert sizes[1] > 1e6


def test_one_layer_has_an_empty_matrix() -> None:
    assert matrix_at_rest(make_case("DI", 4, 3))[0].shape == (0, 0)


def test_bad_input() -> None:
    case = make_case("DI", 6, 5, 4)
    soma, good = [torch.zeros(5), torch.zeros(4)], {"error_1": torch.zeros(5), "control_2": torch.zeros(4)}
    with pytest.raises(DataError, match="missing or too many"):
        circuit_matrix(*case.given, soma, {"error_1": good["error_1"]})
    with pytest.raises(DataError, match="missing or too many"):
        circuit_matrix(*case.given, soma[:1], good)
    with pytest.raises(DataError, match="control_2"):
        circuit_matrix(*case.given, soma, {**good, "control_2": torch.zeros(5)})
    with pytest.raises(DataError, match="layer 2"):
        circuit_matrix(*case.given, [soma[0], soma[0]], good)
