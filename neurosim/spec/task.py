"""What the network should compute; loading the data is not done here."""

from __future__ import annotations

import attrs

from neurosim.errors import SpecError
from neurosim.spec.checks import integer, one_of, text, truth

TASKS = ("digits", "student_teacher", "mnist", "fashion_mnist")
"""Data sets by name; `neurosim.io.datasets` loads them."""

LOSSES = ("softmax_cross_entropy", "squared_error")
"""L(r_L, y): −Σ y log softmax(r_L), or ½‖r_L − y‖²."""

_DEFAULT_LOSS = {
    "digits": "softmax_cross_entropy",
    "student_teacher": "squared_error",
    "mnist": "softmax_cross_entropy",
    "fashion_mnist": "softmax_cross_entropy",
}


_WITHOUT_CLASSES = ("student_teacher",)


@attrs.frozen(kw_only=True)
class Task:
    """A data set, its split and the loss on it."""

    name: str = attrs.field(default="digits", validator=one_of(TASKS))
    """Which data."""
    reconstruct: bool = attrs.field(default=False, validator=truth)
    """An autoencoder: the desired output is the input."""
    loss: str = attrs.field(
        default=attrs.Factory(
            lambda task: (
                "squared_error"
                if task.reconstruct is True
                else _DEFAULT_LOSS.get(str(task.name), "squared_error")
            ),
            takes_self=True,
        ),
        validator=one_of(LOSSES),
    )
    """What the target step descends."""
    folder: str = attrs.field(default="", validator=text)
    """Where to look first for data files; empty: the usual places."""
    train_samples: int = attrs.field(default=0, validator=integer(least=0, bits=31))
    """Use only so many training samples; 0: all."""
    test_samples: int = attrs.field(default=0, validator=integer(least=0, bits=31))
    """Use only so many test samples; 0: all."""
    seed: int = attrs.field(default=0, validator=integer(least=0))
    """Seed of the split and of a teacher; kept apart from the run's so that runs share their data."""

    def __attrs_post_init__(self) -> None:
        # A cross-entropy is one of distributions: without Σ y = 1 it is negative, and p − y not its gradient.
        if self.loss == "softmax_cross_entropy" and (self.reconstruct or self.name in _WITHOUT_CLASSES):
            raise SpecError(
                "a cross-entropy needs classes",
                where="loss",
                expected="squared_error for "
                + (f"reconstructions of {self.name}" if self.reconstruct else self.name),
                got=self.loss,
                remedy='set loss = "squared_error", or leave it out',
            )
