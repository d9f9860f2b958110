"""A presentation against a slow loop written method by method, and what must hold whatever the method."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference.circuit import CircuitSimulation, simulate_circuit
from neurosim.spec import Deviations, Protocol
from tests.reference.circuit.cases import METHODS, RELAXING, Case, make_case, make_chip
from tests.reference.circuit.slow import SlowSample

ROUNDING = 1e-12
"""Both loops add the same numbers in another order, some hundred times, with states of order 1."""


def run(case: Case, protocol: Protocol, chip: Deviations | None = None, **options: Any) -> CircuitSimulation:
    return simulate_circuit(
        *case.given,
        protocol,
        *case.posed,
        loss=case.loss,
        deviations=chip,
        **options,
    )


def close(got: torch.Tensor, wanted: Any) -> bool:
    return bool(np.allclose(got.numpy(), np.asarray(wanted), rtol=0, atol=ROUNDING))


def agrees_with_slow_loop(
    case: Case, protocol: Protocol, chip: Deviations | None, soma: Any = None, circuit: Any = None
) -> None:
    fast = run(case, protocol, chip, soma_noise=soma, population_noise=circuit)
    slow = [SlowSample(case, protocol, i, chip, soma, circuit) for i in range(len(case.inputs))]
    for name in fast.final.populations:
        assert close(fast.traces[name]["state"], [[at[name] for at in one.path] for one in slow]), name
        assert close(fast.final.populations[name], [one.populations[name] for one in slow]), name
    assert close(fast.traces["output"]["signal"], [[at["output"] for at in one.path] for one in slow])
    assert close(fast.held, [one.held for one in slow])
    assert close(fast.final.soma[-1], [one.soma[-1] for one in slow])
    assert fast.updates is not None
    for l in range(case.network.depth):
        dw, db = (np.mean([getattr(one, x)[l] for one in slow], axis=0) for x in ("dw", "db"))
        assert close(fast.updates.forward[l], case.settings.learning_rate * dw), l
        assert close(fast.updates.biases[l], case.settings.learning_rate * db), l
    if case.settings.name.startswith("DTP"):
        assert fast.feedback_updates is not None
        for l, change in enumerate(fast.feedback_updates):
            assert close(change, np.mean([one.d_omega[l] for one in slow], axis=0)), l
    else:
        assert fast.feedback_updates is None


@pytest.mark.parametrize("name", METHODS)
def test_ideal_circuit(name: str) -> None:
    case = make_case(name, output="tanh", tau_basal_ratio=0.1)
    agrees_with_slow_loop(case, Protocol(dt_ratio=0.05, settle_steps=12, learn_steps=41), None)


@pytest.mark.parametrize("name", METHODS)
def test_chip_with_noise_and_rails(name: str) -> None:
    case = make_case(name, hidden="sigmoid" if name == "DTP" else "tanh", loss="softmax_cross_entropy")
    protocol = Protocol(dt_ratio=0.05, settle_steps=12, learn_steps=31)
    # within reach of the errors and of the targets
    chip = make_chip(case, limit=0.4 if name.startswith("DTP") else 0.15, noise=0.02)
    draw = np.random.default_rng(0)
    batch, units = len(case.inputs), sum(len(x.leak) for x in chip.populations.values())
    soma = draw.standard_normal((protocol.period, batch, sum(case.network.layers[1:])))
    circuit = draw.standard_normal((protocol.period, batch, units))
    agrees_with_slow_loop(case, protocol, chip, soma, circuit)
    fast = run(case, protocol, chip, soma_noise=soma, population_noise=circuit)
    states = torch.cat([fast.final.populations[x].abs().flatten() for x in chip.populations])
    assert states.amax() == next(iter(chip.populations.values())).limit  # the rails do hold somebody
    assert states.amin() < 0.1


def test_auto_zeroed_comparators_and_swapped_leaks() -> None:
    case = make_case("DI-repeat", 6, 4, 5, 3, expanding_layers="swapped", leak=0.0)
    protocol = Protocol(dt_ratio=0.05, settle_steps=20, learn_steps=40)
    agrees_with_slow_loop(case, protocol, make_chip(case, auto_zero=True))


def test_one_layer_needs_no_population() -> None:
    for name in ("DI", "SLDI", "DTP"):
        case = make_case(name, 4, 3)
        agrees_with_slow_loop(case, Protocol(dt_ratio=0.05, settle_steps=20, learn_steps=5), make_chip(case))


def test_circuit_is_silent_before_the_learn_phase_and_output_is_kept() -> None:
    case = make_case("DTP1")
    traces = run(case, Protocol(dt_ratio=0.05, settle_steps=10, learn_steps=10)).traces
    assert not traces["target_1"]["state"][:, :10].any()
    assert not traces["output"]["signal"][:, :10].any()
    assert torch.equal(traces["target_1"]["state"][:, 10], traces["layer_1"]["soma"][:, 10])
    assert torch.equal(traces["output"]["signal"][:, 10], traces["output"]["signal"][:, -1])


def test_layers_do_not_feel_the_circuit() -> None:
    protocol = Protocol(dt_ratio=0.05, settle_steps=5, learn_steps=30)
    one, other = (run(make_case(name), protocol).traces["layer_3"]["soma"] for name in ("DI", "DTP"))
    # the first draws of a case, those of W and b, do not depend on the method
    assert torch.equal(one, other)


def test_windows_move_one_pair_after_the_other() -> None:
    case = make_case("DI", 6, 5, 4, 4, 3)
    protocol = Protocol(dt_ratio=0.05, settle_steps=10, learn_steps=32)  # 10, 10 and 12 steps
    traces = run(case, protocol).traces
    for pair, moves in (((3, 4), range(10, 20)), ((2, 3), range(20, 30)), ((1, 2), range(30, 42))):
        states = [traces[f"error_{pair[0]}"]["state"], traces[f"control_{pair[1]}"]["state"]]
        path = torch.cat(states, dim=2)
        changing = [k for k in range(41) if not torch.equal(path[:, k], path[:, k + 1])]
        assert changing == [k for k in moves if k < 41]


def test_more_windows_than_steps_leaves_all_to_the_last() -> None:
    case = make_case("DI", 6, 5, 4, 4, 3)
    final = run(case, Protocol(dt_ratio=0.05, settle_steps=10, learn_steps=2)).final
    assert not final.populations["control_4"].any()


def test_evaluation_learns_nothing() -> None:
    for name in ("DI", "DTP", "DTP-online"):
        result = run(make_case(name), Protocol(dt_ratio=0.05, settle_steps=10, learn_steps=0))
        assert result.updates is not None
        assert not any(x.any() for x in (*result.updates.forward, *result.updates.biases))
        assert not any(x.any() for x in result.feedback_updates or ())


def test_not_accumulated() -> None:
    protocol = Protocol(dt_ratio=0.05, settle_steps=5, learn_steps=5)
    result = run(make_case("DTP"), protocol, accumulate=False)
    assert result.updates is None
    assert result.feedback_updates is None


def test_record_every() -> None:
    case, protocol = make_case("DI-repeat"), Protocol(dt_ratio=0.05, settle_steps=5, learn_steps=9)
    every, third = run(case, protocol), run(case, protocol, record_every=3)
    assert third.steps.tolist() == [0, 3, 6, 9, 12]
    assert torch.equal(third.traces["error_1"]["state"], every.traces["error_1"]["state"][:, ::3])


@pytest.mark.parametrize("learn_steps", [1, 7, 60])
def test_anytime_changes_add_up_to_where_the_targets_are(learn_steps: int) -> None:
    """At any T it is what DTP1 sees in the first step after, once the layers are at rest.

    The layers rest to 1e-14 after 200 steps of (1 − 0.25); the sum of the changes rounds T times.
    """
    online, whole = (make_case(name) for name in ("DTP-online", "DTP1"))
    chip = make_chip(online, auto_zero=True)
    updates = [
        run(case, Protocol(dt_ratio=0.05, settle_steps=200, learn_steps=steps), chip).updates
        for case, steps in ((online, learn_steps), (whole, learn_steps + 1))
    ]
    for first, second in zip(updates[0].forward, updates[1].forward, strict=True):
        assert torch.allclose(first, second, rtol=0, atol=1e-13)
        assert first.abs().amax() > 1e-6


def test_nothing_to_learn_moves_nothing() -> None:
    """With λ = 0 the target is the soma; layers at rest to rounding, so updates vanish to rounding."""
    for name in RELAXING:
        case = make_case(name, target_stepsize=0.0)
        result = run(case, Protocol(dt_ratio=0.05, settle_steps=200, learn_steps=50))
        assert result.updates is not None
        assert max(float(x.abs().amax()) for x in result.updates.forward) < 1e-13


def test_bad_input() -> None:
    case, protocol = make_case("DI"), Protocol(dt_ratio=0.05, settle_steps=5, learn_steps=5)
    with pytest.raises(SpecError, match="DFC has no circuit"):
        run(attrs.evolve(case, settings=attrs.evolve(case.settings, name="DFC")), protocol)
    with pytest.raises(SpecError, match=r"parameters\.feedback"):
        run(attrs.evolve(case, parameters=attrs.evolve(case.parameters, feedback=())), protocol)
    with pytest.raises(SpecError, match=r"parameters\.forward"):
        run(attrs.evolve(case, network=make_case("DI", 6, 5, 4, 2).network), protocol)
    with pytest.raises(SpecError, match=r"deviations\.feedback_gain"):
        run(case, protocol, Deviations.ideal(case.network))
    with pytest.raises(SpecError, match="no such population: error_3"):
        run(case, protocol, _renamed(case, "error_3"))
    with pytest.raises(SpecError, match=r"populations\[error_1\]"):
        run(case, protocol, _misfit(case))
    with pytest.raises(SpecError, match="record_every"):
        run(case, protocol, record_every=0)
    with pytest.raises(DataError, match="desired"):
        run(attrs.evolve(case, desired=case.desired[:, :2]), protocol)
    with pytest.raises(DataError, match="population_noise"):
        run(case, protocol, population_noise=np.zeros((10, 3, 5)))
    with pytest.raises(SpecError, match="without a leak"):
        run(make_case("DI", 6, 3, 4, leak=0.0), protocol)
    with pytest.raises(SpecError, match="goes through 3 units"):
        run(make_case("SLDI", 6, 5, 3, 4, leak=0.0), protocol)
    with pytest.raises(SpecError, match="weight_updates"):
        run(make_case("DTP-online", weight_updates="continuous"), protocol)


def _renamed(case: Case, name: str) -> Deviations:
    chip = make_chip(case)
    return attrs.evolve(chip, populations={name: chip.populations["error_1"]})


def _misfit(case: Case) -> Deviations:
    chip = make_chip(case)
    return attrs.evolve(chip, populations={"error_1": chip.populations["control_3"]})
