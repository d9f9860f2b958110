"""Algorithms that learn a regression side by side, example by example, and what is measured of them meanwhile.

Side by side, because the simulations of dynamic inversion are then one stack of matrices. Draws no picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from neurosim.errors import NeurosimError
from neurosim.reference import Parameters, Stepper, Updates, feedforward
from neurosim.reference.inversion import descent, inverse_maps, propagate
from neurosim.reference.inversion.pair_stability import modes
from neurosim.reference.inversion.sequential import pairs_of
from neurosim.reference.inversion.time_step import largest_step
from neurosim.reference.measures import (
    feedback_angles,
    pseudo_backpropagation_terms,
    squared_error,
    unexplained_variance,
    vector_angles,
)
from neurosim.reference.training import Shown, rule_of
from neurosim.spec import MethodSettings
from podlaski_2020.algorithms import Algorithm, draw_feedback
from podlaski_2020.settling import DT, settle_loops, settle_pairs
from podlaski_2020.tasks import Lesson, Regression

RUNAWAY = 1e4
"""A weight beyond it: diverged. Those of the solutions stay below 10. Chosen."""


@attrs.define(kw_only=True, eq=False)
class Learner:
    """One algorithm on one task. Mutable: it learns."""

    task: Regression
    lesson: Lesson
    algorithm: Algorithm
    method: MethodSettings
    parameters: Parameters
    layerwise: tuple[Tensor, ...]
    """B_2..B_L of the dynamic inversion to compare with; of SLDI those that NDI would start with."""
    stepper: Stepper
    diverged: bool = False
    record: dict[str, list[float]] = attrs.field(factory=dict)

    @staticmethod
    def new(task: Regression, lesson: Lesson, algorithm: Algorithm, *, seed: int) -> Learner:
        """At the start."""
        method = algorithm.settings(rate=task.rate, optimizer=task.optimizer)
        forward = lesson.student.forward
        like = attrs.evolve(algorithm, method="NDI") if algorithm.method == "SLDI" else algorithm
        return Learner(
            task=task,
            lesson=lesson,
            algorithm=algorithm,
            method=method,
            parameters=attrs.evolve(
                lesson.student, feedback=draw_feedback(algorithm, task.network, forward, seed)
            ),
            layerwise=draw_feedback(like, task.network, forward, seed),
            stepper=Stepper(method.optimizer),
        )

    def show(self, k: int) -> Shown:
        """The forward pass of example k."""
        x, y = self.lesson.inputs[k : k + 1], self.lesson.desired[k : k + 1]
        return Shown.of(self.task.network, self.parameters, self.method, x, y, loss="squared_error")

    def bounded(self, deltas: Sequence[Tensor]) -> list[Tensor]:
        """The errors of the hidden layers scaled down where they are too large."""
        sizes = [torch.linalg.vector_norm(delta) for delta in deltas[:-1]]
        factors = [torch.clamp(self.task.largest / size, max=1.0) for size in sizes]
        return [*(f * delta for f, delta in zip(factors, deltas[:-1], strict=True)), deltas[-1]]

    def learn(self, updates: Updates) -> None:
        """A step, after which weights may have run away."""
        after = self.stepper.step(self.parameters, updates, forward_rate=self.method.learning_rate)
        if self.task.linear:  # y = Tx has no biases
            after = attrs.evolve(after, biases=self.parameters.biases)
        largest = max(float(w.abs().max()) for w in after.forward)
        self.parameters, self.diverged = after, not largest < RUNAWAY


def train(
    learners: Sequence[Learner], *, examples: int, every: int, tell: Callable[[int, int], None]
) -> np.ndarray:
    """Teach all of them; the numbers of examples at which they were measured, (n_measured,).

    A learner that has diverged is left out from then on, and its record goes on with NaN. tell(done, of how many).
    """
    measured = []
    for k in range(examples + 1):
        now = k % every == 0
        if now:
            measured.append(k)
            tell(k, examples)
        going = [learner for learner in learners if not learner.diverged and k < len(learner.lesson.inputs)]
        for learner in learners:
            if now and learner not in going:
                _finish(learner, k)
        shown = [learner.show(k) for learner in going]
        for learner, seen, deltas in zip(going, shown, _errors(going, shown), strict=True):
            if now:
                _enter(learner, k, seen, deltas)
            if not learner.diverged:
                learner.learn(descent(learner.bounded(deltas), pre=seen.pre))
    return np.array(measured)


def _errors(learners: Sequence[Learner], shown: Sequence[Shown]) -> list[tuple[Tensor, ...]]:
    """δ_1..δ_L of every learner; the simulations of all in one stack."""
    found: list[tuple[Tensor, ...]] = [()] * len(learners)
    for place, (learner, seen) in enumerate(zip(learners, shown, strict=True)):
        if learner.algorithm.method in ("DI", "SLDI"):
            continue
        try:
            taught = rule_of(learner.task.network, learner.method)(seen)
            found[place] = tuple(-post for post in taught.terms.post)
        except NeurosimError:  # a layer on the way to infinity can no more be inverted
            learner.diverged = True
    for method, simulate in (("DI", _simulate_pairs), ("SLDI", _simulate_loops)):
        places = [p for p, learner in enumerate(learners) if learner.algorithm.method == method]
        if places:
            stacks = simulate([shown[p] for p in places])
            for row, place in enumerate(places):
                found[place] = tuple(delta[row] for delta in stacks)
    return found


def _simulate_pairs(shown: Sequence[Shown]) -> list[Tensor]:
    """δ_1..δ_L, (R, 1, n_l), layer after layer (eq. 17)."""
    leak = torch.tensor([seen.method.leak for seen in shown])
    deltas = [torch.stack([seen.output_error for seen in shown])]
    for l in range(len(shown[0].parameters.feedback), 0, -1):
        forward = torch.stack([seen.parameters.forward[l] for seen in shown])
        feedback = torch.stack([seen.parameters.feedback[l - 1] for seen in shown])
        slope = torch.stack([seen.slopes[l - 1] for seen in shown])
        deltas.insert(0, settle_pairs(forward, feedback, deltas[0], leak=leak.to(forward)) * slope)
    return deltas


def _simulate_loops(shown: Sequence[Shown]) -> list[Tensor]:
    """The same for the single loop, whose errors pass φ instead of φ' (eq. 14)."""
    depth = len(shown[0].parameters.forward)
    forward = [torch.stack([seen.parameters.forward[l] for seen in shown]) for l in range(1, depth)]
    feedback = torch.stack([seen.parameters.feedback[0] for seen in shown])
    error = torch.stack([seen.output_error for seen in shown])
    leak = torch.tensor([seen.method.leak for seen in shown]).to(error)
    return [*settle_loops(forward, feedback, error, leak=leak), error]


