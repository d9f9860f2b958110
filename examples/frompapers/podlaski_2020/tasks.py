"""The regression tasks of figure 3: teacher, student and examples, drawn from named streams; knows no algorithm."""

from __future__ import annotations

import math

import attrs
import numpy as np
import torch
from torch import Tensor

from neurosim.reference import Parameters, feedforward
from neurosim.spec import Network
from neurosim.spec.streams import stream

TEST_EXAMPLES = 500
"""Held out to measure the error. Chosen."""
PAPER = 0.01
"""Bound of the uniform weights of teacher and student in the paper."""


@attrs.frozen(kw_only=True)
class Regression:
    """x ~ N(0, 1), one example a step; y is the teacher's output."""

    name: str
    layers: tuple[int, ...]
    """Of the student; the nonlinear teacher has the same."""
    rate: float
    """η."""
    examples: int
    """Steps at full scale."""
    student: float | None = PAPER
    """Bound of the student's uniform weights; None: 1/√n_in."""
    teacher: float | None = PAPER
    """Bound of the teacher's; None: √(3/n_in), which keeps the variance of what passes. The linear one: 1."""
    optimizer: str = "sgd"
    largest: float = math.inf
    """Norm to which a larger error δ_l of a hidden layer is scaled down before the update."""

    @property
    def linear(self) -> bool:
        """y = Tx, without biases."""
        return len(self.layers) == 3

    @property
    def network(self) -> Network:
        """The student."""
        hidden = "linear" if self.linear else "tanh"
        return Network(layers=self.layers, hidden=hidden, output="linear", tau_soma_ratio=1.0)


SMALL, DEEP = (30, 20, 10), (30, 20, 10, 10)
TASKS = {
    task.name: task
    for task in (
        Regression(name="linear", layers=SMALL, rate=1e-2, examples=2000, largest=10.0),
        Regression(name="linear, unbounded errors", layers=SMALL, rate=1e-2, examples=2000),
        Regression(name="linear, fixed norm", layers=SMALL, rate=1e-2, examples=4000, optimizer="fixed_norm"),
        Regression(name="nonlinear", layers=DEEP, rate=1e-2, examples=2000, largest=1.0),
        Regression(
            name="nonlinear, large teacher",
            layers=DEEP,
            rate=1e-2,
            examples=2000,
            student=None,
            teacher=None,
            largest=1.0,
        ),
    )
}
"""The bounds are in the authors' code, not in the paper; "unbounded errors" shows what happens without."""


@attrs.frozen(kw_only=True, eq=False)
class Lesson:
    """A task with a seed: everything that all algorithms share."""

    student: Parameters
    """At the start, without feedback."""
    inputs: Tensor
    """x of each step, (N, n_0)."""
    desired: Tensor
    test_inputs: Tensor
    test_desired: Tensor


def draw_lesson(task: Regression, *, examples: int, seed: int) -> Lesson:
    """The same numbers for all algorithms."""
    rng = stream(seed, "podlaski_2020", task.name, "examples")
    test = torch.as_tensor(rng.standard_normal((TEST_EXAMPLES, task.layers[0])))
    inputs = torch.as_tensor(rng.standard_normal((examples, task.layers[0])))
    # Tasks of the same sizes share the students' draws: what differs is the rate, or the bound.
    student = _draw(task, bound=task.student, gain=1.0, seed=seed, who="student")
    if task.linear:
        matrix = torch.as_tensor(
            stream(seed, "podlaski_2020", "teacher").uniform(-1, 1, (task.layers[-1], task.layers[0]))
        )
        return Lesson(
            student=student,
            inputs=inputs,
            desired=inputs @ matrix.T,
            test_inputs=test,
            test_desired=test @ matrix.T,
        )
    teacher = _draw(task, bound=task.teacher, gain=3.0**0.5, seed=seed, who="teacher")
    return Lesson(
        student=student,
        inputs=inputs,
        desired=feedforward(task.network, teacher, inputs).output,
        test_inputs=test,
        test_desired=feedforward(task.network, teacher, test).output,
    )


def _draw(task: Regression, *, bound: float | None, gain: float, seed: int, who: str) -> Parameters:
    """Weights and, where there are any, biases uniform within ±bound, or ±gain/√n_in."""
    forward, biases = [], []
    for position, (n_in, n_out) in enumerate(zip(task.layers[:-1], task.layers[1:], strict=True), start=1):
        rng = stream(seed, "podlaski_2020", who, position)
        limit = bound if bound is not None else gain / n_in**0.5
        forward.append(rng.uniform(-limit, limit, (n_out, n_in)))
        biases.append(np.zeros(n_out) if task.linear else rng.uniform(-limit, limit, n_out))
    return Parameters.from_arrays(forward=forward, biases=biases)
