"""What a terminal shows: a failure never reads like a success."""

from __future__ import annotations

import io
import math

import attrs
import pytest
from rich.console import Console

from neurosim.report import print_summary, print_verification
from neurosim.result import NOT_SETTLED, Check, Result, Status


def printed(show, *args, width=140, colour=False, **kwargs) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    show(*args, console, **kwargs)
    return stream.getvalue()


def test_verification_marks(checks):
    text = printed(print_verification, (*checks, Check(name="rest state", value=2.0, tolerance=1.0)))
    rows = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "✓" in rows["steady state"]
    assert "[solved]" in rows["steady state"]  # no rich markup in what others wrote
    assert "informs" in rows["angle"]
    assert "✗" in rows["rest state"]
    assert "FELL SHORT: 1 of 2 checks: rest state" in text


def test_nan_never_passes():
    text = printed(print_verification, (Check(name="order", value=math.nan, tolerance=1.0),))
    assert "✗" in text
    assert "NaN" in text


def test_nothing_verified_is_said():
    assert "nothing was verified" in printed(print_verification, ())
    informing = (Check(name="angle", value=1.0, tolerance=2.0, gating=False),)
    assert "not verified" in printed(print_verification, informing)


def test_summary_of_a_good_run(learned):
    text = printed(
        print_summary, learned(), baseline={"name": "BP", "train_loss": 0.2, "test_accuracy": 0.95}
    )
    for words in ("done, verified", "subthreshold_180nm, DFC", "30 mV", "1 nA", "1 ms", "20 µs"):
        assert words in text
    for words in ("BP", "92.50 %", "95.00 %", "0.25", "2.76 ms", "-0.37 /τ_u, stable", "12.5 s", "5.0 min"):
        assert words in text
    assert "FAILED" not in text


def test_given_weights_are_named_and_what_was_clipped_of_them(learned):
    result = learned()
    assert "weights from" not in printed(print_summary, result)
    facts = {**result.provenance, "weights_file": "/a/b.npz", "weights_clipped": 0.0}
    text = printed(print_summary, attrs.evolve(result, provenance=facts))
    assert "/a/b.npz" in text
    assert "clipped" not in text
    facts["weights_clipped"] = 0.125
    facts["weights_without"] = "biases_1"
    assert "no biases_1: 0" in printed(print_summary, attrs.evolve(result, provenance=facts))
    assert "12.5 % are beyond" in printed(print_summary, attrs.evolve(result, provenance=facts))


def test_failure_comes_first_and_red(diverged, learned):
    unsettled = learned(status=Status(kind=NOT_SETTLED, message="still moving"))
    for result in (diverged, unsettled):
        text = printed(print_summary, result, colour=True)
        head = text[: text.index(result.status.message)]
        assert f"RUN FAILED: {result.status.kind}" in head
        assert "\x1b[1;31m" in head
        assert "done" not in printed(print_summary, result)


def test_a_run_that_ended_well_but_fell_short_does_not_look_good(learned):
    short = (Check(name="trajectory", value=1.0, tolerance=1e-9),)
    text = printed(print_summary, learned(verification=short))
    assert "CHECKS FELL SHORT" in text.splitlines()[1]
    assert "done" not in text


def test_unverified_and_unstable_are_said(learned):
    result = learned(verification=(), provenance={"max_real_eigenvalue": 0.2})
    text = printed(print_summary, result)
    assert "done, not verified" in text
    assert "0.2 /τ_u, UNSTABLE" in text


@pytest.mark.parametrize("missing", ["learning", "verification", "provenance", "spec"])
def test_each_part_may_be_missing(learned, missing):
    empty = {"learning": {}, "verification": (), "provenance": {}, "spec": ""}[missing]
    for baseline in (None, {}, {"test_accuracy": math.nan}):
        printed(print_summary, learned(**{missing: empty}), baseline=baseline, width=60)


def test_bare_and_emulated_results(emulated):
    text = printed(print_summary, Result(spec="", seed=0, backend="numpy"))
    assert "chip unknown" in text
    assert "20 µs" in printed(print_summary, emulated)
    assert "25 % of presentations" in printed(
        print_summary, attrs.evolve(emulated, status=Status(saturated=0.25))
    )
