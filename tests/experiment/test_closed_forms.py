"""The closed-form checks pass on what is right, and fail once one side sees slightly other weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.experiment.closed import check_closed_forms, iterated, orders, solved_circuits, surrogates
from neurosim.learning import METHODS, method_of
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.reference import Parameters
from neurosim.reference.training import IterateTargets, Shown, settled_rule
from neurosim.spec import MethodSettings, Network, Spec, Task

NETWORK = Network(layers=(6, 5, 4, 3), hidden="tanh", tau_soma_ratio=0.2)
ONE_SIDE: dict[str, tuple[Any, str]] = {
    "OpenLoop": (surrogates, "update_of"),
    "Solved": (orders, "dfc_ssa_update"),
    "Simulated": (orders, "lemma_one"),
    "PairsInTurn": (solved_circuits, "solve_circuit"),
    "PairsAtOnce": (solved_circuits, "solve_circuit"),
    "NonlinearChain": (solved_circuits, "solve_circuit"),
    "OutputRelaxation": (solved_circuits, "solve_circuit"),
    "InputRelaxation": (solved_circuits, "solve_circuit"),
}
"""By inversion, a function of the method's own side, called with network and parameters first."""
OTHERS: dict[str, tuple[Any, str]] = {"BP": (orders, "bp_update"), "NDI": (solved_circuits, "solve_circuit")}
"""By method, where it differs from those."""


def given(name: str) -> tuple[Spec, Parameters, Any, Any]:
    """A small network for a method, its feedback as good as learned, with three samples."""
    settings = MethodSettings(name=name, leak=0.2, target_stepsize=0.05, initial_feedback="transpose")
    spec = Spec(network=NETWORK, method=settings, task=Task(name="student_teacher"))
    forward, biases = initial_weights(NETWORK, 4)
    forward = tuple(np.linalg.qr(w.T)[0].T * 0.8 for w in forward)
    feedback = initial_feedback(method_of(name), settings, NETWORK, forward=forward, seed=4)
    parameters = Parameters.from_arrays(forward=forward, biases=biases, feedback=feedback)
    draws = np.random.default_rng(4)
    return spec, parameters, draws.normal(size=(3, 6)), draws.normal(size=(3, 3))


def shaken(parameters: Parameters) -> Parameters:
    """The same with every weight off by 3 %, each in its own way."""
    draws = np.random.default_rng(5)

    def moved(group: Any) -> list[Any]:
        return [w.numpy() * (1 + 0.03 * draws.uniform(-1, 1, size=w.shape)) for w in group]

    return Parameters.from_arrays(
        forward=moved(parameters.forward),
        biases=moved(parameters.biases),
        feedback=moved(parameters.feedback),
    )


@pytest.mark.parametrize("name", METHODS)
def test_what_is_right_passes(name: str) -> None:
    checks = check_closed_forms(*given(name))
    assert checks
    assert all(check.passed and check.gating for check in checks), checks


def _seeing_others(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(network: Network, parameters: Parameters, *args: Any, **kwargs: Any) -> Any:
        return original(network, shaken(parameters), *args, **kwargs)

    return call


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if type(m.inversion).__name__ in ONE_SIDE])
def test_other_weights_on_one_side_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function = OTHERS.get(name, ONE_SIDE[type(METHODS[name].inversion).__name__])
    monkeypatch.setattr(module, function, _seeing_others(getattr(module, function)))
    assert not all(check.passed for check in check_closed_forms(*given(name)))


@pytest.mark.parametrize("name", ["NDI", "DI", "DI-repeat"])
def test_updates_of_other_weights_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(shown: Shown) -> Any:
        return settled_rule(attrs.evolve(shown, parameters=shaken(shown.parameters)))

    monkeypatch.setattr(solved_circuits, "settled_rule", rule)
    failed = [check.name for check in check_closed_forms(*given(name)) if not check.passed]
    assert failed == ["closed form: updates"]


@pytest.mark.parametrize("name", [n for n in METHODS if n.endswith("-iterated") or n == "DTP-corrected"])
def test_iterated_targets_of_other_weights_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(IterateTargets):
        """The rule at weights that nobody gave it."""

        def __call__(self, shown: Shown) -> Any:
            return super().__call__(attrs.evolve(shown, parameters=shaken(shown.parameters)))

    monkeypatch.setattr(iterated, "IterateTargets", Other)
    assert not all(check.passed for check in check_closed_forms(*given(name)))


def test_targets_that_drift_gate_nothing() -> None:
    """Decoders into a larger layer have no input-side fixed point: said so, and not called a failure."""
    spec, _, inputs, _ = given("DTP-input-iterated")
    network = Network(layers=(6, 3, 5), hidden="tanh")
    forward, biases = initial_weights(network, 4)
    feedback = initial_feedback(
        method_of("DTP-input-iterated"), spec.method, network, forward=forward, seed=4
    )
    parameters = Parameters.from_arrays(forward=forward, biases=biases, feedback=feedback)
    (check,) = check_closed_forms(
        attrs.evolve(spec, network=network), parameters, inputs, np.random.default_rng(1).normal(size=(3, 5))
    )
    assert not check.gating
    assert np.isnan(check.value)
    assert "0 of 3" in check.detail
