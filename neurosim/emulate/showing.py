"""In which way a chip is shown a stimulus, and what an engine is given for it; knows no engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Required, TypedDict

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.backend import Stimulus
from neurosim.emulate.plastic import Rates
from neurosim.emulate.weights import Weights
from neurosim.spec import Protocol

Array = NDArray[np.float64]


class How(TypedDict, total=False):
    """In which way a chip is shown a stimulus."""

    weights: Required[Weights]
    """What the chip stores, see `VirtualChip.written`; how old that is comes with them, and is carried on."""
    protocol: Required[Protocol]
    learning: bool | Rates
    """Whether updates reach the weights (they do), or at which rates; the controller works in any case."""
    nudge: float | None
    """λ instead of the spec's."""
    noise: bool | Collection[str]
    """False turns the noise off, of a noisy chip and of a sleep phase; what remembers stands still. Names leave those
    kinds alone on, see `neurosim.emulate.wandering.noise_kind`."""
    fast_forward: float | None
    """Instead of the spec's."""
    droop: bool
    """False lets what is sampled and held stay as it is, so that a state at rest exists."""
    ageing: bool
    """False lets time stand still for stored weights."""
    passage: int
    """Number of this run, so that every run meets noise of its own; the first is 0."""
    optimizer: Mapping[str, Array] | None
    """What the last passage left of the optimiser's state; None: it starts."""
    wander: Mapping[str, Array] | None
    """What the last passage left of noise that remembers, which goes on from there; None: it starts anywhere, as if a
    long time had passed."""
    traced: tuple[int, int]
    """First and last + 1 presentation of which traces are kept; there are none unless asked for."""
    trace_steps: int
    """Of these every so many steps."""


@attrs.frozen(kw_only=True, eq=False)
class Showing:
    """What an engine is given when a chip is shown a stimulus, and what is needed to read what it answers."""

    stimulus: Stimulus
    """As the chip's circuits see it."""
    values: Mapping[str, ArrayLike]
    outputs: Sequence[str]
    weights: Weights
    """Before."""
    protocol: Protocol
    standing: Mapping[str, Array]
    """States of noise that stand still."""
    presentation: float
    """By how much stored weights age in one presentation, s."""
    trace_steps: int
