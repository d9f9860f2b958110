"""The benchmark's loops compute what the emulation computes; its report has its shape. Nothing is timed."""

import json
from itertools import count

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip

from .cases import Case, protocol
from .harness import Quartiles, compare, write_report
from .numpy_loop import VARIANTS, NumpyLoop
from .picture import draw_ratios
from .step_time import check_agreement, disagreements

CASE = Case(layers=(5, 4, 4, 3), batch=3)


@pytest.mark.cpp
@pytest.mark.parametrize("batch", [1, 3])
def test_every_loop_agrees_with_the_emulation(batch: int) -> None:
    """Rounding over 100 steps is 1e-13, and 1e-6 in single precision; an error in a step is > 1e-3."""
    found = disagreements(attrs.evolve(CASE, batch=batch), backend="numpy")
    assert len(found) == len(VARIANTS) + 5
    check_agreement(found)


def test_a_loop_that_computes_something_else_is_found() -> None:
    check_agreement({"numpy": 1e-10, "torch, float32": 1e-5})
    with pytest.raises(RuntimeError, match="numpy, 1e-05"):
        check_agreement({"numpy": 1e-5})


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_controller_ends_where_the_emulation_ends(variant: str) -> None:
    shown, stimulus = protocol(CASE.spec, settle=10, learn=25), CASE.stimulus(2)
    passage = VirtualChip(CASE.spec, backend="numpy").show(stimulus, weights=CASE.weights, protocol=shown)
    loop = NumpyLoop(CASE.spec, CASE.weights, columns=CASE.batch, variant=variant)
    loop.run(stimulus, shown)
    for name in ("target", "error", "integrator", "output"):
        np.testing.assert_allclose(getattr(loop, name).T, passage.endings[name][-1], rtol=1e-9, atol=1e-12)


def test_measures_are_taken_in_turns() -> None:
    calls: list[str] = []

    def measure(name: str) -> float:
        calls.append(name)
        return {"a": 2.0, "b": 6.0, "c": 1.0}[name]

    measures = {name: (lambda name=name: measure(name)) for name in "abc"}
    comparison = compare(measures, repeats=3, baseline="a")
    assert calls == list("abcbcacab")
    assert comparison.ratios()["b"].median == 3.0
    assert "a" not in comparison.ratios()


def test_ratios_are_taken_round_by_round() -> None:
    slow, fast = count(1), count(1)
    comparison = compare(
        {"slow": lambda: 10.0 * next(slow), "fast": lambda: float(next(fast))}, repeats=4, baseline="fast"
    )
    quartiles = comparison.ratios()["slow"]
    assert (quartiles.q1, quartiles.median, quartiles.q3) == (10.0, 10.0, 10.0)


def test_a_picture_of_ratios_is_drawn(tmp_path) -> None:
    ratio = Quartiles(median=2.0, q1=1.5, q3=3.0)
    found = {"small/b1": {"a": ratio, "b": ratio}, "large/b1": {"a": ratio}}
    draw_ratios(found, tmp_path / "ratios.png", baseline="emulation", title="time")
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_report_names_the_machine_and_the_samples(tmp_path) -> None:
    comparison = compare({"a": lambda: 1.0, "b": lambda: 2.0}, repeats=2, baseline="a")
    path = tmp_path / "report.json"
    write_report(path, benchmark="test", settings={"repeats": 2}, cases=[{"x": comparison.table()}])
    report = json.loads(path.read_text())
    assert set(report) == {"benchmark", "command", "machine", "settings", "cases"}
    assert {"cpu", "cores_usable", "load_average", "date", "versions", "blas"} <= set(report["machine"])
    case = report["cases"][0]["x"]
    assert case["samples"] == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert case["times"]["b"] == {"median": 2.0, "q1": 2.0, "q3": 2.0}
    assert case["ratios_to_baseline"]["b"]["median"] == 2.0
