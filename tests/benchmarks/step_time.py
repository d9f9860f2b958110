"""µs per Euler step: the compiled emulation against C++ by hand, torch, numpy and Brian2's `Synapses`.

    python -m tests.benchmarks.step_time [--quick] [--only 15-10] [--json OUT] [--plot OUT]

run in the root of the repository. All implementations compute the same numbers, which is checked before
anything is timed, on one thread each. A time is a difference of two runs, (T(long) − T(short))/(steps more),
so that starting a process and reading results cancel; `Synapses` reports its own clock around the steps.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import attrs
import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip
from neurosim.result import DIVERGED, INTERRUPTED
from neurosim.spec import Protocol, Spec

from .cases import CASES, Case, chosen, protocol
from .harness import Comparison, Measure, Quartiles, compare, write_report
from .limit_loop import LimitLoop
from .numpy_loop import VARIANTS, NumpyLoop
from .picture import draw_ratios
from .synapses_net import SynapsesNet, disagreement
from .torch_loop import TorchLoop

EMULATION, NOISY = "emulation", "emulation with noise"
SINGLE, NOISY_SINGLE = "emulation, float32", "emulation with noise, float32"
LIMIT, LIMIT_SINGLE = "C++ by hand", "C++ by hand, float32"
TORCH, TORCH_SINGLE = "torch", "torch, float32"
LEARN, WHOLE = "learn step", "whole presentation"

Seconds = Callable[[Protocol, int], float]
"""How long it takes to show so many presentations of a protocol."""

AGREE = 1e-9
"""Largest relative difference between implementations. Rounding alone is 1e-13 after some hundred steps."""

AGREE_SINGLE = 1e-4
"""The same in single precision: 1e-7 of a rounding, over some hundred steps."""

SYNAPSE_SECONDS = 4e-9
"""Roughly what a synapse costs in a step; only used to choose how many steps are timed."""


@attrs.frozen(kw_only=True)
class Effort:
    """How much is measured."""

    repeats: int
    """Samples of each measure."""
    goal: float
    """s that the longer run of a sample should take, at least; its jitter is up to 0.05 s."""
    settle: int = 300
    """Steps of the settle phase in a whole presentation."""
    learn: int = 300
    """Steps of the learn phase."""


FULL = Effort(repeats=7, goal=2.0)
QUICK = Effort(repeats=3, goal=0.3, settle=30, learn=30)


def seconds_of_emulation(case: Case, spec: Spec, backend: str = "cpp") -> Seconds:
    """Of the emulation's stepping, from starting its process to its end."""
    chip, weights = VirtualChip(spec, backend=backend), case.weights

    def seconds(protocol: Protocol, presentations: int) -> float:
        passage = chip.show(case.stimulus(presentations), weights=weights, protocol=protocol)
        if passage.status.kind in (DIVERGED, INTERRUPTED):
            raise RuntimeError(f"{case.name}: {passage.status.message}")
        return passage.wall_seconds

    return seconds


class Loop(Interface):
    """A loop of this folder."""

    @property
    def forward(self) -> Sequence[Any]: ...
    @property
    def biases(self) -> Sequence[Any]: ...
    def run(self, stimulus: Stimulus, protocol: Protocol) -> Any: ...


def loops(case: Case, spec: Spec) -> dict[str, Loop]:
    """All implementations beside the emulation, by name."""
    weights, columns = case.weights, case.batch
    numpy = {
        f"numpy {variant}": NumpyLoop(spec, weights, columns=columns, variant=variant) for variant in VARIANTS
    }
    return {
        LIMIT: LimitLoop(spec, weights, columns=columns),
        LIMIT_SINGLE: LimitLoop(spec, weights, columns=columns, precision="float32"),
        TORCH: TorchLoop(spec, weights, columns=columns),
        TORCH_SINGLE: TorchLoop(spec, weights, columns=columns, precision="float32"),
        **numpy,
    }


def seconds_of(case: Case, loop: Loop) -> Seconds:
    """Of a loop in this process."""

    def seconds(protocol: Protocol, presentations: int) -> float:
        stimulus = case.stimulus(presentations)
        start = time.perf_counter()
        loop.run(stimulus, protocol)
        return time.perf_counter() - start

    return seconds


def learn_step(case: Case, seconds: Seconds, *, goal: float) -> Measure:
    """µs per step of the learn phase: one presentation with a long one against one with a short one."""
    short = protocol(case.spec, settle=1, learn=1)

    def excess(steps: int) -> float:
        return seconds(protocol(case.spec, settle=1, learn=1 + steps), 1) - seconds(short, 1)

    steps, taken = 20, 0.0
    while taken < goal / 4:  # find out how many steps fill the goal
        steps *= 4
        taken = excess(steps)
    steps = math.ceil(steps * max(1.0, goal / taken))
    return lambda: 1e6 * excess(steps) / steps


def whole_presentation(case: Case, seconds: Seconds, effort: Effort, *, step: float) -> Measure:
    """µs per step of presentations with both phases; `step` says about what to expect."""
    short = protocol(case.spec, settle=1, learn=1)
    full = protocol(case.spec, settle=effort.settle, learn=effort.learn)
    presentations = math.ceil(effort.goal / (full.period * step * 1e-6))
    steps = presentations * full.period - short.period
    return lambda: 1e6 * (seconds(full, presentations) - seconds(short, 1)) / steps


