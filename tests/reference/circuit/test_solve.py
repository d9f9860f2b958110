"""The steady state against the closed forms of the papers and against presentations that have settled."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.reference.circuit import CircuitSteadyState, simulate_circuit, solve_circuit
from neurosim.reference.feedforward import Activity, run_forward
from neurosim.reference.plant import assemble_layers
from neurosim.spec import Deviations, PopulationDeviations, Protocol
from tests.reference.circuit.cases import METHODS, Case, make_case, make_chip

ROUNDING = 1e-11
"""States of order 1 behind matrices whose condition is below 100, solved to 1e-13 of their terms."""


def solve(case: Case, chip: Deviations | None = None, **options: Any) -> CircuitSteadyState:
    return solve_circuit(*case.given, *case.posed, loss=case.loss, deviations=chip, **options)


def close(got: Tensor, wanted: Tensor, tolerance: float = ROUNDING) -> bool:
    return torch.allclose(got, wanted, rtol=0, atol=tolerance)


def rest(case: Case) -> tuple[Activity, list[Tensor]]:
    """The layers at rest, and φ'(v_l), l = 1..L, of the ideal network."""
    plant = assemble_layers(case.network, case.parameters.forward, case.parameters.biases)
    activity = run_forward(plant, case.inputs)
    return activity, [layer.rate_slope(v) for layer, v in zip(plant, activity.soma, strict=True)]


# --- closed forms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DI", "DI-repeat"])
@pytest.mark.parametrize("sizes", [(6, 5, 4, 3), (4, 3, 4, 5)])
def test_pairs_invert_layer_by_layer(name: str, sizes: tuple[int, ...]) -> None:
    """x = B (W B − αI)⁻¹ δ, δ_{l−1} = x φ'(v_{l−1}), also where layers expand."""
    case = make_case(name, *sizes, output="tanh", leak=0.05)
    steady = solve(case)
    activity, slopes = rest(case)
    delta = slopes[-1] * (activity.output - case.desired)
    assert close(steady.output, delta)
    for l in range(case.network.depth, 1, -1):
        w, b = case.parameters.forward[l - 1], case.parameters.feedback[l - 2]
        control = torch.linalg.solve(w @ b - 0.05 * torch.eye(len(w), dtype=w.dtype), delta.T).T
        assert close(steady.populations[f"control_{l}"], control)
        assert close(steady.populations[f"error_{l - 1}"], control @ b.T)
        delta = slopes[l - 2] * (control @ b.T)
    assert steady.converged.all()
    # one linear system after the other
    assert steady.iterations == case.network.depth - 1


def test_swapped_leaks_rest_at_the_same_error() -> None:
    plain, swapped = (make_case("DI", 6, 4, 5, 3, expanding_layers=x) for x in ("plain", "swapped"))
    first, second = solve(plain), solve(swapped)
    for l in (1, 2):
        assert close(first.populations[f"error_{l}"], second.populations[f"error_{l}"])
    # the controls are not the same
    assert not close(first.populations["control_2"], second.populations["control_2"], 1e-3)


def test_swapped_leaks_need_no_leak() -> None:
    """(B W)⁻¹ B δ, the limit of (B W − αI)⁻¹ B δ."""
    case = make_case("DI", 6, 4, 5, expanding_layers="swapped", leak=0.0)
    steady = solve(case)
    w, b = case.parameters.forward[1], case.parameters.feedback[0]
    assert close(steady.populations["error_1"], torch.linalg.solve(b @ w, b @ steady.output.T).T)
    assert steady.converged.all()


def test_linear_chain_is_one_inverse() -> None:
    """u = (P B − αI)⁻¹ δ_L, δ_1 = B u, δ_l = W_l ⋯ W_2 δ_1 with P = W_L ⋯ W_2."""
    case = make_case("SLDI", 6, 5, 5, 4, 3, hidden="linear")
    steady = solve(case)
    w, (b,) = case.parameters.forward, case.parameters.feedback
    loop = w[3] @ w[2] @ w[1] @ b - 0.01 * torch.eye(3, dtype=b.dtype)
    control = torch.linalg.solve(loop, steady.output.T).T
    assert close(steady.populations["control_4"], control)
    assert close(steady.populations["error_1"], control @ b.T)
    assert close(steady.populations["error_3"], control @ b.T @ w[1].T @ w[2].T)
    assert steady.iterations == 1


