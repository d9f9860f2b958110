"""Figure 4 computed: MNIST classified and autoencoded, chunk by chunk, each kept; draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from common import Arrays, Part, Settings, Split, continued, device_context, key_of

from neurosim.errors import NeurosimError
from neurosim.learning.initial import initial_weights
from neurosim.reference import Parameters, evaluate, train_epochs
from neurosim.reference.inversion.sequential import pairs_of
from neurosim.reference.inversion.time_step import largest_step
from neurosim.reference.tensors import as_array
from neurosim.spec import Network
from neurosim.spec.streams import stream
from podlaski_2020.algorithms import Algorithm, draw_feedback, simulated
from podlaski_2020.settling import DT, STEPS
from podlaski_2020.tasks import PAPER

LOSSES = {"4a": "softmax_cross_entropy", "4b": "squared_error"}
"""By panel; in both the error at the output is y − t (section 2.1)."""
SCORED = 2000
"""Training images of which the autoencoders' error is taken. Chosen."""


@attrs.frozen(kw_only=True)
class Plan:
    """One line of figure 4: a network that learns MNIST by one algorithm."""

    part: str
    """Panel: "4a" classifies, "4b" reconstructs."""
    algorithm: Algorithm
    network: Network
    start: str = "uniform"
    """Feedforward weights: uniform within ±0.01, or orthogonal."""
    rate: float
    """η of the mean over the batch."""
    decay: float = 0.0
    """What W loses with every step, W ← (1 − decay) W."""
    batch: int
    examples: int
    """All that are shown."""
    interval: int
    """Examples between measurements."""

    @property
    def label(self) -> str:
        """Such as "BP, orthogonal"."""
        return f"{self.algorithm.label}, {self.start}" if self.part == "4b" else self.algorithm.label

    @property
    def chunks(self) -> int:
        """How many intervals there are."""
        return self.examples // self.interval


def learn(
    plan: Plan, split: Split, *, seed: int, settings: Settings, tell: Callable[[int, int], None]
) -> Arrays:
    """curve (n_chunks + 1,), NaN from where it diverged; steps, the share of dt that stability allows; weights.

    Goes on from what is kept.
    """
    key = key_of(
        f"figure_{plan.part}-{plan.label}-{seed}", plan=plan, seed=seed, samples=len(split.train.inputs)
    )

    def advance(state: Arrays) -> Mapping[str, Any]:
        tell(int(state["advanced"]), plan.chunks)
        with device_context():
            return _advance(plan, split, state, seed)

    def begin() -> Mapping[str, Any]:
        with device_context():
            return _begin(plan, split, seed)

    state = continued(
        settings.kept, key, begin=begin, advance=advance, length=plan.chunks, fresh=settings.fresh
    )
    curve = np.full(plan.chunks + 1, np.nan)
    curve[: len(state["curve"])] = state["curve"]
    return {**state, "curve": curve}


def parameters_of(state: Mapping[str, Any], depth: int) -> Parameters:
    """The weights in a state."""
    return Parameters.from_arrays(
        forward=[state[f"weights_{l}"] for l in range(1, depth + 1)],
        biases=[state[f"biases_{l}"] for l in range(1, depth + 1)],
        feedback=[state[name] for name in sorted(n for n in state if n.startswith("feedback_"))],
    )


def _begin(plan: Plan, split: Split, seed: int) -> dict[str, Any]:
    forward = draw_weights(plan, seed)
    feedback = draw_feedback(
        plan.algorithm, plan.network, tuple(torch.tensor(w, device="cpu") for w in forward), seed
    )
    parameters = Parameters.from_arrays(
        forward=forward, biases=[np.zeros(n) for n in plan.network.layers[1:]], feedback=feedback
    )
    return _state(parameters, curve=[_score(plan, parameters, split)], steps=[_step_share(plan, parameters)])


def draw_weights(plan: Plan, seed: int) -> list[np.ndarray]:
    """W_1..W_L at the start."""
    if plan.start == "orthogonal":
        forward, _ = initial_weights(attrs.evolve(plan.network, initial_weights="orthogonal"), seed)
        return list(forward)
    shapes = zip(plan.network.layers[1:], plan.network.layers[:-1], strict=True)
    return [
        stream(seed, "podlaski_2020", plan.part, position).uniform(-PAPER, PAPER, shape)
        for position, shape in enumerate(shapes, start=1)
    ]


def _advance(plan: Plan, split: Split, state: Arrays, seed: int) -> dict[str, Any]:
    before = parameters_of(state, plan.network.depth)
    x, y = _samples(plan, split.train, int(state["advanced"]), seed)
    settings = plan.algorithm.settings(rate=plan.rate, weight_decay=plan.decay / plan.rate)
    rule = simulated() if plan.algorithm.method == "DI" else None
    try:
        (epoch,) = train_epochs(
            plan.network,
            before,
            settings,
            x,
            y,
            [np.arange(len(x))],
            loss=LOSSES[plan.part],
            batch=plan.batch,
            rule=rule,
            dtype=torch.float32,
        )
        good, after = np.isfinite(epoch.loss), epoch.parameters
    except NeurosimError:  # a layer on the way to infinity can no more be inverted
        good, after = False, before
    if not good:
        return {**_state(before, curve=state["curve"], steps=state["steps"]), "ended": True}
    curve, steps = [*state["curve"], _score(plan, after, split)], [*state["steps"], _step_share(plan, after)]
    return _state(after, curve=curve, steps=steps)


def _samples(plan: Plan, part: Part, chunk: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The images of a chunk: one epoch after the other, each in an order of its own."""
    count = len(part.inputs)
    numbers = np.arange(chunk * plan.interval, (chunk + 1) * plan.interval)
    orders = {
        epoch: stream(seed, "podlaski_2020", "order", int(epoch)).permutation(count)
        for epoch in np.unique(numbers // count)
    }
    chosen = np.array([orders[number // count][number % count] for number in numbers])
    return part.inputs[chosen], part.desired[chosen]


def _score(plan: Plan, parameters: Parameters, split: Split) -> float:
    """Test error in %, or the mean squared error of a pixel of training images."""
    part = split.test if plan.part == "4a" else split.train
    few = slice(None) if plan.part == "4a" else slice(0, SCORED)
    loss, accuracy = evaluate(
        plan.network, parameters, part.inputs[few], part.desired[few], LOSSES[plan.part]
    )
    return 100.0 * (1.0 - accuracy) if plan.part == "4a" else 2.0 * loss / plan.network.layers[-1]


def _step_share(plan: Plan, parameters: Parameters) -> float:
    """dt over the largest that explicit Euler takes, of the worst pair; below 1 it settles. NaN: no simulation."""
    if plan.algorithm.method != "DI":
        return float("nan")
    with torch.device("cpu"):
        forward = [as_array(w) for w in parameters.forward[1:]]
        feedback = [as_array(b) for b in parameters.feedback]
        pairs = pairs_of(forward, feedback, leak=plan.algorithm.leak)
        largest = min(largest_step(pair, scheme="explicit") for pair in pairs)
    return DT / largest if largest > 0 else float("inf")


def _state(parameters: Parameters, *, curve: Any, steps: Any) -> dict[str, Any]:
    groups = {"weights": parameters.forward, "biases": parameters.biases, "feedback": parameters.feedback}
    arrays = {
        f"{kind}_{l}": as_array(w) for kind, group in groups.items() for l, w in enumerate(group, start=1)
    }
    return {**arrays, "curve": np.array(curve), "steps": np.array(steps), "euler_steps": np.array(STEPS)}
