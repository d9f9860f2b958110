"""Updates at rest against the papers' formulas and against the last step of a settled presentation."""

from __future__ import annotations

import attrs
import pytest
import torch

from neurosim.errors import SpecError
from neurosim.reference import Updates, angle, bp_update
from neurosim.reference.circuit import (
    circuit_decoder_update,
    circuit_update,
    simulate_circuit,
    solve_circuit,
)
from neurosim.spec import Deviations, Protocol
from tests.reference.circuit.cases import METHODS, Case, make_case, make_chip

SETTLED = Protocol(dt_ratio=0.15, settle_steps=30, learn_steps=560)
"""As in `test_solve`: states within 1e-9 of their rest."""


def update_at_rest(case: Case, chip: Deviations | None = None) -> Updates:
    steady = solve_circuit(*case.given, *case.posed, loss=case.loss, deviations=chip)
    return circuit_update(*case.given, case.inputs, steady, deviations=chip)


@pytest.mark.parametrize(
    ("name", "auto_zero"), [*((name, False) for name in METHODS), ("DI", True), ("DTP", True)]
)
def test_settled_presentation_ends_with_the_same_update(name: str, auto_zero: bool) -> None:
    """Within 1e-9 as the states are, times ‖τ_L − v_L‖²/‖τ_l − v_l‖² ≲ 10."""
    case = make_case(name, 6, 4, 4, 4)
    chip = make_chip(case, auto_zero=auto_zero)
    settled = simulate_circuit(
        *case.given, SETTLED, *case.posed, loss=case.loss, deviations=chip, record_every=10**6
    ).updates
    assert settled is not None
    rested = update_at_rest(case, chip).scaled(case.settings.learning_rate)
    for first, second in zip(
        (*settled.forward, *settled.biases), (*rested.forward, *rested.biases), strict=True
    ):
        assert torch.allclose(first, second, rtol=0, atol=1e-8)
        assert second.abs().amax() > 1e-4


def test_pairs_with_inverse_weights_descend_like_pseudobackprop() -> None:
    """B = −W⁺ (any B with its range) and α → 0: x = W⁺ δ."""
    case = make_case("DI", 6, 5, 4, 3, leak=0.0)
    steady = solve_circuit(*case.given, *case.posed, loss=case.loss)
    update = circuit_update(*case.given, case.inputs, steady)
    w = case.parameters.forward
    delta = steady.output
    for l in (3, 2):
        b = case.parameters.feedback[l - 2]
        right_inverse = b @ torch.linalg.inv(w[l - 1] @ b)
        slope = 1 - steady.rate[l - 2] ** 2
        delta = slope * (delta @ right_inverse.T)
        pre = steady.rate[l - 3] if l > 2 else case.inputs
        # rounding of two solved layers
        assert torch.allclose(update.forward[l - 2], -delta.T @ pre / 3, rtol=0, atol=1e-12)


def test_orthogonal_network_descends_like_backpropagation() -> None:
    """For an orthogonal W the inverse is the transpose, so δ_l is that of BP, to rounding (α = 0)."""
    case = make_case("DI-repeat", 4, 4, 4, 4, mismatch=0.0, leak=0.0, output="tanh")
    forward = tuple(torch.linalg.qr(w)[0] for w in case.parameters.forward)
    parameters = attrs.evolve(case.parameters, forward=forward, feedback=tuple(-w.T for w in forward[1:]))
    case = attrs.evolve(case, parameters=parameters)
    wanted = bp_update(case.network, case.parameters, *case.posed, loss=case.loss)
    assert angle(update_at_rest(case), wanted, biases=True) < 1e-6


def test_target_difference_moves_each_layer_onto_its_target() -> None:
    """One sample: W + ΔW, b + Δb make v_l exactly τ_l under the same r_{l−1}, the bias being a synapse, too."""
    case = make_case("DTP1", batch=1)
    steady = solve_circuit(*case.given, *case.posed, loss=case.loss)
    update = circuit_update(*case.given, case.inputs, steady)
    targets = [steady.populations["target_1"], steady.populations["target_2"], steady.output]
    for l, pre in enumerate((case.inputs, *steady.rate[:-1])):
        moved = pre @ (case.parameters.forward[l] + update.forward[l]).T
        moved = moved + case.parameters.biases[l] + update.biases[l]
        assert torch.allclose(moved, targets[l], rtol=0, atol=1e-13)  # one product and one quotient


def test_influence_scales_samples_one_by_one() -> None:
    """DTP is DTP1 times ‖τ_L − v_L‖²/‖τ_l − v_l‖² of each sample; 0 for a sample that has no error."""
    one, other = make_case("DTP1"), make_case("DTP")
    steady = solve_circuit(*one.given, *one.posed, loss=one.loss)
    desired = torch.cat([one.desired[:2], steady.rate[-1][2:]])
    total = torch.zeros_like(one.parameters.forward[0])
    for i in range(2):
        sample = attrs.evolve(one, inputs=one.inputs[i : i + 1], desired=desired[i : i + 1])
        state = solve_circuit(*sample.given, *sample.posed, loss=sample.loss)
        top = (state.output - state.soma[-1]).square().sum()
        own = (state.populations["target_1"] - state.soma[0]).square().sum()
        total += top / own * circuit_update(*sample.given, sample.inputs, state).forward[0] / 3
    got = update_at_rest(attrs.evolve(other, desired=desired)).forward[0]
    # the third sample's targets move by rounding errors, 1e-16, which the quotient may not blow up
    assert torch.allclose(got, total, rtol=0, atol=1e-12)


def test_decoders_descend_their_reconstruction_error() -> None:
    """A small step lowers ‖v_{l−1} − Ω_l σ(v_l)‖ of every sample alone, and nothing changes once it is 0."""
    case = make_case("DTP", 6, 5, 5, batch=1)
    steady = solve_circuit(*case.given, *case.posed, loss=case.loss)
    (change,) = circuit_decoder_update(*case.given, steady)
    seen = torch.tanh(steady.soma[1])
    # the whole step, divided once more by the norm, makes the reconstruction exact
    exact = case.parameters.feedback[0] + change / torch.linalg.vector_norm(seen)
    assert torch.allclose(seen @ exact.T, steady.soma[0], rtol=0, atol=1e-14)
    case = attrs.evolve(case, parameters=attrs.evolve(case.parameters, feedback=(exact,)))
    assert circuit_decoder_update(*case.given, steady)[0].abs().amax() < 1e-14
    with pytest.raises(SpecError, match="no decoders"):
        circuit_decoder_update(*make_case("DI", 6, 5, 5).given, steady)
