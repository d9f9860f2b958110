"""The numbers of figures and tables in words, beside those of the paper; computes nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from common import Arrays, print_table, spread, summary

from meulemans_2021.alignment import Plan, averaged
from meulemans_2021.benchmarks import UNITS, Budget, outcome
from meulemans_2021.measures import NAMES
from meulemans_2021.settings import ROWS, Setting

PAPER_1: dict[str, tuple[str, ...]] = {
    "MNIST": (
        "2.08 ± 0.15",
        "2.25 ± 0.094",
        "2.18 ± 0.16",
        "2.29 ± 0.097",
        "2.47 ± 0.12",
        "2.46 ± 0.11",
        "2.39 ± 0.22",
        "2.69 ± 0.11",
    ),
    "Fashion-MNIST": (
        "10.60 ± 0.34",
        "11.17 ± 0.27",
        "11.28 ± 0.27",
        "11.15 ± 0.32",
        "11.62 ± 0.30",
        "11.44 ± 0.14",
        "11.55 ± 0.42",
        "11.38 ± 0.25",
    ),
    "MNIST-autoencoder": (
        "9.42 ± 0.09",
        "11.28 ± 0.18",
        "11.27 ± 0.09",
        "11.21 ± 0.04",
        "33.37 ± 0.60",
        "31.90 ± 0.77",
        "32.31 ± 0.37",
        "29.95 ± 0.36",
    ),
    "MNIST (train loss)": (
        "1.53 ± 0.19 e-7",
        "7.61 ± 0.65 e-8",
        "4.89 ± 1.26 e-8",
        "4.80 ± 0.70 e-8",
        "1.30 ± 0.15 e-6",
        "1.73 ± 0.39 e-6",
        "1.67 ± 0.70 e-6",
        "7.09 ± 1.11 e-7",
    ),
}
"""Table 1, in the order of `ROWS`."""
PAPER_2: dict[str, dict[str, str]] = {
    "λ = 0.001": {"DFC-SS": "2.26 ± 0.11", "DFC": "2.29 ± 0.04"},
    "λ = 0.01": {"DFC-SS": "2.25 ± 0.05", "DFC": "2.31 ± 0.04"},
    "λ = 0.1": {"DFC-SS": "2.27 ± 0.07", "DFC": "2.30 ± 0.06"},
    "λ = 0.5": {"DFC-SS": "2.31 ± 0.15", "DFC": "2.34 ± 0.15"},
    "α = 0.0001": {"DFC-SS": "2.31 ± 0.12", "DFC": "2.28 ± 0.06"},
    "α = 0.001": {"DFC-SS": "2.28 ± 0.15", "DFC": "2.31 ± 0.11"},
    "α = 0.01": {"DFC-SS": "2.26 ± 0.05", "DFC": "2.32 ± 0.12"},
    "α = 0.1": {"DFC-SS": "2.28 ± 0.11", "DFC": "2.34 ± 0.16"},
}


def described(plan: Plan, seeds: Sequence[int]) -> str:
    """What was run, for a caption; the paper has 5000 samples and 300 epochs."""
    setting = plan.setting
    samples = plan.samples or 5000
    return (
        f"student–teacher {'-'.join(map(str, setting.layers))}, {samples} samples, {setting.epochs} epochs "
        f"(paper: 5000, 300), {len(seeds)} seed(s); mean ± deviation\nover {plan.window} epochs and "
        f"{plan.batches} batches. DFC: {setting.steps} steps of {setting.dt:g} τ_u (paper: 1000 of 0.005); "
        "DFC-SS: its steady state, solved.\n"
        f"η = {setting.rates['DFC']:.3g} with λ per sample; updates are means over the batch of single samples'."
    )


def figure_3(lines: Mapping[str, Sequence[Arrays]], plan: Plan, seeds: Sequence[int]) -> dict[str, Any]:
    """Every measure at the end, averaged over the last window."""
    names = (*NAMES, "angle_mn_strict")
    found = {
        row: {name: _last(histories, name, plan.window) for name in names} for row, histories in lines.items()
    }
    losses = {
        row: [float(history["test_loss"][i]) for history in histories for i in (0, -1)]
        for row, histories in lines.items()
    }
    head = (
        "variant",
        "cond. 2",
        "∠ MN",
        "∠ MN strict",
        "cond. 1",
        "∠ GN",
        "max Re eig",
        "∠ SSA",
        "test loss",
    )
    shown = (
        "condition_2",
        "angle_mn",
        "angle_mn_strict",
        "condition_1",
        "angle_gn",
        "largest_real_part",
        "angle_ssa",
    )
    rows = [
        [
            row,
            *(f"{found[row][name][0]:.3g}" for name in shown),
            f"{losses[row][0]:.3g} → {losses[row][1]:.3g}",
        ]
        for row in lines
    ]
    print_table(
        "Figure 3 at the end (means over the last window)",
        head,
        rows,
        note="Paper, read from its text: condition 2 near 1 and a small angle to MN where feedback is learned, "
        "both worse where it is fixed; stable.",
    )
    return {"plan": described(plan, seeds), "seeds": list(seeds), "last": found, "test_loss": losses}


def figure_4(
    by_stepsize: Mapping[float, Sequence[Arrays]],
    by_leak: Mapping[float, Sequence[Arrays]],
    plan: Plan,
    seeds: Sequence[int],
) -> dict[str, Any]:
    """The angles at the end."""
    found = {
        symbol: {
            f"{value:g}": _last(histories, "angle_mn", plan.window) for value, histories in lines.items()
        }
        for symbol, lines in (("λ", by_stepsize), ("α", by_leak))
    }
    rows = [
        [f"{symbol} = {value}", f"{mean:.2f} ± {deviation:.2f}"]
        for symbol, lines in found.items()
        for value, (mean, deviation) in lines.items()
    ]
    print_table(
        "Figure 4: angle to weighted MN at the end, degrees",
        ("value", f"{plan.fourth}, measured"),
        rows,
        note="Paper, in words: robust for λ in 1e-3…1e-1 and α in 1e-4…1e-1, worse with λ = 0.5 (clamped).",
    )
    return {"plan": described(plan, seeds), "seeds": list(seeds), "last": found}


def _last(histories: Sequence[Arrays], name: str, window: int) -> tuple[float, float]:
    """Mean and deviation over the last window of all seeds; NaN where one of them diverged."""
    if any(bool(history["ended"]) for history in histories):
        return float("nan"), float("nan")
    mean, deviation = averaged([history[name] for history in histories], window)
    return float(mean[-1]), float(deviation[-1])


def entry(column: str, setting: Setting, histories: Sequence[Arrays], seeds: Sequence[int]) -> dict[str, Any]:
    """A cell of a table with how long an epoch took."""
    seconds = np.concatenate([history["seconds"][1:] for history in histories])
    unsettled = np.concatenate([history["unsettled"][1:] for history in histories])
    return {
        **summary([outcome(column, setting, history) for history in histories]),
        "seeds": list(seeds),
        "seconds_per_epoch": float(seconds.mean()) if len(seconds) else None,
        "unsettled": float(unsettled.max()) if len(unsettled) else None,
    }


def print_table_1(
    table: Mapping[str, Mapping[str, Any]], budget: Budget, *, quick: bool, seeds: Sequence[int]
) -> None:
    """One table a column: the paper's number beside the measured one."""
    for column, cells in table.items():
        if "missing" in cells:
            continue
        unit, factor = UNITS.get(column, ("%", 1.0))
        rows = []
        for row, paper in zip(ROWS, PAPER_1[column], strict=True):
            if row in cells:
                cell = cells[row]
                measured = spread([factor * value for value in cell["values"]])
                rows.append([row, paper, measured, f"{cell['seconds_per_epoch'] or 0:.1f}"])
        print_table(
            f"Table 1, {column} {unit}".rstrip(),
            ("method", "paper", "measured", "s/epoch"),
            rows,
            note=_budget_note(budget, quick, seeds),
        )


