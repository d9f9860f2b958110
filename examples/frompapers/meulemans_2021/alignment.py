"""Figures 3 and 4: student and teacher, what is measured while DFC learns; draws nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
from common import Arrays, Part, load_split

from meulemans_2021.measures import Batch, measure_batch
from meulemans_2021.rules import rule_for
from meulemans_2021.settings import STUDENT_TEACHER, Setting
from meulemans_2021.training import Job, Tell, train
from neurosim.reference import Parameters, evaluate
from neurosim.spec.streams import stream

VARIANTS = ("DFC", "DFC-SS", "DFC-SSA", "DFC (fixed)", "DFC-SS (fixed)", "DFC-SSA (fixed)")
"""Lines of figure 3."""
STEPSIZES = (1e-3, 1e-2, 1e-1, 0.5)
"""λ of figure 4A; 0.5 clamps the output to the label."""
LEAKS = (1e-4, 1e-3, 1e-2, 1e-1)
"""α of figure 4B."""


@attrs.frozen(kw_only=True)
class Plan:
    """How large."""

    setting: Setting
    samples: int
    """0: all 5000."""
    batches: int
    """Measured after every epoch."""
    spectra: int
    """Samples of each of them whose eigenvalues are worked out."""
    window: int
    """Epochs that a line averages over."""
    fourth: str
    """The variant of figure 4."""


FULL = Plan(setting=STUDENT_TEACHER, samples=0, batches=4, spectra=16, window=10, fourth="DFC")
QUICK = Plan(
    # Few samples make few updates, so that both plasticities get higher rates.
    setting=attrs.evolve(
        STUDENT_TEACHER,
        epochs=5,
        dt=0.02,
        steps=250,
        rates={"DFC": 0.2},
        sleep=attrs.evolve(
            STUDENT_TEACHER.sleep,
            pretraining_epochs=100,
            pretraining_learning_rate=0.3,
            learning_rate=0.02,
        ),
    ),
    samples=512,
    batches=2,
    spectra=4,
    window=2,
    fourth="DFC-SS",
)


def learn(
    plan: Plan,
    row: str,
    seed: int,
    *,
    kept: Path,
    fresh: bool,
    tell: Tell,
    stepsize: float | None = None,
    leak: float | None = None,
) -> Arrays:
    """The history of one training; entries named by `measures.NAMES` are (epochs + 1, batches).

    The authors' learning rate is for η λ constant, which is kept to where λ is another.
    """
    setting = plan.setting
    task = attrs.evolve(setting.task, train_samples=plan.samples)
    split = load_split(task)
    method = setting.method(row, stepsize=stepsize, leak=leak)
    if stepsize is not None:
        method = attrs.evolve(method, learning_rate=method.learning_rate * setting.stepsize / stepsize)
    rule = rule_for(setting.network, method, dt=setting.dt, steps=setting.steps)[1]
    batches = _batches(split.train, plan, setting.batch)

    def measure(parameters: Parameters) -> dict[str, Any]:
        found = [
            measure_batch(
                setting.network,
                parameters,
                method,
                batch,
                loss=task.loss,
                rule=rule,
                spectra=plan.spectra,
            )
            for batch in batches
        ]
        test = evaluate(setting.network, parameters, split.test.inputs, split.test.desired, task.loss)[0]
        return {name: [f[name] for f in found] for name in found[0]} | {"test_loss": test}

    job = Job.of(
        attrs.evolve(setting, task=task),
        method,
        split.train,
        name=f"student–teacher {row}",
        changed={"λ": stepsize, "α": leak},
        seed=seed,
        measured=f"alignment, {plan.batches} batches, {plan.spectra} spectra",
        measure=measure,
    )
    return train(job, kept=kept, fresh=fresh, tell=tell)


def _batches(data: Part, plan: Plan, size: int) -> list[Batch]:
    """Those to measure with, the same after every epoch and for every line."""
    chosen = stream(0, "figure_3: measured").permutation(len(data.inputs))[: plan.batches * size]
    return [
        Batch(inputs=data.inputs[few], desired=data.desired[few])
        for few in np.array_split(chosen, plan.batches)
    ]


def averaged(values: Any, window: int) -> tuple[Any, Any]:
    """Mean and deviation over a window of epochs, (epochs,) each, of values (seeds, epochs, batches)."""
    moved = np.asarray(values, float)
    means, deviations = [], []
    for epoch in range(moved.shape[1]):
        seen = moved[:, max(0, epoch - window + 1) : epoch + 1].ravel()
        seen = seen[np.isfinite(seen)]
        means.append(seen.mean() if len(seen) else np.nan)
        deviations.append(seen.std() if len(seen) else np.nan)
    return np.array(means), np.array(deviations)
