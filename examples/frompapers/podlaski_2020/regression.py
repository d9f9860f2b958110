"""Figure 3 computed: the five regressions, kept seed by seed; draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np
from common import Arrays, Settings, key_of, resumable, summary
from numpy.typing import NDArray

from podlaski_2020.algorithms import LINEAR, NONLINEAR, Algorithm
from podlaski_2020.cohort import Learner, train
from podlaski_2020.tasks import TASKS, draw_lesson

COHORTS = {
    "linear": (("linear", "linear, unbounded errors", "linear, fixed norm"), LINEAR),
    "nonlinear": (("nonlinear", "nonlinear, large teacher"), NONLINEAR),
}
"""Tasks whose networks have the same sizes learn side by side."""
QUICK = {"linear": 0.2, "nonlinear": 0.1}
"""Parts of the examples that --quick presents. Chosen."""
EVERY = 20
"""Examples between measurements. Chosen."""
Tell = Callable[[str, int, int], None]


@attrs.frozen(kw_only=True, eq=False)
class Curves:
    """What was measured, by task, algorithm's label and measure: (n_seeds, n_measured)."""

    seeds: tuple[int, ...]
    examples: dict[str, NDArray[np.int64]]
    """Of each task, (n_measured,)."""
    values: dict[tuple[str, str, str], NDArray[np.float64]]

    def middle(self, task: str, label: str, measure: str) -> NDArray[np.float64]:
        """The median over the seeds that have not diverged, (n_measured,)."""
        found = self.values[task, label, measure]
        known = np.isfinite(found).any(0)
        return np.where(known, np.nanmedian(np.where(known, found, 0.0), axis=0), np.nan)

    def last(self, task: str, label: str, measure: str) -> list[float]:
        """After the last example, of each seed."""
        return [float(v) for v in self.values[task, label, measure][:, -1]]

    def last_known(self, task: str, label: str, measure: str) -> float:
        """The median at the last measurement that has one; NaN: none has."""
        series = self.middle(task, label, measure)
        known = series[np.isfinite(series)]
        return float(known[-1]) if len(known) else np.nan

    def largest(self, task: str, label: str, measure: str) -> float:
        """Over seeds and time."""
        return float(np.nanmax(self.values[task, label, measure]))

    def over_time(self, task: str, label: str, measure: str) -> list[float]:
        """The mean over the training of each seed."""
        return [
            float(np.nanmean(v)) if np.isfinite(v).any() else np.nan
            for v in self.values[task, label, measure]
        ]

    def examples_until(self, task: str, label: str, error: float) -> list[float]:
        """The first measurement at which the normalised error is below it, of each seed; NaN: never."""
        found = self.values[task, label, "error"] < error
        return [float(self.examples[task][np.argmax(row)]) if row.any() else np.nan for row in found]


def compute(settings: Settings, tell: Tell) -> Curves:
    """All tasks, algorithms and seeds; what is kept from before is not computed again."""
    examples: dict[str, NDArray[np.int64]] = {}
    values: dict[tuple[str, str, str], list[NDArray[np.float64]]] = {}
    for cohort, (names, algorithms) in COHORTS.items():
        share = QUICK[cohort] if settings.quick else 1.0
        budget = {name: round(share * TASKS[name].examples / EVERY) * EVERY for name in names}
        for seed in settings.seeds:
            arrays = _kept_cohort(settings, cohort, budget, algorithms, seed=seed, tell=tell)
            for name, series in arrays.items():
                if name == "examples":
                    continue
                task, label, measure = name.split(": ")
                length = budget[task] // EVERY + 1
                examples[task] = arrays["examples"][:length]
                # NMSE: over the error before learning, as `neurosim.reference.measures.normalised_error`
                scale = series[0] if measure == "error" else 1.0
                values.setdefault((task, label, measure), []).append(series[:length] / scale)
    examples = {name: examples[name] for name in TASKS}  # a file has them in an order of its own
    return Curves(
        seeds=settings.seeds, examples=examples, values={key: np.stack(rows) for key, rows in values.items()}
    )


def _kept_cohort(
    settings: Settings,
    cohort: str,
    budget: dict[str, int],
    algorithms: Sequence[Algorithm],
    *,
    seed: int,
    tell: Tell,
) -> Arrays:
    key = key_of(f"figure_3-{cohort}-{seed}", budget=budget, every=EVERY, tasks=[TASKS[n] for n in budget])
    what = f"figure 3, {cohort}, seed {seed}"
    return resumable(
        settings.kept,
        key,
        lambda: _cohort(budget, algorithms, seed, lambda k, n: tell(what, k, n)),
        fresh=settings.fresh,
    )


def _cohort(
    budget: dict[str, int], algorithms: Sequence[Algorithm], seed: int, tell: Callable[[int, int], None]
) -> dict[str, NDArray[np.float64]]:
    learners = []
    for name, count in budget.items():
        lesson = draw_lesson(TASKS[name], examples=count, seed=seed)
        learners += [Learner.new(TASKS[name], lesson, algorithm, seed=seed) for algorithm in algorithms]
    measured = train(learners, examples=max(budget.values()), every=EVERY, tell=tell)
    arrays = {
        f"{learner.task.name}: {learner.algorithm.label}: {measure}": np.array(series)
        for learner in learners
        for measure, series in learner.record.items()
    }
    return {"examples": measured, **arrays}


def numbers(curves: Curves) -> dict[str, dict[str, dict[str, object]]]:
    """For results.json: by task and algorithm the ends of the errors and the means of what else was measured."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for task, label, measure in curves.values:
        ends = measure in ("error", "unexplained")
        values = (curves.last if ends else curves.over_time)(task, label, measure)
        found.setdefault(task, {}).setdefault(label, {})[measure] = summary(values)
        if measure == "error":
            for goal in (0.1, 0.01):
                reached = curves.examples_until(task, label, goal)
                found[task][label][f"examples until error {goal:g}"] = summary(reached)
    return found
