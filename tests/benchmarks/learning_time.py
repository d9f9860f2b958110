"""How fast whole presentations are learned from, how that grows, and how soon a compiled model starts.

    python -m tests.benchmarks.learning_time [--quick] [--only 15-10] [--json OUT]

run in the root of the repository. Whole calls are timed, from handing over data and weights to having the new weights,
against an eager torch loop of the same steps in the same process; on one thread each, but for the row that says so.
That all learn the same is checked before anything is timed. Memory is what the compiled program itself takes beside the
files that it reads.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip
from neurosim.spec import Protocol, Spec

from .cases import Case, chosen, protocol
from .harness import Comparison, Measure, compare, write_report
from .step_time import Loop, largest_difference, single
from .torch_loop import TorchLoop

CASES = (Case(layers=(15, 10, 10, 5), batch=128), Case(layers=(784, 256, 256, 256, 10), batch=32))
EMULATION, SINGLE = "emulation", "emulation, float32"
CORES = "emulation, float32, all cores"
TORCH, TORCH_SINGLE = "torch", "torch, float32"
FORWARD_BELOW = 1e-6
"""Units of activity. Chosen: a thousandth of what the controller moves rates by at the default target step size."""
AGREE = 1e-3
"""Largest difference of any weight change from the emulation's in float64, over the largest change."""


PROGRAM = "main"
"""Name of a compiled emulation."""


@attrs.frozen(kw_only=True)
class Effort:
    """How much is measured."""

    repeats: int
    goal: float
    """s that torch takes for one sample, about."""
    phase: int
    """Steps of each of the two phases of a presentation."""
    growth: tuple[int, ...]
    """Presentations whose time and memory are told."""


FULL = Effort(repeats=5, goal=6.0, phase=150, growth=(1000, 10_000, 60_000))
QUICK = Effort(repeats=3, goal=1.0, phase=150, growth=(1000, 4000))


def phases(spec: Spec, steps: int) -> Protocol:
    """A presentation of two phases of so many steps."""
    return protocol(spec, settle=steps, learn=steps)


def chips_of(case: Case) -> dict[str, VirtualChip]:
    """The emulation in both precisions, and on all cores."""
    specs = {EMULATION: case.spec, SINGLE: single(case.spec), CORES: on_all_cores(single(case.spec))}
    return {name: VirtualChip(spec) for name, spec in specs.items()}


def on_all_cores(spec: Spec) -> Spec:
    """The same on as many cores as there are."""
    return attrs.evolve(spec, run=attrs.evolve(spec.run, cores=0))


def throughput(case: Case, chips: Mapping[str, VirtualChip], effort: Effort) -> tuple[float, Comparison]:
    """Largest difference of a weight change in float32, and samples per second of each implementation."""
    shown = phases(case.spec, effort.phase)
    torches = {
        TORCH: TorchLoop(case.spec, case.weights, columns=case.batch),
        TORCH_SINGLE: TorchLoop(case.spec, case.weights, columns=case.batch, precision="float32"),
    }
    differences = _differences(case, shown)
    for name, difference in differences.items():
        if not difference <= AGREE:
            raise RuntimeError(f"{name} learns something else: {difference:.2g}")
    runs = {name: _emulated(case, chip, shown) for name, chip in chips.items()}
    runs |= {name: _looped(loop, case, shown) for name, loop in torches.items()}
    measures: dict[str, Measure] = {}
    for name, run in runs.items():
        once = run(2)
        presentations = max(2, round(2 * effort.goal / once / (1 if name in torches else 4)))
        measures[name] = lambda run=run, n=presentations: n * case.batch / run(n)
    return differences[SINGLE], compare(measures, repeats=effort.repeats, baseline=EMULATION)


def _differences(case: Case, shown: Protocol) -> dict[str, float]:
    fast = attrs.evolve(case.spec, method=attrs.evolve(case.spec.method, learning_rate=0.1))
    stimulus, before = case.stimulus(3), case.weights

    def after(spec: Spec) -> tuple[Any, ...]:
        weights = VirtualChip(spec).show(stimulus, weights=before, protocol=shown).weights
        return *weights.forward, *weights.biases

    loop = TorchLoop(fast, before, columns=case.batch)
    loop.run(stimulus, shown)
    expected, start = after(fast), (*before.forward, *before.biases)
    torch = (*loop.forward, *(bias[:, 0] for bias in loop.biases))
    return {
        SINGLE: largest_difference(after(single(fast)), expected, start),
        CORES: largest_difference(after(on_all_cores(single(fast))), expected, start),
        TORCH: largest_difference(torch, expected, start),
    }


def _emulated(case: Case, chip: VirtualChip, shown: Protocol) -> Any:
    def run(presentations: int) -> float:
        stimulus = case.stimulus(presentations)
        start = time.perf_counter()
        chip.show(stimulus, weights=case.weights, protocol=shown)
        return time.perf_counter() - start

    return run


