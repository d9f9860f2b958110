"""Phases in which only the feedback is learned: asleep from noise, or decoders from activity at rest."""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Stimulus
from neurosim.backend.emulator import Progress
from neurosim.emulate import Passage, Rates, VirtualChip, Weights
from neurosim.learning import Decoders
from neurosim.spec import asleep

Array = NDArray[np.float64]


class FeedbackPhase(Protocol):
    """One pass of a stimulus after which only feedback weights have changed."""

    build_seconds: float

    def run(
        self, stimulus: Stimulus, weights: Weights, *, rate: float, passage: int, progress: Progress | None
    ) -> Passage:
        """At the learning rate `rate`; `passage` numbers it, for its noise."""
        ...


class Sleeping:
    """Noise in the apical compartments, the target at the output itself (Meulemans et al. 2021, eq. 12, 13)."""

    def __init__(self, chip: VirtualChip) -> None:
        spec = asleep(chip.spec)
        self.chip = VirtualChip(spec, columns=chip.model.n_columns, backend=chip.backend, sleeps=True)
        self.build_seconds = self.chip.build_seconds
        self._optimizer: dict[str, Array] = {}

    def run(
        self, stimulus: Stimulus, weights: Weights, *, rate: float, passage: int, progress: Progress | None
    ) -> Passage:
        """See `FeedbackPhase.run`."""
        seen = self.chip.show(
            stimulus,
            weights=weights,
            protocol=self.chip.spec.run.protocol,
            learning=Rates(forward=0.0, feedback=rate),
            passage=passage,
            optimizer=self._optimizer,
            progress=progress,
        )
        self._optimizer = dict(seen.optimizer)
        return seen


class Decoding:
    """Activity at rest is decoded and compared; targets are the activity itself (Bengio 2020, Algorithm 1)."""

    def __init__(self, chip: VirtualChip) -> None:
        self.chip = chip
        self.build_seconds = 0.0
        self._optimizer: dict[str, Array] = {}

    def run(
        self, stimulus: Stimulus, weights: Weights, *, rate: float, passage: int, progress: Progress | None
    ) -> Passage:
        """See `FeedbackPhase.run`."""
        protocol = self.chip.spec.run.protocol
        seen = self.chip.show(
            stimulus,
            weights=weights,
            protocol=attrs.evolve(protocol, learn_steps=1),  # nothing has to settle: τ = h from the start
            learning=Rates(forward=0.0, feedback=rate),
            nudge=0.0,
            passage=passage,
            optimizer=self._optimizer,
            progress=progress,
        )
        self._optimizer = dict(seen.optimizer)
        return seen


def feedback_phase(chip: VirtualChip) -> FeedbackPhase | None:
    """The phase that a method's feedback is learned in; None where it is fixed or learned all the time."""
    if chip.method.sleeps:
        return Sleeping(chip)
    return Decoding(chip) if isinstance(chip.method.feedback, Decoders) else None