def test_nonlinear_chain_fulfils_its_equations() -> None:
    case = make_case("SLDI", 6, 5, 5, 4, 3)
    steady = solve(case)
    w, (b,), s = case.parameters.forward, case.parameters.feedback, steady.populations
    assert close(s["error_1"], s["control_4"] @ b.T)
    assert close(s["error_2"], torch.tanh(s["error_1"]) @ w[1].T)
    assert close(s["error_3"], torch.tanh(s["error_2"]) @ w[2].T)
    assert close(torch.tanh(s["error_3"]) @ w[3].T, steady.output + 0.01 * s["control_4"])
    assert steady.converged.all()


@pytest.mark.parametrize("name", ["DTP1", "DTP", "DTP-online"])
@pytest.mark.parametrize("sizes", [(6, 5, 5, 5), (6, 5, 4, 3), (6, 3, 4, 5)])
def test_targets_decode_alike(name: str, sizes: tuple[int, ...]) -> None:
    """g_l(f_l(τ_{l−1})) = g_l(τ_l), and τ_{l−1} − v_{l−1} is in the range of Ω_l."""
    case = make_case(name, *sizes, target_stepsize=0.1)
    steady = solve(case)
    activity, slopes = rest(case)
    above = activity.soma[-1] - 0.1 * slopes[-1] * (activity.output - case.desired)
    assert close(steady.output, above)
    assert steady.converged.all()
    for l in range(case.network.depth, 1, -1):
        w, bias, omega = (
            case.parameters.forward[l - 1],
            case.parameters.biases[l - 1],
            case.parameters.feedback[l - 2],
        )
        target = steady.populations[f"target_{l - 1}"]
        made = torch.tanh(target) @ w.T + bias
        assert close(torch.tanh(made) @ omega.T, torch.tanh(above) @ omega.T)
        move = target - activity.soma[l - 2]
        assert close(move @ (torch.linalg.pinv(omega).T @ omega.T), move)
        assert move.abs().amax() > 1e-3
        above = target


@pytest.mark.parametrize("sizes", [(6, 5, 5, 5), (6, 5, 4, 3)])
def test_corrected_inputs_hit_the_target(sizes: tuple[int, ...]) -> None:
    """τ_{l−1} = g_l(u_l) + h_{l−1} − g_l(h_l) and f_l(τ_{l−1}) = τ_l."""
    case = make_case("DTP-input", *sizes)
    steady = solve(case)
    above = steady.output
    for l in range(case.network.depth, 1, -1):
        w, bias, omega = (
            case.parameters.forward[l - 1],
            case.parameters.biases[l - 1],
            case.parameters.feedback[l - 2],
        )
        missed = steady.soma[l - 2] - torch.tanh(steady.soma[l - 1]) @ omega.T
        target = torch.tanh(steady.populations[f"correction_{l}"]) @ omega.T + missed
        assert close(steady.populations[f"target_{l - 1}"], target)
        assert close(torch.tanh(target) @ w.T + bias, above)
        above = target
    assert steady.converged.all()


# --- presentations that have settled -----------------------------------------------------------------------

