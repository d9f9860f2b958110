"""Bengio 2020, Deriving Differential Target Propagation from Iterating Approximate Inverses (arXiv 2007.15139).

The paper derives and proves, but measures nothing. This script measures what it says, as four figures:

    iterations    how fast the corrections of an imperfect decoder converge (sections 5, 6, 9)
    first_order   what small target steps do to the output; skip connections (sections 3, 4, 8, 10.3, 10.4)
    online        the rule that learns all the time, on an emulated chip and in torch (section 7)
    learning      digits learned by BP, DTP1 and DTP with learned decoders

Everything is small and runs on the CPU. An interrupted run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from bengio_2020 import branches, claims, first_order, iterations, learning, online
from bengio_2020.draw_first_order import draw_first_order
from bengio_2020.draw_iterations import draw_iterations
from bengio_2020.draw_learning import draw_learning
from bengio_2020.draw_online import draw_online
from common import (
    Arrays,
    Settings,
    guarded,
    key_of,
    parse,
    print_table,
    read_results,
    resumable,
    write_results,
)

from neurosim.report.progress import Progress

PARTS = ("iterations", "first_order", "online", "learning")
TITLES = {
    "iterations": "Iterative inverses (sections 5, 6, 9)",
    "first_order": "Small steps and skip connections (sections 3, 4, 8, 10)",
    "online": "Learning all the time (section 7), hidden layers",
    "learning": "Learning digits",
}
EPOCHS = {True: 5, False: 30}
"""Of the digits, quick and full. Chosen: the paper has none."""
STEPS = 40

Drawn = tuple[list[claims.Claim], Path]


def main() -> None:
    """Compute, draw and print the parts that are asked for."""
    settings = parse(__doc__, parts=PARTS, seeds=(2, 5))
    torch.set_num_threads(1)  # matrices this small are slower on more
    results = read_results(settings.folder)
    run = {"quick": settings.quick, "seeds": settings.seeds}
    with Progress() as progress:
        for part in PARTS:
            if settings.wants(part):
                found, figure = _RUN[part](settings, progress)
                results[part] = {**run, **{claim.what: claim.numbers for claim in found}}
                write_results(settings.folder, results)
                rows = [claim.row for claim in found]
                print_table(TITLES[part], ("quantity", "paper", "measured"), rows, note=f"figure: {figure}")


def run_iterations(settings: Settings, progress: Progress) -> Drawn:
    """Figure 1."""
    contraction = over_seeds(
        settings,
        progress,
        "iterations",
        "contraction",
        partial(iterations.measure_contraction, steps=STEPS),
    )
    schedules = over_seeds(
        settings,
        progress,
        "iterations",
        "schedules",
        partial(iterations.measure_schedules, steps=STEPS),
    )
    corrections = over_seeds(settings, progress, "iterations", "corrections", iterations.measure_corrections)
    found = claims.claims_of_iterations(contraction, schedules, corrections)
    count = len(settings.seeds)
    return found, draw_iterations(settings.folder, contraction, schedules, corrections, seeds=count)


def run_first_order(settings: Settings, progress: Progress) -> Drawn:
    """Figure 2."""
    orders = over_seeds(settings, progress, "first_order", "orders", first_order.measure_orders)
    directions = over_seeds(settings, progress, "first_order", "directions", first_order.measure_directions)
    invariance = over_seeds(settings, progress, "first_order", "invariance", first_order.measure_invariance)
    parallel = over_seeds(settings, progress, "first_order", "parallel", first_order.measure_parallel)
    combined = over_seeds(settings, progress, "first_order", "branches", branches.measure_branches)
    found = claims.claims_of_first_order(orders, directions, invariance, parallel)
    found += claims.claims_of_branches(combined)
    count = len(settings.seeds)
    return found, draw_first_order(settings.folder, orders, invariance, parallel, combined, seeds=count)


def run_online(settings: Settings, progress: Progress) -> Drawn:
    """Figure 3."""
    chips = {
        name: over_seeds(
            settings,
            progress,
            "online",
            f"online {name}",
            partial(online.measure_online, chip=name),
        )
        for name in online.CHIPS
    }
    return claims.claims_of_online(chips), draw_online(settings.folder, chips)


def run_learning(settings: Settings, progress: Progress) -> Drawn:
    """Figure 4."""
    epochs = EPOCHS[settings.quick]
    runs = {
        learner.name: over_seeds(
            settings,
            progress,
            "learning",
            f"digits {learner.name}, {epochs} epochs",
            partial(learning.learn, learner, epochs=epochs),
        )
        for learner in learning.LEARNERS
    }
    found = claims.claims_of_learning(runs)
    return found, draw_learning(settings.folder, runs, seeds=len(settings.seeds), epochs=epochs)


def over_seeds(
    settings: Settings, progress: Progress, part: str, what: str, measure: Callable[[int], Arrays]
) -> Arrays:
    """What a measurement gives for every seed, stacked; each is kept as soon as it is there."""
    found = []
    for done, seed in enumerate(settings.seeds):
        progress(what, done, len(settings.seeds))
        key = key_of(what.replace(" ", "_").replace(",", ""), seed=seed, chosen=CHOSEN[part])
        found.append(resumable(settings.kept, key, partial(measure, seed), fresh=settings.fresh))
    return {name: np.stack([row[name] for row in found]) for name in found[0]}


CHOSEN = {
    "iterations": [
        STEPS,
        iterations.STEPSIZE,
        iterations.SPOILT,
        iterations.SPOILT_SWEEP,
        iterations.ACCURACY,
    ],
    "first_order": [
        *(first_order.STEPSIZES, first_order.SMALL, first_order.CONDITIONS, first_order.DEPTHS),
        *(branches.GAINS, branches.STEPSIZE, branches.STEPS),
    ],
    "online": [
        online.SIZES,
        online.STEPSIZE,
        online.SPOILT,
        online.RATIO,
        online.SETTLE_STEPS,
        online.METHODS,
        online.TIMES,
    ],
    "learning": [
        *(str(learning.LEARNERS), str(learning.NETWORK), learning.LOSS, learning.BATCH, learning.STEPSIZE),
        *(learning.DECODER_RATE, learning.DECODER_SWEEPS, learning.MOST_STEPS, learning.TOLERANCE),
    ],
}
"""What a part's results depend on beside the seed: it goes into the name they are kept under."""
_RUN = {
    "iterations": run_iterations,
    "first_order": run_first_order,
    "online": run_online,
    "learning": run_learning,
}

if __name__ == "__main__":
    raise SystemExit(guarded(main, name="Bengio_2020"))
