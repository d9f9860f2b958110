"""Phases in which only the feedback is learned: asleep from noise, or decoders from activity at rest."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Stimulus
from neurosim.backend.emulator import Progress
from neurosim.emulate import Passage, Rates, VirtualChip, Weights
from neurosim.learning import Decoders
from neurosim.spec import Protocol, asleep


@attrs.define(kw_only=True, eq=False)
class FeedbackPhase:
    """Passes of a stimulus after which only feedback weights have changed; target steps are λ = 0."""

    chip: VirtualChip
    protocol: Protocol
    build_seconds: float
    """What its own chip took to build."""
    optimizer: Mapping[str, NDArray[np.float64]] = attrs.field(factory=dict)
    """What its own carries on from pass to pass."""

    def run(
        self,
        stimulus: Stimulus,
        weights: Weights,
        *,
        rate: float,
        passage: int,
        progress: Progress | None,
        wander: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> Passage:
        """One pass at the learning rate `rate`; `passage` numbers it, for its noise, which goes on from `wander`."""
        seen = self.chip.show(
            stimulus,
            weights=weights,
            protocol=self.protocol,
            learning=Rates(forward=0.0, feedback=rate),
            nudge=0.0,
            passage=passage,
            optimizer=self.optimizer,
            wander=wander,
            progress=progress,
        )
        self.optimizer = seen.optimizer
        return seen


def feedback_phase(chip: VirtualChip) -> FeedbackPhase | None:
    """The phase that a method's feedback is learned in; None where it is fixed or learned all the time.

    Asleep: noise in the apical compartments, the target at the output itself (Meulemans et al. 2021, eq. 12, 13), on
    the same chip biased otherwise. Decoders: activity at rest is decoded and compared, nothing has to settle, for
    τ = h from the start (Bengio 2020, Algorithm 1).
    """
    if chip.method.sleeps:
        night = VirtualChip(
            asleep(chip.spec), columns=chip.model.n_columns, backend=chip.backend, sleeps=True
        )
        return FeedbackPhase(chip=night, protocol=night.spec.run.protocol, build_seconds=night.build_seconds)
    if isinstance(chip.method.feedback, Decoders):
        protocol = attrs.evolve(chip.spec.run.protocol, learn_steps=1)
        return FeedbackPhase(chip=chip, protocol=protocol, build_seconds=0.0)
    return None
