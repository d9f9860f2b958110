"""Meulemans, Tristany Farinha, Garcia Ordonez, Aceituno, Sacramento and Grewe 2021,
"Credit Assignment in Neural Networks through Deep Feedback Control":
figures 2, 3 and 4 and tables 1 and 2 with neurosim. Parts: figure_2 figure_3 figure_4 table_1 table_2 chip

    python Meulemans_2021.py --quick                                       minutes, smaller in every respect
    python Meulemans_2021.py --only table_1 --epochs 2 --seeds 1 --rows BP DFC-SSA --columns MNIST
    python Meulemans_2021.py                                               as in the paper: days on a CPU

DFC-SS is trained by its steady state, solved (autoencoder: simulated); DFC is simulated.
Every run goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import attrs
from common import (
    Arrays,
    Settings,
    device_context,
    guarded,
    key_of,
    parse,
    read_results,
    resumable,
    write_results,
)
from meulemans_2021 import alignment, benchmarks, drawn, figure_2, reported
from meulemans_2021.settings import COLUMNS, ROWS

from neurosim.errors import DataError
from neurosim.report.progress import Progress

MOST_IMAGES = 55_000
"""What 5000 images for validation leave of 60 000."""
PARTS = ("figure_2", "figure_3", "figure_4", "table_1", "table_2", "chip")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only this script has."""
    sizes = parser.add_argument_group("budget; default: the paper's, or that of --quick")
    sizes.add_argument(
        "--epochs", type=_positive, metavar="N", help="instead of 100, autoencoder 25, figures 300"
    )
    sizes.add_argument("--train", type=_images, metavar="N", help=f"training images instead of {MOST_IMAGES}")
    sizes.add_argument("--pretrain", type=_positive, metavar="N", help="passes of feedback learning before")
    sizes.add_argument("--rows", nargs="+", metavar="ROW", choices=ROWS, help="of " + ", ".join(ROWS))
    sizes.add_argument(
        "--columns", nargs="+", metavar="COLUMN", choices=COLUMNS, help="of " + ", ".join(COLUMNS)
    )
    parser.add_argument(
        "--chip", action="store_true", help="DFC (fixed) of table 1 on the emulated chip, too"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1, got {text!r}")
    return int(text)


def _images(text: str) -> int:
    number = _positive(text)
    if number > MOST_IMAGES:
        raise argparse.ArgumentTypeError(f"expected at most {MOST_IMAGES}, got {text}")
    return number


def main() -> None:
    """All parts that were asked for."""
    settings = parse(__doc__, parts=PARTS, seeds=(1, 5), add=add_arguments)
    results = read_results(settings.folder)
    results["scale"] = "quick" if settings.quick else "full"
    work: dict[str, Callable[[Settings, Progress], Any]] = {
        "figure_2": do_figure_2,
        "figure_3": do_figure_3,
        "figure_4": do_figure_4,
        "table_1": do_table_1,
        "table_2": do_table_2,
        "chip": do_chip,
    }
    with Progress() as progress, device_context():
        for part in PARTS:
            asked = settings.options.chip or part in settings.only if part == "chip" else settings.wants(part)
            if asked:
                results[part] = work[part](settings, progress)
                write_results(settings.folder, results)
    print(f"figures and results.json are in {settings.folder}")


def do_figure_2(settings: Settings, progress: Progress) -> Any:
    """How wide the space of good feedback is."""
    number = 2000
    key = key_of("figure_2", seed=1, number=number, layers=figure_2.LAYERS)
    space = resumable(
        settings.kept, key, lambda: figure_2.draw_space(seed=1, number=number), fresh=settings.fresh
    )
    caption = f"Figure 2: 5-2-2 network, {number} random Q that fulfil conditions 2 and 3, unit norm."
    figure_2.draw_figure(space, settings.folder, caption=caption)
    return {"number": number, "explained": space["explained"], "accepted": float(space["accepted"])}


def plan_of(settings: Settings) -> alignment.Plan:
    """How large figures 3 and 4 are after the command line."""
    plan = alignment.QUICK if settings.quick else alignment.FULL
    epochs = settings.options.epochs
    return attrs.evolve(plan, setting=attrs.evolve(plan.setting, epochs=epochs)) if epochs else plan


def do_figure_3(settings: Settings, progress: Progress) -> Any:
    """Conditions, angles and stability while six variants learn."""
    plan = plan_of(settings)
    wanted = settings.options.rows
    variants = [row for row in alignment.VARIANTS if not wanted or row in wanted]
    if not variants:
        print("figure 3: left out, as --rows names none of its lines", file=sys.stderr)
        return {}
    lines = {
        row: [
            alignment.learn(plan, row, seed, kept=settings.kept, fresh=settings.fresh, tell=progress)
            for seed in settings.seeds
        ]
        for row in variants
    }
    caption = "Figure 3: " + reported.described(plan, settings.seeds)
    drawn.draw_third(lines, settings.folder, window=plan.window, caption=caption)
    return reported.figure_3(lines, plan, settings.seeds)


def do_figure_4(settings: Settings, progress: Progress) -> Any:
    """The angle to MN for other λ and α."""
    plan = plan_of(settings)

    def histories(**changed: float) -> list[Arrays]:
        return [
            alignment.learn(
                plan, plan.fourth, seed, kept=settings.kept, fresh=settings.fresh, tell=progress, **changed
            )
            for seed in settings.seeds
        ]

    by_stepsize = {value: histories(stepsize=value) for value in alignment.STEPSIZES}
    by_leak = {value: histories(leak=value) for value in alignment.LEAKS}
    caption = f"Figure 4 ({plan.fourth}): " + reported.described(plan, settings.seeds)
    drawn.draw_fourth(by_stepsize, by_leak, settings.folder, window=plan.window, caption=caption)
    return reported.figure_4(by_stepsize, by_leak, plan, settings.seeds)


def budget_of(settings: Settings) -> benchmarks.Budget:
    """The budget of the tables after the command line."""
    options = settings.options
    budget = benchmarks.QUICK if settings.quick else benchmarks.PAPER
    changes = {"epochs": options.epochs, "train": options.train, "pretraining": options.pretrain}
    return attrs.evolve(budget, **{name: value for name, value in changes.items() if value is not None})


def do_table_1(settings: Settings, progress: Progress) -> Any:
    """Errors and losses of all methods; a column whose data are missing is left out and named."""
    budget, options = budget_of(settings), settings.options
    columns = options.columns or tuple(benchmarks.QUICK_ROWS if settings.quick else COLUMNS)
    table: dict[str, dict[str, Any]] = {}
    for column in columns:
        setting = budget.applied(COLUMNS[column])
        try:
            split = benchmarks.load_images(setting, budget)
        except DataError as error:
            print(f"table 1, {column}: left out\n{error}", file=sys.stderr)
            table[column] = {"missing": str(error)}
            continue
        table[column] = {}
        for row in options.rows or (benchmarks.QUICK_ROWS.get(column, ROWS) if settings.quick else ROWS):
            histories = [
                benchmarks.learn(
                    setting,
                    split,
                    row,
                    seed,
                    column=column,
                    kept=settings.kept,
                    fresh=settings.fresh,
                    tell=progress,
                )
                for seed in settings.seeds
            ]
            table[column][row] = reported.entry(column, setting, histories, settings.seeds)
    reported.print_table_1(table, budget, quick=settings.quick, seeds=settings.seeds)
    return {"budget": attrs.asdict(budget), "columns": table}


def do_table_2(settings: Settings, progress: Progress) -> Any:
    """Errors on MNIST with other λ and α."""
    budget = budget_of(settings)
    setting = budget.applied(COLUMNS["MNIST"])
    try:
        split = benchmarks.load_images(setting, budget)
    except DataError as error:
        print(f"table 2: left out\n{error}", file=sys.stderr)
        return {"missing": str(error)}
    wanted = settings.options.rows
    rows = [row for row in ("DFC-SS", "DFC") if not wanted or row in wanted]
    if not rows:
        print("table 2: left out, as --rows names none of DFC-SS, DFC", file=sys.stderr)
        return {}
    stepsizes = benchmarks.QUICK_STEPSIZES if settings.quick else benchmarks.STEPSIZES
    leaks = benchmarks.QUICK_LEAKS if settings.quick else benchmarks.LEAKS
    varied: dict[str, tuple[tuple[float, ...], Callable[[float], dict[str, float]]]] = {
        "λ": (stepsizes, lambda v: {"stepsize": v, "leak": benchmarks.OTHER_LEAK}),
        "α": (leaks, lambda v: {"stepsize": benchmarks.OTHER_STEPSIZE, "leak": v}),
    }
    table: dict[str, dict[str, Any]] = {}
    for symbol, (values, changed) in varied.items():
        for value in values:
            for row in rows:
                histories = [
                    benchmarks.learn(
                        setting,
                        split,
                        row,
                        seed,
                        column="MNIST",
                        kept=settings.kept,
                        fresh=settings.fresh,
                        tell=progress,
                        **changed(value),
                    )
                    for seed in settings.seeds
                ]
                cell = reported.entry("MNIST", setting, histories, settings.seeds)
                table.setdefault(f"{symbol} = {value:g}", {})[row] = cell
    reported.print_table_2(table, rows, budget, quick=settings.quick, seeds=settings.seeds)
    return {"budget": attrs.asdict(budget), "rows": table}


def do_chip(settings: Settings, progress: Progress) -> Any:
    """One row of table 1 as an emulation of the chip."""
    budget = budget_of(settings)
    progress("MNIST DFC (fixed) on the chip", 0, 1)
    found = [benchmarks.learn_on_chip(budget, seed) for seed in settings.seeds]
    reported.print_chip(found)
    return found


if __name__ == "__main__":
    raise SystemExit(guarded(main, name="Meulemans_2021.py"))
