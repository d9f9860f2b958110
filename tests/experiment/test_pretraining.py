"""Feedback learned from noise on the emulated chip, as the paper's section 5 claims of it."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment.learners import ChipLearner
from neurosim.experiment.measuring import measure
from neurosim.experiment.pretraining import pretrain, pretraining_epochs
from neurosim.io import Dataset, load_dataset
from neurosim.spec import MethodSettings, Network, Run, Sleep, Spec, Task


def _spec(chip: str, *, passes: int = 16) -> Spec:
    """15-10-10-5 with the paper's sleep settings, k_p = 1.5 and alpha = .0015 awake; seed 1 starts unstable."""
    spec = Spec(
        network=Network(layers=(15, 10, 10, 5), tau_soma_ratio=0.2),
        method=MethodSettings(
            name="DFC",
            proportional_gain=1.5,
            leak=0.0015,
            target_stepsize=0.05,
            sleep=Sleep(pretraining_epochs=passes),
        ),
        task=Task(name="student_teacher"),
        run=Run(batch=128, dt_ratio=0.01, seed=1),
    )
    return attrs.evolve(spec, chip={"name": chip})


def _seen(chip: VirtualChip, weights: Weights, dataset: Dataset) -> dict[str, float]:
    return measure(chip.spec, weights, dataset, chip.deviations)


@pytest.mark.cpp
@pytest.mark.parametrize(("preset", "passes"), [("ideal", 16), ("subthreshold_180nm", 30)])
def test_nights_on_the_chip_make_its_unstable_loop_stable(preset: str, passes: int) -> None:
    """Condition 2 from random feedback to above .9 within the paper's 50 passes, max Re eig from + to −.

    The pole of the silicon's output stage lets the controller answer late to the noise it is to be correlated with, so
    that each pass teaches less: .90 after 16 passes, .94 after 16 without that stage and after 30 with it.
    """
    spec = _spec(preset, passes=passes)
    dataset = load_dataset(spec.task)
    chip = VirtualChip(spec, backend="cpp")
    learner = ChipLearner(chip, dataset)
    before = _seen(chip, learner.weights, dataset)
    forward = learner.weights.forward
    told: list[tuple[int, int]] = []
    status = pretrain(spec, learner, dataset, lambda what, done, total: told.append((done, total)))
    after = _seen(chip, learner.weights, dataset)
    assert status.good
    assert told
    for old, new in zip(forward, learner.weights.forward, strict=True):
        np.testing.assert_array_equal(old, new)  # only the feedback learns
    assert before["condition_two"] < 0.7
    assert before["max_real_eigenvalue"] > 0
    assert after["condition_two"] > 0.9
    assert after["max_real_eigenvalue"] < 0


@pytest.mark.parametrize(("name", "passes"), [("DFC-SSA", 16), ("DTP", 16), ("DFC-merged", 0), ("DFA", 0)])
def test_who_wants_passes_of_its_own(name: str, passes: int) -> None:
    """Learned feedback and decoders do; what learns awake or never does not."""
    spec = _spec("ideal")
    assert pretraining_epochs(attrs.evolve(spec, method=attrs.evolve(spec.method, name=name))) == passes
