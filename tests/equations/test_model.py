"""A Model as a value: what its hash depends on, that it travels, and that it can be read."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import (
    Quantity,
    amp,
    farad,
    get_dimensions,
    get_or_create_dimension,
    kelvin,
    second,
    volt,
)
from brian2.equations.equations import dimensions_and_type_from_string
from hypothesis import given
from hypothesis import strategies as st

from neurosim.equations import Model, describe
from neurosim.equations import operations as ops
from neurosim.equations.units import unit_text
from tests.equations.designs import REAL, make_model

VALUES: list[dict[str, Any]] = [
    {"method": {"proportional_gain": 0.3}},
    {"method": {"leak": 0.0}},
    {"method": {"target_stepsize": 0.5}},
    {"method": {"learning_rate": 0.1}},
    {"chip": {"name": REAL, "seed": 9}},
    {"chip": {"name": REAL, "temperature": "350 K"}},
    {"chip": {"name": REAL, "current_unit": "2 nA"}},
    {"chip": {"name": REAL, "soma": {"capacitance": "3 pF", "slope_spread": 0.1}}},
    {"chip": {"name": REAL, "process": {"n": {"kappa": 0.8, "a_vt_pair": "0 mV*um"}}}},
    {"chip": {"name": REAL, "controller": {"limit": "200 mV", "offset_residue": 1}}},
    {"network": {"tau_soma_ratio": 0.3}},
    {"network": {"initial_gain": 2.0}},
]
STRUCTURES: list[dict[str, Any]] = [
    {},
    {"layers": (5, 4, 4)},
    {"layers": (6, 4, 3)},
    {"layers": (5, 4, 3, 3)},
    {"loss": "squared_error"},
    {"columns": 5},
    {"columns": 1},
    {"dt_ratio": 0.01},
    {"method": {"weight_updates": "continuous"}},
    {"network": {"hidden": "sigmoid"}},
    {"network": {"output": "softplus"}},
    {"network": {"tau_basal_ratio": 0.1}},
    {"network": {"tau_apical_ratio": 0.1}},
    {"chip": {"noise": True}},
    {"chip": {"mismatch": True}},
    {"chip": {"railed": True}},
    {"chip": {"comparator": {"auto_zero": True}}},
    {"chip": {"time_base": "2 ms"}},
    {"chip": {"name": REAL}},
]
SHOWN: list[dict[str, Any]] = [
    {},
    {"chip": {"name": REAL}, "network": {"tau_basal_ratio": 0.1, "tau_apical_ratio": 0.1}},
    {"chip": {"name": REAL}, "method": {"weight_updates": "continuous"}, "loss": "squared_error"},
]


@pytest.mark.parametrize("changes", VALUES)
def test_values_leave_the_hash_alone(changes: dict[str, Any]) -> None:
    """So that one compiled program serves all of them."""
    chip = {"chip": {"name": REAL}}
    assert make_model(**{**chip, **changes}).hash == make_model(**chip).hash


def test_structures_all_differ() -> None:
    hashes = [make_model(**changes).hash for changes in STRUCTURES]
    assert len(set(hashes)) == len(STRUCTURES)


def test_the_hash_does_not_depend_on_what_ran_before() -> None:
    """Brian2 keeps a register of every unit that was ever made, and names dimensions after it."""
    before = make_model(chip={"name": REAL})
    strange = Quantity(2.0) * amp * kelvin**3
    name = unit_text(strange)
    for unit in (volt * second**0.5, amp * second**0.5, amp * kelvin**3, volt / volt, farad * volt):
        assert get_dimensions(unit)
    assert make_model(chip={"name": REAL}).structure == before.structure
    assert unit_text(strange) == name


@given(st.lists(st.integers(-4, 4), min_size=7, max_size=7))
def test_the_text_of_a_unit_is_read_back_as_the_same_dimensions(halves: list[int]) -> None:
    dimensions = get_or_create_dimension([power / 2 for power in halves])
    text = unit_text(Quantity(1.0, dim=dimensions))
    assert dimensions_and_type_from_string(text)[0] is dimensions


def test_plain_numbers_have_no_unit() -> None:
    assert unit_text(Quantity(1.0)) == unit_text(Quantity(np.ones(3))) == "1"
    for group in make_model(chip={"name": REAL}).groups:
        assert "radian" not in group.equations


@pytest.mark.parametrize("changes", SHOWN)
def test_models_travel(changes: dict[str, Any]) -> None:
    model = make_model(**changes)
    copy: Model = pickle.loads(pickle.dumps(model))
    assert copy.hash == model.hash
    assert copy.structure == model.structure
    assert copy.traced == model.traced
    for group, other in zip(model.groups, copy.groups, strict=True):
        assert group.parameters.keys() == other.parameters.keys()
        for name, parameter in group.parameters.items():
            np.testing.assert_array_equal(parameter.value, other.parameters[name].value)


@pytest.mark.parametrize("changes", SHOWN)
def test_every_parameter_says_what_it_is(changes: dict[str, Any]) -> None:
    for group in make_model(**changes).groups:
        for name, parameter in group.parameters.items():
            assert parameter.meaning.strip(), f"{group.name}.{name}"
            assert np.isfinite(parameter.value).all()
            declared = [line for line in group.equations.splitlines() if line.startswith(f"{name} :")]
            assert len(declared) == 1
            assert ("shared" in declared[0]) == parameter.shared
            if not parameter.shared:
                assert np.shape(parameter.value) == (group.n_units,)


@pytest.mark.parametrize("changes", SHOWN)
def test_describe_shows_everything(changes: dict[str, Any]) -> None:
    model = make_model(**changes)
    text = describe(model)
    lines = text.splitlines()
    assert model.hash in lines[0]
    for group in model.groups:
        start = next(k for k, line in enumerate(lines) if line.startswith(f"[{group.name}] "))
        shown = "\n".join(lines[start : lines.index("", start)])
        assert str(group.n_units) in lines[start]
        statements = group.equations.splitlines()
        if group.updater:
            statements += [*group.updater.before.splitlines(), *group.updater.after.splitlines()]
        for statement in statements:
            assert statement in shown
        for name, parameter in group.parameters.items():
            row = next(line for line in shown.splitlines() if line.startswith(f"    {name} = "))
            assert row.endswith(parameter.meaning)
            assert parameter.unit == "1" or f" {parameter.unit} " in row
    stages = text[text.index("# in every step") :]
    for code in model.code:
        for statement in code.code.splitlines():
            assert statement in stages
    for program in model.programs:
        for operation in program.operations:
            for field in ("target", "source", "weights", "bias", "post", "pre"):
                assert getattr(operation, field, "") in stages
            for source in getattr(operation, "sources", ()):
                assert source in stages
    assert lines == [line.rstrip() for line in lines]


def test_describe_tells_the_largest_from_the_sum() -> None:
    text = describe(make_model())
    assert "controller.reduced = max of controller.held over units" in text
    assert "controller.reduced = sum of controller.exponential over units" in text


def test_every_reference_of_an_operation_exists() -> None:
    """ "group.variable" of a group of that name with a variable of that name, of the size it says."""
    for changes in SHOWN:
        model = make_model(**changes)
        variables = {
            f"{group.name}.{line.split(' :')[0].removeprefix('d').split('/dt')[0]}"
            if "/dt" in line
            else f"{group.name}.{line.split(' :')[0]}"
            for group in model.groups
            for line in group.equations.splitlines()
        }
        for program in model.programs:
            for operation in program.operations:
                fields = attrs.asdict(operation)
                named = [fields.get(k) for k in ("target", "source", "weights", "bias", "post", "pre")]
                for reference in [*filter(None, named), *fields.get("sources", ())]:
                    assert reference in variables


def test_a_group_is_found_by_name() -> None:
    model = make_model()
    assert model.group("layer_2").n_units == 3
    kinds = {type(o) for program in model.programs for o in program.operations}
    assert {ops.Product, ops.Outer, ops.RowSum, ops.Feed, ops.Record, ops.Guard, ops.Finish} <= kinds
