"""The algorithms compared, their starts of the feedback weights and what a simulated rule is; knows no task."""

from __future__ import annotations

import attrs
import torch

from neurosim.learning.feedback import feedback_shapes
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.learning.methods import method_of
from neurosim.reference.training import Rule, Shown, Taught, Terms
from neurosim.spec import MethodSettings, Network, Optimizer
from neurosim.spec.streams import stream
from podlaski_2020.settling import DT, STEPS, settle_pairs

STARTS = {"transpose": "Tr-Init", "stable": "R-Init", "random": "R-Init", "default": ""}


@attrs.frozen
class Algorithm:
    """One line of a legend."""

    method: str
    """Name in `neurosim.learning.METHODS`."""
    start: str = "default"
    """Of the feedback weights: transpose (Tr-Init), stable (R-Init), random (R-Init of an open path)."""
    leak: float = 0.0
    """α."""
    bound: float = 0.5
    """Of the uniform weights of FA's random start; 0.5 in the authors' code but for the autoencoder's 0.01."""

    @property
    def label(self) -> str:
        """Such as "DI Tr-Init α=0.01"."""
        parts = [self.method, STARTS[self.start]]
        if self.method in ("NDI", "DI", "SLDI"):
            parts.append(f"α={self.leak:g}")
        return " ".join(part for part in parts if part)

    def settings(self, *, rate: float, optimizer: str = "sgd", weight_decay: float = 0.0) -> MethodSettings:
        """For the library."""
        return MethodSettings(
            name=self.method,
            learning_rate=rate,
            leak=self.leak,
            initial_feedback=self.start,
            optimizer=Optimizer(name=optimizer, weight_decay=weight_decay),
        )


def three(method: str) -> tuple[Algorithm, ...]:
    """The realisations of figure 3: two leaks with Tr-Init, one with R-Init."""
    return (
        Algorithm(method, "transpose", 0.01),
        Algorithm(method, "transpose", 0.001),
        Algorithm(method, "stable", 0.01),
    )


LINEAR = (Algorithm("BP"), Algorithm("FA", "random"), Algorithm("PBP"), *three("NDI"), *three("DI"))
NONLINEAR = (*LINEAR, *three("SLDI"))


def draw_feedback(
    algorithm: Algorithm, network: Network, forward: tuple[torch.Tensor, ...], seed: int
) -> tuple[torch.Tensor, ...]:
    """The feedback weights at the start.

    A stable start is stable without any leak, so that it comes from B; so the authors' code has it.
    """
    method = method_of(algorithm.method)
    if algorithm.start == "random":
        drawn = tuple(
            stream(seed, "podlaski_2020", "feedback", position).uniform(
                -algorithm.bound, algorithm.bound, shape
            )
            for position, shape in enumerate(feedback_shapes(method.feedback, network.layers), start=1)
        )
    else:
        settings = algorithm.settings(rate=0.0)
        if algorithm.start == "stable":
            settings = attrs.evolve(settings, leak=0.0)
        arrays = [w.cpu().double().numpy() for w in forward]
        drawn = initial_feedback(method, settings, network, forward=arrays, seed=seed)
    return tuple(torch.as_tensor(b, dtype=torch.float64, device="cpu") for b in drawn)


def simulated(*, dt: float = DT, steps: int = STEPS) -> Rule:
    """Sequential dynamic inversion as a rule of `train_epochs`: each δ is the end of a simulation (eq. 17)."""

    def rule(shown: Shown) -> Taught:
        deltas = [shown.output_error]
        leak = torch.tensor([shown.method.leak], dtype=deltas[0].dtype, device=deltas[0].device)
        pairs = zip(shown.parameters.forward[1:], shown.parameters.feedback, shown.slopes, strict=True)
        for w, b, slope in reversed(list(pairs)):
            state = settle_pairs(w[None], b[None], deltas[0][None], leak=leak, dt=dt, steps=steps)[0]
            deltas.insert(0, state * slope)
        return Taught(terms=Terms(post=tuple(-delta for delta in deltas), pre=shown.pre))

    return rule
