"""The specs that ship, and every method in the one that promises to take them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.io import read_result
from neurosim.learning import METHODS
from neurosim.spec import read_spec
from tests.cli.conftest import Cli, assert_refused

SPECS = sorted((Path(__file__).parents[2] / "examples" / "specs").glob("*.toml"))
STUDENT_TEACHER = next(path for path in SPECS if path.name == "student_teacher.toml")


def test_the_promised_specs_are_there():
    promised = {"digits", "student_teacher", "digits_chip", "mnist", "fashion_mnist"}
    assert promised <= {path.stem for path in SPECS}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_reads_and_its_equations_print(cli: Cli, path: Path):
    spec = read_spec(path)
    outcome = cli("equations", path)
    if not METHODS[spec.method.name].dynamical:
        assert_refused(outcome, "has no dynamics")
        return
    assert (outcome.status, outcome.err) == (0, "")
    parameters = [line for line in outcome.out.splitlines() if line.startswith("    V_unit = ")]
    assert parameters
    assert all(" volt " in line for line in parameters)
    for unit in ("siemens", "amp", "farad"):
        assert f" {unit} " in outcome.out
    assert "radian" not in outcome.out
    layers = spec.network.depth
    assert f"[layer_{layers}]  {spec.network.layers[-1]} × {spec.run.batch}" in outcome.out
    assert f"layer_{layers}.basal_drive = synapses_{layers}.weight · layer_{layers - 1}.rate" in outcome.out


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.dynamical])
def test_equations_refuse_methods_without_dynamics(cli: Cli, method: str):
    outcome = cli("equations", STUDENT_TEACHER, "--set", f"method.name={method}")
    assert_refused(outcome, f"{method} has no dynamics", "method.name", "one of DI", "remedy")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_in_student_teacher(cli: Cli, method: str):
    changes = {
        "method.name": method,
        # with so few samples feedback has no time to be learned from nothing
        "method.initial_feedback": "transpose",
        "method.sleep.pretraining_epochs": 2,
        "task.train_samples": 64,
        "task.test_samples": 32,
        "run.epochs": 1,
        "run.verify_samples": 0,  # tests/systems/test_every_method.py verifies them, on networks that settle fast
    }
    options = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    outcome = cli("run", STUDENT_TEACHER, "--backend", "numpy", "--quiet", *options)
    assert outcome.status == 0, outcome.err
    result = read_result("results/student_teacher.h5")
    assert f'name = "{method}"' in result.spec
    loss = result.learning["test_loss"].values
    assert loss[-1] < loss[0]
