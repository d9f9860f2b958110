"""Tables 1 and 2: image tasks learned by every method; prints nothing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from common import Arrays, Part, Split, load_split

from meulemans_2021.settings import COLUMNS, ROWS, Setting
from meulemans_2021.training import Job, Tell, train
from neurosim.reference import Parameters, evaluate
from neurosim.spec import Optimizer, Run, Spec

STEPSIZES = (1e-3, 1e-2, 1e-1, 0.5)
LEAKS = (1e-4, 1e-3, 1e-2, 1e-1)
OTHER_STEPSIZE, OTHER_LEAK = 0.08, 0.0015
"""What table 2 leaves fixed while the other varies."""
CHIP_RATE = 0.24
"""λ η on the chip."""
UNITS = {"MNIST-autoencoder": ("·10⁻²", 100.0), "MNIST (train loss)": ("", 1.0)}
"""Of the columns that are no error in %."""


@attrs.frozen(kw_only=True)
class Budget:
    """How much of the paper's effort."""

    epochs: int | None
    """None: the paper's, 100 or 25."""
    train: int
    """Training images; 0: all that validation leaves."""
    validation: int
    test: int
    """0: all."""
    pretraining: int | None
    """Passes of feedback learning before the first epoch; None: the authors'."""
    divisor: int
    """Hidden layers are smaller by this factor."""
    steps: int | None
    """Of a simulated presentation; None: the authors'."""
    night_factor: float = 1.0
    """On η_Q, where few passes have to do."""

    def applied(self, setting: Setting) -> Setting:
        """A setting of that size."""
        task = attrs.evolve(
            setting.task,
            train_samples=self.train + self.validation if self.train else 0,
            test_samples=self.test,
        )
        passes = self.pretraining if self.pretraining is not None else setting.sleep.pretraining_epochs
        return attrs.evolve(
            setting.narrowed(self.divisor) if self.divisor > 1 else setting,
            task=task,
            epochs=self.epochs if self.epochs is not None else setting.epochs,
            steps=self.steps if self.steps is not None else setting.steps,
            sleep=attrs.evolve(
                setting.sleep,
                pretraining_epochs=passes,
                pretraining_learning_rate=self.night_factor * setting.sleep.pretraining_learning_rate,
                learning_rate=self.night_factor * setting.sleep.learning_rate,
            ),
        )


PAPER = Budget(epochs=None, train=0, validation=5000, test=0, pretraining=None, divisor=1, steps=None)
QUICK = Budget(
    epochs=1, train=512, validation=256, test=512, pretraining=10, divisor=8, steps=150, night_factor=30.0
)
QUICK_ROWS = {"MNIST": tuple(ROWS), "MNIST-autoencoder": ("BP", "DFC (fixed)", "DFA")}
"""Of table 1. Feedback from the autoencoder's 784 outputs takes long to learn, and to solve for."""
QUICK_STEPSIZES, QUICK_LEAKS = (1e-2, 0.5), (1e-3, 1e-1)


def load_images(setting: Setting, budget: Budget) -> Split:
    """Images as the authors' network sees them; DataError where the files are missing."""
    split = load_split(setting.task, validation=budget.validation)

    def scaled(part: Part) -> Part:
        inputs = (part.inputs - setting.centre) / setting.scale
        return attrs.evolve(part, inputs=inputs, desired=inputs if setting.task.reconstruct else part.desired)

    return Split(train=scaled(split.train), validation=scaled(split.validation), test=scaled(split.test))


def learn(
    setting: Setting,
    split: Split,
    row: str,
    seed: int,
    *,
    column: str,
    kept: Path,
    fresh: bool,
    tell: Tell,
    stepsize: float | None = None,
    leak: float | None = None,
) -> Arrays:
    """The history of one training with loss and share of hits on validation and test images after each epoch."""
    task = setting.task

    def measure(parameters: Parameters) -> dict[str, Any]:
        found: dict[str, float] = {}
        for name, part in (("validation", split.validation), ("test", split.test)):
            loss, hits = evaluate(setting.network, parameters, part.inputs, part.desired, task.loss)
            found |= {f"{name}_loss": loss, f"{name}_hits": hits}
        return found

    job = Job.of(
        setting,
        setting.method(row, stepsize=stepsize, leak=leak),
        split.train,
        name=f"{column} {row}",
        changed={"λ": stepsize, "α": leak},
        seed=seed,
        measured=f"{len(split.validation.inputs)} and {len(split.test.inputs)} images, scaled as {setting.scale:g}",
        measure=measure,
    )
    return train(job, kept=kept, fresh=fresh, tell=tell)


def outcome(column: str, setting: Setting, history: Arrays) -> float:
    """What stands in the table; NaN where training diverged.

    Test error in %, or the mean square of a pixel's error, of the epoch that was best in validation; or the
    training loss of the last epoch, each sample's just before the update it took part in.
    """
    if bool(history["ended"]) or len(history["loss"]) < 2:
        return math.nan
    if column == "MNIST (train loss)":
        return float(history["loss"][-1])
    if setting.task.reconstruct:
        best = int(np.nanargmin(history["validation_loss"][1:])) + 1
        return 2.0 * float(history["test_loss"][best]) / setting.layers[-1]
    best = int(np.nanargmax(history["validation_hits"][1:])) + 1
    return 100.0 * (1.0 - float(history["test_hits"][best]))


def learn_on_chip(budget: Budget, seed: int) -> dict[str, float]:
    """DFC with fixed feedback on MNIST as the emulation of an ideal chip; test error in % and seconds.

    Images in [0, 1], as the library loads them, without validation images, and plain updates, which a chip makes by
    itself, with the λ η of examples/specs/mnist.toml.
    """
    from neurosim.experiment import run  # Brian2 takes seconds to load, and nothing else needs it

    setting = budget.applied(COLUMNS["MNIST"])
    learn_duration = setting.steps * setting.dt
    spec = Spec(
        network=setting.network,
        method=attrs.evolve(
            setting.method("DFC (fixed)"), optimizer=Optimizer(), learning_rate=CHIP_RATE / setting.stepsize
        ),
        task=attrs.evolve(setting.task, train_samples=budget.train),
        run=Run(
            dt_ratio=setting.dt,
            learn_duration=learn_duration,
            batch=setting.batch,
            epochs=setting.epochs,
            seed=seed,
            verify_samples=0,
        ),
    )
    result = run(spec).result
    accuracy = result.learning["test_accuracy"].values[-1] if result.status.good else math.nan
    return {
        "test_error": 100.0 * (1.0 - float(accuracy)),
        "seconds": float(result.provenance["wall_seconds"]),
    }