SETTLED = Protocol(dt_ratio=0.15, settle_steps=30, learn_steps=560)
"""Layers are within 0.25³⁰ of their rest. The slowest modes of the circuits are 0.3 per τ_u, and 0.6 where one pair
moves after the other: after 84 and 42 τ_u e⁻²⁵ of their start is left, 1e-11."""


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("deviated", [False, True])
def test_settled_presentation(name: str, deviated: bool) -> None:
    """Within 1e-9: what is left of the slowest modes, with room for a start of 100."""
    # Targets without leak drift with the offsets of a chip where the layer above is smaller.
    sizes = (6, 4, 4, 4) if name.startswith("DTP") and deviated else (6, 5, 4, 3)
    case = make_case(name, *sizes)
    chip = make_chip(case, limit=20.0) if deviated else None
    steady = solve(case, chip)
    assert steady.converged.all()
    assert steady.within_rails.all()
    settled = simulate_circuit(
        *case.given, SETTLED, *case.posed, loss=case.loss, deviations=chip, record_every=10**6
    ).final
    assert close(settled.output, steady.output, 1e-12)
    for population, state in steady.populations.items():
        assert close(settled.populations[population], state, 1e-9), population


def test_in_turn_and_at_once_rest_in_the_same_state() -> None:
    first, second = (solve(make_case(name)) for name in ("DI", "DI-repeat"))
    for name, state in first.populations.items():
        assert torch.equal(state, second.populations[name])


def test_rails_are_ignored_but_reported() -> None:
    case = make_case("DI")
    free = solve(case)
    largest = torch.stack([x.abs().amax(1) for x in free.populations.values()]).amax(0)
    limit = float(largest.sort().values[1]) * 1.0001  # the third sample does not fit
    chip = _with_limit(case, limit)
    railed = solve(case, chip)
    assert railed.within_rails.tolist() == (largest <= limit).tolist()
    assert int(railed.within_rails.sum()) == 2
    assert torch.equal(railed.populations["error_1"], free.populations["error_1"])


def _with_limit(case: Case, limit: float) -> Deviations:
    chip = make_chip(case, spread=0.0)
    return attrs.evolve(
        chip, populations={name: attrs.evolve(own, limit=limit) for name, own in chip.populations.items()}
    )


# --- no state at rest --------------------------------------------------------------------------------------


def test_drifting_targets_do_not_converge() -> None:
    case = make_case("DTP1", 6, 5, 4)
    ideal = PopulationDeviations.ideal(5)
    chip = attrs.evolve(
        make_chip(case, spread=0.0), populations={"target_1": attrs.evolve(ideal, offset=np.full(5, 0.01))}
    )
    steady = solve(case, chip)
    assert not steady.converged.any()
    # all that can be balanced is: what remains is the offset orthogonal to the range of Ω
    omega = case.parameters.feedback[0].numpy()
    drift = 0.01 * (np.ones(5) - omega @ np.linalg.pinv(omega) @ np.ones(5))
    assert np.allclose(steady.residual.numpy(), np.abs(drift).max(), rtol=0, atol=ROUNDING)


def test_corrections_of_an_expanding_layer_do_not_converge() -> None:
    """f∘g reaches 3 of 5 dimensions only."""
    steady = solve(make_case("DTP-input", 6, 3, 5))
    assert not steady.converged.any()
    assert torch.isfinite(steady.populations["correction_2"]).all()


def test_saturated_chain_does_not_converge() -> None:
    """No φ(δ) in (−1, 1) makes an error of 100."""
    case = make_case("SLDI", 6, 5, 4, leak=0.0)
    case = attrs.evolve(
        case, desired=case.desired - torch.tensor([[0.0], [100.0], [0.0]], dtype=torch.float64)
    )
    assert solve(case).converged.tolist() == [True, False, True]


def test_no_error_no_state() -> None:
    case = make_case("DI")
    steady = solve(attrs.evolve(case, desired=rest(case)[0].output))
    assert steady.converged.all()
    assert not any(x.any() for x in steady.populations.values())
    assert steady.iterations == 0


def test_one_layer() -> None:
    steady = solve(make_case("DI", 4, 3))
    assert steady.converged.all()
    assert steady.within_rails.all()
    assert not steady.populations


def test_many_samples_are_solved_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case("DTP", batch=7)
    whole = solve(case)
    monkeypatch.setattr("neurosim.reference.circuit.solve._LARGEST_BATCH", 200)
    parts = solve(case)
    for name, state in whole.populations.items():
        assert close(state, parts.populations[name])
