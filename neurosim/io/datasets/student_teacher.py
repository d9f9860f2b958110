"""Regression data out of a random teacher network; knows nothing of the student."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurosim.io.datasets.dataset import Dataset
from neurosim.spec.streams import stream
from neurosim.spec.task import Task

TEACHER_LAYERS = (15, 1000, 1000, 1000, 1000, 5)
"""Sizes of the teacher: ReLU hidden layers, linear output, no biases (Meulemans et al. 2021, fig. 3)."""
TEACHER_GAIN = 3.0
"""Xavier-normal gain of its weights (same source)."""
TRAIN_SAMPLES = 5000
TEST_SAMPLES = 1000
"""As in the paper, whose further 1000 validation samples are not used here."""


def load_student_teacher(task: Task) -> Dataset:
    """5000 + 1000 inputs U(−1, 1), (n, 15), and what the teacher answers, (n, 5), standardised.

    The raw outputs of such a teacher have means up to ±10 and standard deviations of 4 to 6, other ones for
    each seed. Each output is therefore shifted and divided so that the 5000 training targets have mean 0 and
    variance 1; the test targets go through the same map. A constant predictor thus has a squared-error loss
    of ½·5 in training, and loss/2.5 is the fraction of variance unexplained. The map uses all 5000 samples
    even when the task takes fewer, so that the targets do not depend on that. Inputs, teacher and both parts
    come from separate streams of `task.seed`; the last bits may differ between BLAS builds.
    """
    weights = draw_teacher(task.seed)
    n_in = TEACHER_LAYERS[0]
    train = stream(task.seed, "student_teacher: train inputs").uniform(-1, 1, (TRAIN_SAMPLES, n_in))
    test = stream(task.seed, "student_teacher: test inputs").uniform(-1, 1, (TEST_SAMPLES, n_in))
    train_raw, test_raw = ask_teacher(weights, train), ask_teacher(weights, test)
    mean, spread = train_raw.mean(axis=0), train_raw.std(axis=0)
    return Dataset(
        name="student_teacher",
        train_inputs=train,
        train_desired=(train_raw - mean) / spread,
        test_inputs=test,
        test_desired=(test_raw - mean) / spread,
    )


def draw_teacher(seed: int) -> tuple[NDArray[np.float64], ...]:
    """Weights of the teacher, each (n_post, n_pre), normal with deviation gain·√(2/(n_pre + n_post))."""
    return tuple(
        stream(seed, f"student_teacher: weights {layer}").normal(
            0.0, TEACHER_GAIN * np.sqrt(2 / (n_pre + n_post)), (n_post, n_pre)
        )
        for layer, (n_pre, n_post) in enumerate(pairwise(TEACHER_LAYERS), start=1)
    )


def ask_teacher(weights: tuple[NDArray[np.float64], ...], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raw teacher outputs (n, 5) for inputs (n, 15)."""
    rates = inputs
    for layer in weights[:-1]:
        rates = np.maximum(rates @ layer.T, 0.0)
    return rates @ weights[-1].T