def disagreements(case: Case, *, backend: str = "cpp") -> dict[str, float]:
    """Largest difference of any weight after two presentations, relative to the largest weight change."""
    # changes that stand out of the weights' rounding
    spec = attrs.evolve(case.spec, method=attrs.evolve(case.spec.method, learning_rate=1.0))
    shown, stimulus, before = protocol(spec, settle=20, learn=30), case.stimulus(2), case.weights

    def after(spec: Spec) -> tuple[Any, ...]:
        weights = VirtualChip(spec, backend=backend).show(stimulus, weights=before, protocol=shown).weights
        return *weights.forward, *weights.biases

    expected, found = after(spec), {}
    start = (*before.forward, *before.biases)
    found[SINGLE] = largest_difference(after(single(spec)), expected, start)
    for name, loop in loops(case, spec).items():
        loop.run(stimulus, shown)
        made = (*loop.forward, *(bias[:, 0] for bias in loop.biases))
        found[name] = largest_difference(made, expected, start)
    return found


def single(spec: Spec) -> Spec:
    """The same in float32."""
    return attrs.evolve(spec, run=attrs.evolve(spec.run, precision="float32"))


def check_agreement(found: Mapping[str, float]) -> None:
    """Raise RuntimeError where an implementation computes something else."""
    for name, difference in found.items():
        if not difference <= (AGREE_SINGLE if "float32" in name else AGREE):
            raise RuntimeError(f"the implementations do not agree: {name}, {difference:.2g}")


def largest_difference(found: Sequence[Any], expected: Sequence[Any], start: Sequence[Any]) -> float:
    """Largest |ΔW − ΔW'| over weights and biases, over the largest |ΔW|."""
    change = max(float(np.abs(x - y).max()) for x, y in zip(expected, start, strict=True))
    return max(float(np.abs(np.asarray(x) - y).max()) for x, y in zip(found, expected, strict=True)) / change


def measure_case(
    case: Case, effort: Effort, *, stack: ExitStack, console: Console
) -> tuple[dict[str, Any], dict[str, Quartiles]]:
    """Check that all compute the same, then time them in turns: what was measured, and ratios of the learn step."""
    console.print(f"[bold]{case.name}")
    agreement = disagreements(case)
    runners = {
        EMULATION: seconds_of_emulation(case, case.spec),
        NOISY: seconds_of_emulation(case, case.noisy),
        SINGLE: seconds_of_emulation(case, single(case.spec)),
        NOISY_SINGLE: seconds_of_emulation(case, single(case.noisy)),
    }
    runners |= {name: seconds_of(case, loop) for name, loop in loops(case, case.spec).items()}
    measures = {name: learn_step(case, seconds, goal=effort.goal) for name, seconds in runners.items()}
    rough = {name: measure() for name, measure in measures.items()}
    if case.synapses:
        for name, plastic in (("Synapses", True), ("Synapses, no plasticity", False)):
            net = _synapses(case, effort, plastic=plastic, stack=stack)
            measures[name] = _in_microseconds(net)
            measures[name]()
            agreement[name] = disagreement(net, case, settle=100, plastic=plastic)
    check_agreement(agreement)
    whole = {
        name: whole_presentation(case, seconds, effort, step=rough[name]) for name, seconds in runners.items()
    }
    results = {
        LEARN: compare(measures, repeats=effort.repeats, baseline=EMULATION),
        WHOLE: compare(whole, repeats=effort.repeats, baseline=EMULATION),
    }
    console.print(_table(case, results))
    measured = {
        "name": case.name,
        "layers": list(case.layers),
        "batch": case.batch,
        "unit": "µs per Euler step",
        "largest_relative_difference": agreement,
        "quantities": {name: comparison.table() for name, comparison in results.items()},
    }
    return measured, results[LEARN].ratios()


def _synapses(case: Case, effort: Effort, *, plastic: bool, stack: ExitStack) -> SynapsesNet:
    sizes, n_out = case.layers, case.layers[-1]
    count = case.batch * sum(n * (m + n_out) for m, n in pairwise(sizes))
    steps = max(10, round(effort.goal / (count * SYNAPSE_SECONDS)))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="synapses-")))
    return SynapsesNet.build(case, folder, steps=steps, settle=100, plastic=plastic)


def _in_microseconds(net: SynapsesNet) -> Measure:
    return lambda: 1e6 * net.seconds_per_step()


def _table(case: Case, results: Mapping[str, Comparison]) -> Table:
    table = Table(title=f"{case.name}: µs per Euler step, median [quartiles]", title_justify="left")
    table.add_column("")
    for quantity in results:
        table.add_column(quantity, justify="right")
        table.add_column("÷ emulation", justify="right")
    for name in results[LEARN].samples:
        cells = []
        for comparison in results.values():
            times, ratios = comparison.times(), comparison.ratios()
            q, ratio = times.get(name), ratios.get(name)
            cells.append(f"{q.median:.4g} [{q.q1:.4g}, {q.q3:.4g}]" if q else "")
            cells.append(f"{ratio.median:.3g} [{ratio.q1:.3g}, {ratio.q3:.3g}]" if ratio else "")
        table.add_row(name, *cells)
    return table


def main() -> None:
    """Measure the cases asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few, short samples: to see that it works")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--plot", type=Path, help="picture of the learn step's ratios: .png, .svg or .pdf")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else FULL
    cases = chosen(CASES, arguments.only, parser)
    console, found, drawn = Console(), [], {}
    with threadpool_limits(limits=1):
        for case in cases:
            with ExitStack() as stack:
                measured, ratios = measure_case(case, effort, stack=stack, console=console)
            found.append(measured)
            drawn[case.name] = ratios
            if arguments.plot:
                draw_ratios(drawn, arguments.plot, baseline=EMULATION, title="time of a learn step")
            if arguments.json:  # after every case, so that a long run that breaks off leaves what it has
                write_report(
                    arguments.json, benchmark="step_time", settings=attrs.asdict(effort), cases=found
                )


if __name__ == "__main__":
    main()