def _enter(learner: Learner, k: int, seen: Shown, deltas: tuple[Tensor, ...]) -> None:
    """Put into the record what figure 3 shows of this algorithm."""
    try:
        entries = {} if learner.diverged else _measure(learner, seen, deltas)
    except NeurosimError:  # as in `_errors`
        learner.diverged = True
    if learner.diverged:
        _finish(learner, k)
        return
    for name, value in entries.items():
        learner.record.setdefault(name, []).append(value)


def _measure(learner: Learner, seen: Shown, deltas: tuple[Tensor, ...]) -> dict[str, float]:
    """Errors, and of the inversions angles in degrees and the spectrum, by name."""
    entries = _test_errors(learner)
    forward, feedback = learner.parameters.forward[1:], learner.layerwise
    if learner.algorithm.method in ("DI", "NDI"):
        for l, angle in enumerate(feedback_angles(forward, feedback), start=2):
            entries[f"feedback angle {l}"] = angle
    if learner.algorithm.method in ("DI", "SLDI"):
        maps = inverse_maps(forward, feedback, leak=learner.method.leak)
        solved = propagate(maps, seen.output_error, slopes=seen.slopes)
        inverse = pseudo_backpropagation_terms(seen).post
        for l in range(1, len(deltas)):
            entries[f"to NDI {l}"] = float(vector_angles(deltas[l - 1], solved[l - 1]))
            entries[f"to PBP {l}"] = float(vector_angles(-deltas[l - 1], inverse[l - 1]))
    if learner.algorithm.method == "DI":
        for l, pair in enumerate(pairs_of(forward, feedback, leak=learner.method.leak), start=2):
            entries[f"slowest mode {l}"] = float(modes(pair).real.max())
            largest = largest_step(pair, scheme="explicit")
            entries[f"dt over largest {l}"] = DT / largest if largest > 0 else math.inf
    return entries


def _finish(learner: Learner, k: int) -> None:
    """The end of the examples, with the error alone; or, diverged, nothing."""
    entries = {} if learner.diverged or k > len(learner.lesson.inputs) else _test_errors(learner)
    for name in learner.record:
        learner.record[name].append(entries.get(name, math.nan))


def _test_errors(learner: Learner) -> dict[str, float]:
    """Σ‖r_L − y‖² and Σ‖r_L − y‖² over Σ‖y − ȳ‖² (variance unexplained), on held-out examples."""
    lesson = learner.lesson
    output = feedforward(learner.task.network, learner.parameters, lesson.test_inputs).output
    return {
        "error": squared_error(output, lesson.test_desired),
        "unexplained": unexplained_variance(output, lesson.test_desired),
    }
