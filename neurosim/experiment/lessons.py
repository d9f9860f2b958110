"""What an epoch and a test come to; knows no learner."""

from __future__ import annotations

import attrs

from neurosim.result import Status


@attrs.frozen(kw_only=True)
class Lesson:
    """What came of one pass over the training set."""

    loss: float
    """Mean loss of the samples shown, each before the update it took part in."""
    status: Status = attrs.field(factory=Status)
    settling: float = float("nan")
    """Mean over presentations of how fast the integrators still moved at the end; NaN: no loop."""
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Exam:
    """What came of a test."""

    loss: float = float("nan")
    accuracy: float = float("nan")
    """NaN where there are no classes."""
    status: Status = attrs.field(factory=Status)
