"""Every method gives the measures of its parts, with units, and means as the papers take them."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest
import torch

from neurosim.learning import METHODS, method_of
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.reference import (
    Parameters,
    angle,
    bp_update,
    dfc_ssa_update,
    feedforward,
    output_jacobian,
    solve_fixed_point,
    steady_state_update,
)
from neurosim.reference.measures import condition_two, measure_all, measure_units
from neurosim.spec import MethodSettings, Network

from ..cases import make_data, make_network, make_parameters, make_target

ALWAYS = {"condition_one"} | {
    f"{kind}angle_to_{rival}"
    for kind in ("", "batch_")
    for rival in ("bp", "minimum_norm", "weighted_minimum_norm", "gauss_newton")
}
SSA = {"angle_to_ssa", "batch_angle_to_ssa"}
INVERSES = {"angle_to_pbp", "batch_angle_to_pbp", "angle_to_ndi", "batch_angle_to_ndi"}
CONDITIONS = {"condition_two", "condition_three", "condition_three_worst"}
DECODED = {"reconstruction_error_2", "reconstruction_error_3"}
LAYERS = {"feedback_angle_2", "feedback_angle_3"}

EXPECTED: dict[str, set[str]] = {
    "BP": INVERSES,
    "FA": INVERSES | LAYERS,
    "DFA": INVERSES | {"condition_two"},
    "PBP": INVERSES,
    "NDI": INVERSES | LAYERS,
    "DI": INVERSES | LAYERS,
    "DI-repeat": INVERSES | LAYERS,
    "SLDI": INVERSES | {"feedback_angle_loop"},
    **{name: CONDITIONS | SSA for name in METHODS if name.startswith("DFC")},
    **{name: DECODED for name in METHODS if name.startswith("DTP")},
}


def _case(name: str, network: Network, **settings: Any) -> tuple[MethodSettings, Parameters]:
    method = MethodSettings(name=name, leak=0.1, initial_feedback="transpose", **settings)
    parameters = make_parameters(network)
    feedback = initial_feedback(
        method_of(name), method, network, forward=[w.numpy() for w in parameters.forward], seed=4
    )
    return method, attrs.evolve(parameters, feedback=tuple(torch.tensor(q) for q in feedback))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_the_measures_of_its_parts(name: str) -> None:
    network = make_network(6, 5, 5, 4)
    method, parameters = _case(name, network)
    inputs, desired = make_data(network, "squared_error")
    found = measure_all(network, parameters, method, inputs, desired, "squared_error")
    assert set(found) == ALWAYS | EXPECTED[name] | {"unexplained_variance"}
    assert all(isinstance(value, float) for value in found.values())
    for measure, unit in measure_units(found).items():
        assert unit == ("deg" if "angle" in measure else "1")
        if unit == "deg" and not name.startswith("DTP"):  # decoders that are no inverse yet may run away
            assert 0 <= found[measure] <= 180
    labels = torch.nn.functional.one_hot(desired.argmax(1), 4).to(torch.float64)
    classes = measure_all(network, parameters, method, inputs, labels, "softmax_cross_entropy")
    assert set(classes) == ALWAYS | EXPECTED[name]


def test_a_method_is_at_no_angle_to_itself() -> None:
    network = make_network(6, 5, 5, 4)
    inputs, desired = make_data(network, "squared_error")
    for name, rival in (("BP", "bp"), ("PBP", "pbp"), ("NDI", "ndi"), ("DFC-SSA", "ssa")):
        method, parameters = _case(name, network)
        found = measure_all(network, parameters, method, inputs, desired, "squared_error")
        # products and inverses of the same numbers in another order
        assert found[f"angle_to_{rival}"] == pytest.approx(0.0, abs=1e-10)
        assert found[f"batch_angle_to_{rival}"] == pytest.approx(0.0, abs=1e-10)
    # the pairs of DI rest where NDI is solved, to 1e-10 of the drives
    method, parameters = _case("DI", network)
    found = measure_all(network, parameters, method, inputs, desired, "squared_error")
    assert found["angle_to_ndi"] < 1e-5


def test_means_are_taken_as_in_the_papers() -> None:
    """angle_to: the mean of the samples' angles; batch_angle_to: the angle of the samples' mean updates."""
    network = make_network(6, 8, 7, 4)
    method, parameters = _case("DFC-fixed", network, target_stepsize=0.05)
    inputs, desired = make_data(network, "squared_error")
    found = measure_all(network, parameters, method, inputs, desired, "squared_error")
    wanted = make_target(network, parameters, inputs, desired, loss="squared_error", stepsize=0.05)

    def to_bp(chosen: slice) -> tuple[float, float]:
        x, y, target = inputs[chosen], desired[chosen], wanted[chosen]
        steady = solve_fixed_point(network, parameters, method, x, target)
        own = steady_state_update(network, parameters, x, steady)
        gradient = bp_update(network, parameters, x, y, loss="squared_error")
        ssa = dfc_ssa_update(network, parameters, method, x, target)
        return angle(own, gradient, biases=True), angle(own, ssa, biases=True)

    single = [to_bp(slice(k, k + 1)) for k in range(len(inputs))]
    whole = to_bp(slice(None))
    # the loop is solved to 1e-10, and an update is some 1e-2
    assert found["angle_to_bp"] == pytest.approx(sum(a for a, _ in single) / 5, rel=1e-6)
    assert found["angle_to_ssa"] == pytest.approx(sum(b for _, b in single) / 5, rel=1e-5)
    assert found["batch_angle_to_bp"] == pytest.approx(whole[0], rel=1e-6)
    assert found["batch_angle_to_ssa"] == pytest.approx(whole[1], rel=1e-5)
    jacobian = output_jacobian(network, parameters, feedforward(network, parameters, inputs))
    assert found["condition_two"] == pytest.approx(float(condition_two(jacobian, parameters.feedback).mean()))
    assert found["condition_three_worst"] <= found["condition_three"]


def test_an_update_from_elsewhere_is_compared_as_a_whole() -> None:
    """That of a simulation or a chip; here the steady state of another gain stands in for it."""
    network = make_network(6, 8, 7, 4)
    method, parameters = _case("DFC-fixed", network)
    inputs, desired = make_data(network, "squared_error")
    gradient = bp_update(network, parameters, inputs, desired, loss="squared_error")
    found = measure_all(
        network, parameters, method, inputs, desired, "squared_error", update=gradient.scaled(0.3)
    )
    assert found["batch_angle_to_bp"] == pytest.approx(0.0, abs=1e-10)
    assert "angle_to_bp" not in found
    assert found["batch_angle_to_gauss_newton"] > 1


def test_what_cannot_be_inverted_is_not_a_number() -> None:
    network = make_network(6, 5, 5, 4)
    method, parameters = _case("BP", network)
    method = attrs.evolve(method, leak=0.0)
    parameters = attrs.evolve(
        parameters,
        forward=(parameters.forward[0], torch.ones(5, 5, dtype=torch.float64), parameters.forward[2]),
    )
    inputs, desired = make_data(network, "squared_error")
    found = measure_all(network, parameters, method, inputs, desired, "squared_error")
    assert math.isnan(found["angle_to_ndi"])
    assert math.isnan(found["batch_angle_to_ndi"])
    assert found["angle_to_pbp"] > 0