def print_table_2(
    table: Mapping[str, Mapping[str, Any]],
    methods: Sequence[str],
    budget: Budget,
    *,
    quick: bool,
    seeds: Sequence[int],
) -> None:
    """Paper and measured side by side for each method."""
    head = ["value", *(f"{method}, {what}" for method in methods for what in ("paper", "measured"))]
    rows = [
        [value, *(text for m in methods for text in (PAPER_2[value][m], spread(cells[m]["values"])))]
        for value, cells in table.items()
    ]
    print_table("Table 2, MNIST, test error %", head, rows, note=_budget_note(budget, quick, seeds))


def print_chip(found: Sequence[Mapping[str, float]]) -> None:
    """The row on the chip."""
    rows = [
        [
            "DFC (fixed), MNIST",
            PAPER_1["MNIST"][list(ROWS).index("DFC (fixed)")],
            spread([f["test_error"] for f in found]),
            f"{np.mean([f['seconds'] for f in found]):.0f}",
        ]
    ]
    print_table("On the emulated chip, test error %", ("row", "paper", "measured", "s"), rows)


def _budget_note(budget: Budget, quick: bool, seeds: Sequence[int]) -> str:
    """Where this run differs from the paper's."""
    parts = []
    if budget.epochs is not None:
        parts.append(f"{budget.epochs} epoch(s) instead of 100 (autoencoder: 25)")
    if budget.train:
        parts.append(f"{budget.train} training images instead of 55000")
    if budget.pretraining is not None:
        parts.append(f"{budget.pretraining} pass(es) of feedback learning before, instead of 10–20")
    if budget.night_factor != 1:
        parts.append(f"η_Q times {budget.night_factor:g}")
    if budget.divisor > 1:
        parts.append(f"hidden layers {budget.divisor} times narrower")
    if budget.steps is not None:
        parts.append(f"DFC in {budget.steps} steps instead of 300–1000")
    parts.append(f"{len(seeds)} seed(s), paper 5")
    return ("QUICK, not comparable: " if quick else "This run: ") + "; ".join(parts) + "."
