"""The networks that are measured, with weights and data to show them; knows no implementation."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

import attrs
import numpy as np

from neurosim.backend import Stimulus
from neurosim.emulate import Weights
from neurosim.spec import MethodSettings, Network, Protocol, Run, Spec
from neurosim.spec.streams import stream

N_SAMPLES = 512
"""Samples to choose from; they are random, as the time of a step does not depend on them."""


@attrs.frozen(kw_only=True)
class Case:
    """A fully connected tanh network that learns by DFC, and how many samples share its weights."""

    layers: tuple[int, ...]
    batch: int
    synapses: bool = True
    """Whether it is also built of Brian2's `Synapses`, which takes memory for batch × weights."""

    @property
    def name(self) -> str:
        """Such as 15-10-10-5/b128."""
        return f"{'-'.join(map(str, self.layers))}/b{self.batch}"

    @property
    def spec(self) -> Spec:
        """Default method on the ideal chip; η so small that any number of presentations is harmless."""
        return Spec(
            network=Network(layers=self.layers),
            method=MethodSettings(learning_rate=1e-3),
            run=Run(batch=self.batch),
        )

    @property
    def noisy(self) -> Spec:
        """The same with all noise of the ideal chip on."""
        return attrs.evolve(self.spec, chip={**self.spec.chip, "noise": True})

    @property
    def weights(self) -> Weights:
        """Those that a run of the spec would start with."""
        return Weights.initial(self.spec)

    def stimulus(self, presentations: int) -> Stimulus:
        """Random inputs in [0, 1) with random classes, scaled to drive tanh units to about 1."""
        draws = stream(0, "benchmark", self.name)
        n_in, n_out = self.layers[0], self.layers[-1]
        order = np.arange(presentations * self.batch, dtype=np.int32) % N_SAMPLES
        return Stimulus(
            inputs=draws.random((N_SAMPLES, n_in)),
            desired=np.eye(n_out)[draws.integers(n_out, size=N_SAMPLES)],
            order=order.reshape(presentations, self.batch),
        )


CASES = (
    Case(layers=(15, 10, 10, 5), batch=128),
    Case(layers=(64, 32, 32, 10), batch=32),
    Case(layers=(784, 256, 256, 256, 10), batch=1, synapses=False),
    Case(layers=(784, 256, 256, 256, 10), batch=32),
    Case(layers=(784, 256, 256, 256, 10), batch=128, synapses=False),
    Case(layers=(15, 10, 10, 5), batch=1024, synapses=False),
    Case(layers=(784, 256, 256, 256, 10), batch=1024, synapses=False),
)


def chosen(cases: Sequence[Case], name: str, parser: ArgumentParser) -> list[Case]:
    """Those whose name contains this; the parser says which there are if none does."""
    found = [case for case in cases if name in case.name]
    if not found:
        parser.error(f"no case is called {name}; there are {', '.join(case.name for case in cases)}")
    return found


def protocol(spec: Spec, *, settle: int, learn: int) -> Protocol:
    """A presentation of so many steps with the time step of the spec."""
    return Protocol(dt_ratio=spec.run.dt_ratio, settle_steps=settle, learn_steps=learn)
