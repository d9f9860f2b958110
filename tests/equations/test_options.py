"""Every combination of options: units that check out in Brian2, and runs without warnings or NaN."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from brian2 import NeuronGroup
from brian2.core.variables import Subexpression
from brian2.equations.unitcheck import check_units_statements
from brian2.units.fundamentalunits import DimensionMismatchError
from brian2.utils.logger import catch_logs
from brian2.utils.stringtools import get_identifiers

from neurosim.backend import Stimulus
from neurosim.backend.runtime import NumpyEmulator
from neurosim.emulate import VirtualChip, Weights
from neurosim.equations import Model
from neurosim.spec.reader import parse_spec

CHIPS = ("ideal", "subthreshold_180nm")
RATIOS = ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.1, 0.2))
"""τ of basal and apical compartment over τ_u."""
LOSSES = ("softmax_cross_entropy", "squared_error")
UPDATES = ("buffered", "continuous")
ACTIVATIONS = ("tanh", "sigmoid", "softplus", "linear")
METHODS = ("DFC-fixed", "DFC-SS-fixed")


def _cases() -> list[tuple[str, tuple[float, float], str, str, str, str, str]]:
    """All of chip × time constants × loss × updates; nonlinearities and methods take turns."""
    crossed = itertools.product(CHIPS, RATIOS, LOSSES, UPDATES)
    return [
        (*case, ACTIVATIONS[(k + k // 4) % 4], ACTIVATIONS[(k + 2 * (k // 4)) % 4], METHODS[(k // 2 + k) % 2])
        for k, case in enumerate(crossed)
    ]


@pytest.mark.parametrize(("chip", "ratios", "loss", "updates", "hidden", "output", "method"), _cases())
def test_units_and_runs(
    chip: str, ratios: tuple[float, float], loss: str, updates: str, hidden: str, output: str, method: str
) -> None:
    spec = parse_spec(
        {
            "network": {
                "layers": [3, 4, 2],
                "hidden": hidden,
                "output": output,
                "tau_basal_ratio": ratios[0],
                "tau_apical_ratio": ratios[1],
            },
            "method": {"name": method, "weight_updates": updates, "proportional_gain": 0.5},
            "chip": {"name": chip},
            "task": {"loss": loss},
            "run": {"batch": 2, "settle_duration": 1.0, "learn_duration": 1.0, "backend": "numpy"},
        }
    )
    generator = np.random.default_rng(0)
    stimulus = Stimulus(
        inputs=generator.uniform(-1, 1, (4, 3)),
        desired=np.eye(2)[[0, 1, 1, 0]],
        order=np.arange(4, dtype=np.int32).reshape(2, 2),
    )
    with warnings.catch_warnings(), catch_logs() as logs:
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*deprecated.*")  # Brian2's, see pyproject.toml
        emulated = VirtualChip(spec)
        before = Weights.initial(spec)
        passage = emulated.show(stimulus, weights=before, protocol=spec.run.protocol, traced=(0, 2))
    assert logs == []
    assert passage.status.kind in ("done", "not settled")  # τ_u is short for a controller here
    for part in passage.traces.values():
        for trace in part.values():
            assert trace.values.shape[:2] == (2, 200)  # two presentations in a row
            assert np.isfinite(trace.values).all()
    for values in passage.endings.values():
        assert np.isfinite(values).all()
    changes = [b - a for a, b in zip(before.forward, passage.weights.forward, strict=True)]
    assert all(np.isfinite(change).all() and np.abs(change).max() > 0 for change in changes)
    emulator: Any = emulated._emulator
    check_units(emulated.model, emulator)


def check_units(model: Model, emulator: NumpyEmulator) -> None:
    """Of all statements; those of the differential equations Brian2 checks itself when it builds a group."""
    groups = emulator._built.groups
    for group in model.groups:
        if group.updater:
            for text in (group.updater.before, group.updater.after):
                check_statements(text, groups[group.name])
    for code in model.code:
        check_statements(code.code, groups[code.group])


def check_statements(text: str, group: NeuronGroup) -> None:
    names = get_identifiers(text)
    for variable in group.variables.values():  # what a name stands for is checked with it
        if isinstance(variable, Subexpression) and variable.name in names:
            names |= get_identifiers(variable.expr)
    check_units_statements(text, group.resolve_all(names, run_namespace={}, user_identifiers=names))


def test_the_check_of_units_finds_a_wrong_one() -> None:
    """So that the test above can fail."""
    spec = parse_spec({"network": {"layers": [3, 4, 2]}, "run": {"backend": "numpy", "batch": 2}})
    emulator: Any = VirtualChip(spec)._emulator
    for wrong in ("soma = rate", "rate = tanh(soma)", "basal = basal_drive/g_basal"):
        with pytest.raises(DimensionMismatchError):
            check_statements(wrong, emulator._built.groups["layer_1"])
