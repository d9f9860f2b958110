"""µs per Euler step and chip: a lot of chips in compiled runs against one chip after the other in numpy.

    python -m tests.benchmarks.lot_time [--chips 1000] [--quick] [--json OUT]

run in the root of the repository. Every chip of 15-10-10-5 has its own draws and weights and learns from one sample at
a time. Whole calls are timed, with all that is worked out for each chip before and after its steps. That both give the
same weights is checked before anything is timed.
"""

from __future__ import annotations

import argparse
import time
from itertools import product
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Lot, Passage, VirtualChip, Weights
from neurosim.spec import MethodSettings, Network, Run, Spec

from .cases import Case, protocol
from .harness import Comparison, Measure, compare, write_report

LAYERS = (15, 10, 10, 5)
KINDS = {
    "ideal, mismatch": {"name": "ideal", "mismatch": True},
    "subthreshold_180nm, no noise": {"name": "subthreshold_180nm", "noise": False},
    "subthreshold_180nm": {"name": "subthreshold_180nm"},
}
"""Of chips."""
ONE, ALL, NUMPY = "lot, one core", "lot, all cores", "numpy, chip by chip"
AGREE = {"float64": 1e-9, "float32": 1e-5}
"""Largest relative difference of any weight from numpy's in float64: rounding alone is 1e-13, and 1e-6, after some
hundred steps."""
PERIOD = 100
"""Steps of a presentation, half of them with the controller."""


def spec_of(kind: dict[str, Any], seed: int, backend: str, precision: str = "float64") -> Spec:
    """One chip of a lot."""
    return Spec(
        network=Network(layers=LAYERS),
        method=MethodSettings(learning_rate=1e-3),
        run=Run(batch=1, backend=backend, precision=precision),
        chip={**kind, "seed": seed},
    )


def show(lot: Lot, stimulus: Stimulus, weights: list[Weights]) -> list[Passage]:
    """All chips, each with its weights."""
    shown = protocol(lot.chips[0].spec, settle=PERIOD // 2, learn=PERIOD // 2)
    return lot.show(stimulus, weights=weights[: len(lot.chips)], protocol=shown)


def measure_kind(
    kind: dict[str, Any], precision: str, *, chips: int, presentations: int, repeats: int
) -> Comparison:
    """Check that the engines agree, then time them in turns; the precision is the lot's."""
    case = Case(layers=LAYERS, batch=1)
    specs = [spec_of(kind, seed, "cpp", precision) for seed in range(1, chips + 1)]
    weights = [
        Weights.initial(attrs.evolve(spec, run=attrs.evolve(spec.run, seed=n)))
        for n, spec in enumerate(specs)
    ]
    lots = {ONE: Lot(specs, processes=1), ALL: Lot(specs)}
    alone = [VirtualChip(spec_of(kind, seed, "numpy")) for seed in (1, chips)]
    shown = protocol(specs[0], settle=PERIOD // 2, learn=PERIOD // 2)
    if not lots[ONE].chips[0].chip.noise:
        ends = show(lots[ONE], case.stimulus(2), weights)
        for place, chip in zip((0, -1), alone, strict=True):
            passage = chip.show(case.stimulus(2), weights=weights[place], protocol=shown)
            pairs = zip(ends[place].weights.forward, passage.weights.forward, strict=True)
            difference = max(relative_difference([pair]) for pair in pairs)
            if not difference <= AGREE[precision]:
                raise RuntimeError(f"the engines do not agree: {difference:.2g}")

    def of_lot(lot: Lot) -> Measure:
        def measure() -> float:
            start = time.perf_counter()
            show(lot, case.stimulus(presentations), weights)
            return 1e6 * (time.perf_counter() - start) / (presentations * PERIOD * chips)

        return measure

    def of_numpy() -> float:
        count = max(1, presentations // 10)
        start = time.perf_counter()
        for place, chip in zip((0, -1), alone, strict=True):
            chip.show(case.stimulus(count), weights=weights[place], protocol=shown)
        return 1e6 * (time.perf_counter() - start) / (count * PERIOD * len(alone))

    measures = {name: of_lot(lot) for name, lot in lots.items()} | {NUMPY: of_numpy}
    return compare(measures, repeats=repeats, baseline=ONE)


def main() -> None:
    """Measure all kinds of chips."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chips", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="few, short samples: to see that it works")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    settings = {
        "chips": arguments.chips,
        "presentations": 10 if arguments.quick else 100,
        "repeats": 3 if arguments.quick else 5,
    }
    table = Table(
        title=f"{arguments.chips} chips of {'-'.join(map(str, LAYERS))}: µs a step and chip, median"
    )
    for heading in ("chips", *(x for name in (ONE, ALL, NUMPY) for x in (name, f"÷ {ONE}"))):
        table.add_column(heading)
    found = []
    for (kind_name, kind), precision in product(KINDS.items(), AGREE):
        name = f"{kind_name}, {precision}"
        comparison = measure_kind(kind, precision, **settings)
        times, ratios = comparison.times(), comparison.ratios()
        cells = [
            f"{times[one].median:.3g}"
            if number == 0
            else f"{ratios[one].median:.3g}"
            if one in ratios
            else ""
            for one in (ONE, ALL, NUMPY)
            for number in (0, 1)
        ]
        table.add_row(name, *cells)
        found.append({"name": name, "unit": "µs per Euler step and chip", **comparison.table()})
        if arguments.json:
            write_report(arguments.json, benchmark="lot_time", settings=settings, cases=found)
    Console().print(table)


if __name__ == "__main__":
    main()
