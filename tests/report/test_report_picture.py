"""The picture of a run: written whole, complete, and drawn even from half a result."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import warnings

import attrs
import numpy as np
import pytest

from neurosim.errors import OutputError
from neurosim.report import draw_run
from neurosim.report.agreement import hidden_layers
from neurosim.report.curves import curves_of, epochs_of
from neurosim.report.phases import phases_of
from neurosim.report.picture import DPI, SIZE, compose
from neurosim.report.style import _apart, prefixed
from neurosim.result import Check, Result, Series, Trace


def words_of(figure) -> str:
    """All text in a figure."""
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def displacements_of(n_layers=2, n_samples=8, n_units=6):
    solved = np.random.default_rng(0).normal(size=(n_samples, n_units))
    return {f"layer_{l}": np.stack([solved * (1 + 1e-6), solved]) for l in range(1, n_layers + 1)}


def test_png(emulated, learned, tmp_path):
    path = tmp_path / "run.png"
    result = attrs.evolve(learned(), traces=emulated.traces)
    draw_run(
        result,
        path,
        displacements=displacements_of(),
        baseline=result.learning,
        others={"ideal": learned(learning={})},
    )
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == tuple(round(side * DPI) for side in SIZE)
    assert os.listdir(tmp_path) == ["run.png"]


def test_svg(emulated, tmp_path):
    path = tmp_path / "run.SVG"
    draw_run(emulated, path)
    assert "<svg" in path.read_text(encoding="utf-8")[:1000]


def test_panels_say_what_they_show(emulated, learned):
    result = attrs.evolve(emulated, learning=learned().learning, provenance=learned().provenance)
    baseline = {
        "train_loss": learned().learning["train_loss"],
        "DFA/train_loss": learned().learning["train_loss"],
    }
    words = words_of(compose(result, displacements=displacements_of(1), baseline=baseline))
    for said in (
        "soma (",
        "basal (",
        "apical (",
        "time (ms)",
        "settle",
        "learn",
        "BP 0.25",
        "DFA 0.25",
        "this run 92.5",
    ):
        assert said in words
    assert "No " not in words
    assert "1.0e−06 relative" in words


def test_missing_parts_are_said_in_words(learned):
    words = words_of(compose(Result(spec="", seed=0, backend="numpy")))
    for said in ("no train loss", "no test loss", "holds no traces", "No settled states", "unknown chip"):
        assert said in words
    assert "no dynamics" in words_of(compose(learned(backend="torch")))
    other = {"fdsoi": learned(learning={})}
    assert "not measured: fdsoi" in words_of(compose(learned(), others=other))


@pytest.mark.parametrize("part", ["layer_1", "layer_2", "controller"])
def test_each_part_of_the_traces_may_be_missing(emulated, part, tmp_path):
    traces = {name: variables for name, variables in emulated.traces.items() if name != part}
    draw_run(attrs.evolve(emulated, traces=traces), tmp_path / "a.png")


@pytest.mark.parametrize("variable", ["soma", "apical", "rate", "target"])
def test_each_variable_may_be_missing(emulated, variable):
    traces = {
        part: {name: trace for name, trace in variables.items() if name != variable}
        for part, variables in emulated.traces.items()
    }
    compose(attrs.evolve(emulated, traces=traces))


def test_a_diverged_run_is_drawn_and_named(diverged, tmp_path):
    draw_run(diverged, tmp_path / "a.png", displacements={"layer_1": np.full((2, 3, 4), np.nan)})
    title = compose(diverged).get_suptitle()
    assert "FAILED: diverged" in title
    assert "left all bounds" in title
    assert "done" not in title


def test_a_check_that_fell_short_is_in_the_title(learned):
    title = compose(learned(verification=(Check(name="update", value=1.0, tolerance=0.1),))).get_suptitle()
    assert "FELL SHORT: update" in title


def test_phases_come_from_the_spec(emulated):
    trace = emulated.traces["controller"]["target"]
    phases = phases_of(emulated, trace)
    assert phases.learn_from == pytest.approx(6e-3)  # 6 τ_u of 1 ms
    assert phases.end == pytest.approx(12e-3)
    assert not trace.values[:, : phases.learn_sample].any()
    assert trace.values[:, phases.learn_sample].any()
    without = attrs.evolve(emulated, provenance={})
    assert phases_of(without, trace).learn_from == pytest.approx(6e-3)  # from the traces' own interval


def test_only_the_first_of_several_presentations_is_drawn(emulated):
    trace = emulated.traces["layer_1"]["soma"]
    longer = attrs.evolve(trace, values=np.concatenate([trace.values] * 3, axis=1))
    assert phases_of(emulated, longer).count == trace.values.shape[1]


def test_the_output_layer_is_not_among_the_hidden(emulated):
    given = {**displacements_of(2), "empty": np.zeros((2, 0, 3))}
    assert list(hidden_layers(emulated, given)) == ["layer_1"]
    assert hidden_layers(emulated, None) == {}


def test_more_hidden_layers_than_panels(learned, tmp_path):
    result = learned(spec="")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns when the words leave no room for the panels
        draw_run(result, tmp_path / "a.png", displacements=displacements_of(5))
    words = words_of(compose(result, displacements=displacements_of(5)))
    assert "not drawn" in words
    assert "layer_4: 1.0e−06 relative" in words


def test_curves(learned):
    result = learned()
    nothing = Series(values=np.full(3, np.nan), axis="epoch")
    curves = list(curves_of("train_loss", result, {"test_loss": result.learning["test_loss"]}, {"a": result}))
    assert [curve.name for curve in curves] == ["this run", "a"]
    assert not list(curves_of("train_loss", learned(learning={"train_loss": nothing}), {}, {}))
    assert epochs_of(result.learning["test_loss"]).tolist() == [0, 1, 2, 3]
    assert epochs_of(result.learning["train_loss"]).tolist() == [1, 2, 3]


def test_labels_keep_apart_and_inside():
    rng = np.random.default_rng(0)
    for _ in range(100):
        places = _apart(sorted(rng.random(rng.integers(1, 12))), 0.08)
        assert np.diff(places).min(initial=1) >= 0.08 - 1e-12
        assert min(places) >= 0
        assert max(places) <= 1 + 1e-12
    assert _apart([0.2, 0.5], 0.1) == pytest.approx([0.2, 0.5])  # what does not touch stays
    assert _apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


def test_prefixed():
    values, unit = prefixed([0.03, np.inf], "V")
    assert (values[0], unit) == (30.0, "mV")
    assert np.isnan(values[1])
    assert prefixed([2.0], "1")[1] == ""


def test_a_trace_of_zeros_is_drawn(learned):
    silent = Trace(values=np.zeros((1, 120, 2)), unit="V", dt=1e-4)
    compose(learned(traces={"layer_1": {"soma": silent}, "controller": {"output": silent}}))


@pytest.mark.parametrize("name", ["run.pdf", "run", "missing/run.png", "folder.png", "a\0.png"])
def test_what_cannot_be_written(learned, tmp_path, name):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError) as caught:
        draw_run(learned(), f"{tmp_path}/{name}")
    assert name.replace("\0", "\\x00") in str(caught.value)  # unprintable characters are written out
    assert os.listdir(tmp_path) == ["folder.png"]


def test_importing_the_report_does_not_load_matplotlib():
    code = "import sys, neurosim.report; "
    code += "sys.exit(any(m in sys.modules for m in ('matplotlib', 'torch', 'brian2')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_pyplot_alone(learned):
    code = "import sys; from neurosim.report.picture import compose; from neurosim.result import Result; "
    code += "compose(Result(spec='', seed=0, backend='x')); sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
