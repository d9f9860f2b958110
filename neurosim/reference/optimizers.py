"""How mean updates change weights, and what is remembered of earlier ones; knows not where updates come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# The functions behind torch.optim: its classes load torch's compiler at their first step, which takes seconds.
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from neurosim.errors import DataError
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import as_array, double
from neurosim.reference.updates import Updates
from neurosim.spec.optimizer import Optimizer

STATES = ("moment1", "moment2", "power1", "power2")
"""What Adam carries of each array: m, v, β₁ᵗ and β₂ᵗ after t steps, as the chip does."""


@attrs.define
class _Memory:
    """Of one array of weights."""

    first: Tensor
    """−m: torch's gradient is −g."""
    second: Tensor
    steps: Tensor
    """t, as torch counts it."""


class Stepper:
    """The optimiser of `neurosim.spec.Optimizer` at work: SGD and Adam are torch's, with −g as the gradient.

    Mutable: Adam remembers earlier updates of each array by its name, synapses_1, biases_1, feedback_1, …
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self._memories: dict[str, _Memory] = {}

    def step(
        self,
        parameters: Parameters,
        updates: Updates | None,
        *,
        forward_rate: float,
        feedback_updates: Sequence[Tensor] | None = None,
        feedback_rate: float = 0.0,
    ) -> Parameters:
        """The weights after one mean update, which points to where they should go; those given stay as they are.

        Parameters
        ----------
        updates, feedback_updates : without learning rates; None: those weights stay.
        forward_rate, feedback_rate : η and η_Q.
        """
        forward, biases = parameters.forward, parameters.biases
        if updates is not None:
            decay = self.optimizer.weight_decay
            forward = self._move("synapses", forward, updates.forward, rate=forward_rate, decay=decay)
            biases = self._move("biases", biases, updates.biases, rate=forward_rate, decay=decay)
        feedback = parameters.feedback
        if feedback_updates is not None:
            feedback = self.step_feedback(feedback, feedback_updates, rate=feedback_rate)
        return attrs.evolve(parameters, forward=forward, biases=biases, feedback=feedback)

    def step_feedback(
        self, feedback: Sequence[Tensor], updates: Sequence[Tensor], *, rate: float, decay: float = 0.0
    ) -> tuple[Tensor, ...]:
        """Feedback weights after one mean update; `weight_decay` is not theirs.

        decay : β of the decay that the updates have in them already; fixed_norm leaves it out of the norm.
        """
        if self.optimizer.name != "fixed_norm" or decay == 0:
            return self._move("feedback", feedback, updates, rate=rate, decay=0.0)
        bare = [update + decay * weights for update, weights in zip(updates, feedback, strict=True)]
        return self._move("feedback", feedback, bare, rate=rate, decay=decay)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """What is remembered, flat, by names such as "synapses_1.moment1", "feedback_2.power1"; empty but for Adam."""
        found: dict[str, NDArray[np.float64]] = {}
        for name, memory in self._memories.items():
            steps = float(memory.steps)
            values = (
                -as_array(memory.first).ravel(),
                as_array(memory.second).ravel(),
                np.array([self.optimizer.beta1**steps]),
                np.array([self.optimizer.beta2**steps]),
            )
            found |= {f"{name}.{state}": value for state, value in zip(STATES, values, strict=True)}
        return found

    def restore(self, state: Mapping[str, Any], parameters: Parameters) -> None:
        """Go on from a state, of this class or of a chip, that belongs to these weights.

        Raises
        ------
        DataError : an entry that is missing, unknown or of another size.
        """
        arrays = _named(parameters)
        known = {f"{name}.{state}" for name in arrays for state in STATES}
        present = dict.fromkeys(entry.rsplit(".", 1)[0] for entry in state)
        missing = {f"{name}.{part}" for name in present for part in STATES} - set(state)
        if missing or set(state) - known:
            raise DataError(
                "is not the state of this network's optimiser",
                where=", ".join(sorted(missing | (set(state) - known))[:3]),
                expected="moment1, moment2, power1 and power2 of arrays such as synapses_1",
                got="missing" if missing else "unknown",
            )
        self._memories = {name: self._remembered(name, state, arrays[name]) for name in present}

    def _remembered(self, name: str, state: Mapping[str, Any], weights: Tensor) -> _Memory:
        first, second, power1, power2 = (np.asarray(state[f"{name}.{part}"]) for part in STATES)
        if {first.size, second.size} != {weights.numel()} or power1.size != 1 or power2.size != 1:
            raise DataError(
                "is of another size",
                where=name,
                expected=f"{weights.numel()} entries, and one number each for the powers",
                got=f"{first.size}, {second.size}, {power1.size}, {power2.size}",
            )
        steps = _count(
            (float(power1.reshape(())), self.optimizer.beta1),
            (float(power2.reshape(())), self.optimizer.beta2),
        )
        return _Memory(
            first=-double(first).reshape(weights.shape),
            second=double(second).reshape(weights.shape).clone(),
            steps=torch.tensor(float(steps), device="cpu"),
        )

    def _move(
        self,
        kind: str,
        weights: Sequence[Tensor],
        updates: Sequence[Tensor],
        *,
        rate: float,
        decay: float,
    ) -> tuple[Tensor, ...]:
        moved = []
        for position, (old, update) in enumerate(zip(weights, updates, strict=True), start=1):
            new = old.clone()
            _STEPS[self.optimizer.name](self, f"{kind}_{position}", new, update, rate, decay)
            moved.append(new)
        return tuple(moved)

    def _plain(self, name: str, weights: Tensor, update: Tensor, rate: float, decay: float) -> None:
        sgd(
            [weights],
            [update],
            [None],
            foreach=False,
            weight_decay=decay,
            momentum=0.0,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=True,
        )

    def _adam(self, name: str, weights: Tensor, update: Tensor, rate: float, decay: float) -> None:
        memory = self._memories.get(name)
        if memory is None:
            memory = _Memory(
                first=torch.zeros_like(weights),
                second=torch.zeros_like(weights),
                steps=torch.tensor(0.0, device="cpu"),
            )
            self._memories[name] = memory
        # what was restored, or is shared by passes of different precision
        memory.first, memory.second = memory.first.to(weights), memory.second.to(weights)
        adam(
            [weights],
            [update],
            [memory.first],
            [memory.second],
            [],
            [memory.steps],
            foreach=False,
            amsgrad=False,
            beta1=self.optimizer.beta1,
            beta2=self.optimizer.beta2,
            lr=rate,
            weight_decay=decay,
            eps=self.optimizer.epsilon,
            maximize=True,
        )

    def _fixed_norm(self, name: str, weights: Tensor, update: Tensor, rate: float, decay: float) -> None:
        norm = torch.linalg.vector_norm(update)
        # Without an update there is no direction, and nothing to do but the decay.
        step = torch.where(norm > 0, update / torch.where(norm > 0, norm, 1.0), 0.0)
        weights.add_(step - decay * weights, alpha=rate)


_STEPS = {"sgd": Stepper._plain, "adam": Stepper._adam, "fixed_norm": Stepper._fixed_norm}


def _named(parameters: Parameters) -> dict[str, Tensor]:
    groups = {
        "synapses": parameters.forward,
        "biases": parameters.biases,
        "feedback": parameters.feedback,
    }
    return {
        f"{kind}_{position}": weights
        for kind, arrays in groups.items()
        for position, weights in enumerate(arrays, start=1)
    }


def _count(*powers: tuple[float, float]) -> int:
    """t of (βᵗ, β), from the largest power, which has all its digits.

    Where all are gone to 0, any t is right that keeps them there.
    """
    left = [(power, beta) for power, beta in powers if 0 < power < 1]
    if left:
        power, beta = max(left)
        return round(math.log(power) / math.log(beta))
    if any(power == 1.0 for power, _ in powers):
        return 0
    betas = [beta for _, beta in powers if beta > 0]
    return math.ceil(max((math.log(math.ulp(0.0)) / math.log(beta) for beta in betas), default=0.0)) + 1