def _looped(loop: Loop, case: Case, shown: Protocol) -> Any:
    def run(presentations: int) -> float:
        stimulus = case.stimulus(presentations)
        start = time.perf_counter()
        loop.run(stimulus, shown)
        return time.perf_counter() - start

    return run


def growth(case: Case, chip: VirtualChip, effort: Effort) -> list[dict[str, Any]]:
    """Seconds and bytes for more presentations, for longer ones and for more samples to choose from."""
    rows = []

    def add(what: str, number: int, stimulus: Stimulus, shown: Protocol, **how: Any) -> None:
        with peak_of_children() as peak:
            passage = chip.show(stimulus, weights=case.weights, protocol=shown, **how)
        rows.append({"what": what, "number": number, "seconds": passage.wall_seconds, "bytes": peak[0]})

    short = phases(case.spec, 2)
    for presentations in effort.growth:
        add("presentations of 4 steps", presentations, case.stimulus(presentations), short)
    for what, below in (("", 0.0), (", what rests is passed", FORWARD_BELOW)):
        for factor in (1, 4, 16):
            steps, twenty = 250 * factor, case.stimulus(20)
            shown = phases(case.spec, steps)
            add(f"steps of 20 presentations{what}", 2 * steps * 20, twenty, shown, fast_forward=below)
    for presentations in effort.growth:
        one = case.stimulus(1)
        rng = np.random.default_rng(0)
        data = Stimulus(
            inputs=rng.integers(0, 256, (presentations, case.layers[0]), dtype=np.uint8),
            desired=np.eye(case.layers[-1])[rng.integers(0, case.layers[-1], presentations)],
            order=np.resize(one.order, (100, case.batch)),
            scale=1 / 255,
        )
        add("samples, 100 presentations of 4 steps", presentations, data, short)
    return rows


@contextmanager
def peak_of_children() -> Iterator[list[int]]:
    """Most bytes that a child process of this one had beside files, looked at every few milliseconds."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.003):
            peak[0] = max([peak[0], *map(_anonymous, _children())])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _children() -> list[str]:
    found = []
    for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        try:
            found += path.read_text().split()
        except OSError:
            continue
    return found


def _anonymous(process: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        if lines[0].split()[-1] != PROGRAM:  # this process over again, before it becomes the program
            return 0
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    except (OSError, StopIteration, IndexError):
        return 0


def starts(case: Case, repeats: int) -> dict[str, list[float]]:
    """s until the last step of a run of two steps is over: on a chip that is there, and with making the chip."""
    shown, stimulus = phases(case.spec, 1), case.stimulus(1)
    chip = VirtualChip(case.spec)

    def once(made: VirtualChip | None) -> float:
        start = time.perf_counter()
        (made or VirtualChip(case.spec)).show(stimulus, weights=case.weights, protocol=shown)
        return time.perf_counter() - start

    rounds = [(once(chip), once(None)) for _ in range(repeats)]
    return {"run": [a for a, _ in rounds], "chip and run": [b for _, b in rounds]}


def measure_case(case: Case, effort: Effort, console: Console) -> dict[str, Any]:
    """All of one case, told on the way."""
    chips = chips_of(case)
    difference, comparison = throughput(case, chips, effort)
    table = Table(title=f"{case.name}, {2 * effort.phase} steps a presentation", title_justify="left")
    for heading in ("", "samples a second, median", "÷ torch", "÷ torch, float32"):
        table.add_column(heading, justify="right")
    rates = {name: np.asarray(values) for name, values in comparison.samples.items()}
    for name, rate in rates.items():
        ratios = [f"{np.median(rate / rates[other]):.3g}" for other in (TORCH, TORCH_SINGLE)]
        table.add_row(name, f"{np.median(rate):.4g}", *ratios)
    console.print(table)
    console.print(f"float32 changes weights as float64 does but for {difference:.2g}")
    grown = growth(case, chips[EMULATION], effort)
    for row in grown:
        console.print(
            f"{row['number']:>8} {row['what']:<40} {row['seconds']:8.3f} s {row['bytes'] / 1e6:8.1f} MB"
        )
    begun = starts(case, 2 * effort.repeats + 1)
    for name, seconds in begun.items():
        console.print(f"two steps, {name}: {np.median(seconds):.3f} s, at most {max(seconds):.3f} s")
    return {
        "name": case.name,
        "unit": "samples per second",
        "steps_per_presentation": 2 * effort.phase,
        "float32_difference": difference,
        "throughput": comparison.table(),
        "growth": grown,
        "starts_seconds": begun,
    }


def main() -> None:
    """Measure the cases asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few, short samples: to see that it works")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    effort, found = QUICK if arguments.quick else FULL, []
    cases = chosen(CASES, arguments.only, parser)
    console = Console()
    with threadpool_limits(limits=1):
        for case in cases:
            found.append(measure_case(case, effort, console))
            if arguments.json:
                write_report(
                    arguments.json, benchmark="learning_time", settings=attrs.asdict(effort), cases=found
                )


if __name__ == "__main__":
    main()
