"""Populations are solved together only where they have to be, and after those that drive them."""

from __future__ import annotations

import pytest

from neurosim.learning.circuits import circuit_of
from neurosim.learning.methods import method_of
from neurosim.reference.circuit.groups import solving_order
from tests.reference.circuit.cases import METHODS, make_case


def order(name: str) -> list[set[str]]:
    case = make_case(name)
    circuit = circuit_of(method_of(name), case.settings, case.network)
    assert circuit is not None  # every method of these tests has one
    return [set(group) for group in solving_order(circuit)]


def test_pairs_from_the_top_down() -> None:
    assert order("DI-repeat") == [{"error_2", "control_3"}, {"error_1", "control_2"}]


def test_targets_from_the_top_down() -> None:
    assert order("DTP") == [{"target_2", "expected_3"}, {"target_1", "expected_2"}]
    assert order("DTP-input")[0] == {"correction_3", "target_2", "expected_3"}


def test_single_loop_is_one_group() -> None:
    assert order("SLDI") == [{"error_1", "error_2", "control_3"}]


@pytest.mark.parametrize("name", METHODS)
def test_drivers_come_first(name: str) -> None:
    case = make_case(name, 6, 5, 5, 4, 4, 3)
    circuit = circuit_of(method_of(name), case.settings, case.network)
    assert circuit is not None  # every method of these tests has one
    known = {"output"}
    for group in solving_order(circuit):
        known |= set(group)
        assert all(d.signal.source in known for x in group for d in circuit.population(x).drives)
    assert known == {"output", *(p.name for p in circuit.populations)}
