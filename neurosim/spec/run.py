"""How long, how often and on what a spec runs."""

from __future__ import annotations

import attrs

from neurosim.errors import SpecError
from neurosim.spec.checks import integer, number, one_of
from neurosim.spec.protocol import Protocol

BACKENDS = ("numpy", "cpp", "cuda")
"""Engines of the emulation."""
PRECISIONS = ("float64", "float32")
"""Numbers that an emulation computes with."""

STEP_BITS = 31
"""Steps of a presentation are counted below 2^31: engines keep them in 32 bits."""


@attrs.frozen(kw_only=True)
class Run:
    """Durations are in units of τ_u, the time constant of the controller."""

    dt_ratio: float = attrs.field(default=0.02, validator=number(above=0))
    """Time step over τ_u; 0.02 is the setting of the paper's code."""
    settle_duration: float = attrs.field(default=6.0, validator=number(above=0))
    """Length of the settle phase over τ_u. Chosen: 30 τ_v at the default ratio."""
    learn_duration: float = attrs.field(default=6.0, validator=number(above=0))
    """Length of the learn phase over τ_u; 6 is 300 steps, as in the paper's code on Fashion-MNIST."""
    batch: int = attrs.field(default=32, validator=integer(least=1, bits=31))
    """Samples that share the weights during a presentation; 1 is the chip."""
    epochs: int = attrs.field(default=10, validator=integer(least=0, bits=31))
    """Passes over the training set."""
    seed: int = attrs.field(default=1, validator=integer(least=0, bits=63))
    """Root of all random streams but the chip's own."""
    backend: str = attrs.field(default="cpp", validator=one_of(BACKENDS))
    """Engine of the emulation."""
    precision: str = attrs.field(default="float64", validator=one_of(PRECISIONS))
    """Numbers of the emulation; float32 takes less than half the time, what weights store stays float64."""
    cores: int = attrs.field(default=1, validator=integer(least=0, bits=31))
    """Which share the samples of a batch; 0: all that there are. For the C++ engine; a `Lot` spreads its chips."""
    fast_forward: float = attrs.field(default=0.0, validator=number(least=0))
    """A phase is passed once no state of any sample would still move by so many units of activity in what is left of
    it; 0: never. Weight changes are off by about as much over what the controller moves rates by, so choose it a
    thousandth of that or less. Of no effect on a noisy chip, in sleep, and while traces are kept."""
    verify_samples: int = attrs.field(default=8, validator=integer(least=0, bits=31))
    """Test samples that a run verifies at its end; 0 turns it off."""
    measure_every: int = attrs.field(default=1, validator=integer(least=0, bits=31))
    """Epochs between two measurements of conditions, angles and stability; 0: none."""
    measure_samples: int = attrs.field(default=4, validator=integer(least=1, bits=31))
    """Test samples that are measured; chosen small, for it costs a Jacobian and a spectrum each."""
    trace_steps: int = attrs.field(default=5, validator=integer(least=1, bits=31))
    """A trace keeps every so-manieth step."""

    def __attrs_post_init__(self) -> None:
        steps = (self.settle_duration + self.learn_duration) / self.dt_ratio
        if not steps < 2**STEP_BITS:
            raise SpecError(
                "a presentation takes too many steps",
                where="dt_ratio",
                expected=f"settle_duration + learn_duration shorter than 2^{STEP_BITS} steps",
                got=f"{steps:.3g} steps",
            )

    @property
    def protocol(self) -> Protocol:
        """The phases of a training presentation in steps."""
        return Protocol(
            dt_ratio=self.dt_ratio,
            settle_steps=max(1, round(self.settle_duration / self.dt_ratio)),
            learn_steps=max(1, round(self.learn_duration / self.dt_ratio)),
        )
