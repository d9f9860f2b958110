"""What plasticity makes of a presentation, moment by moment; knows not how it is stepped or controlled."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.from_noise import check_learnable
from neurosim.learning.methods import method_of
from neurosim.learning.plasticity import AtSteadyState, Controlled
from neurosim.reference.euler import Moment, State
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import assemble_plant
from neurosim.reference.tensors import double
from neurosim.reference.updates import Updates
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.protocol import Protocol


class Plasticity:
    """The weights while one presentation lasts, and the change that its moments add up to.

    Mutable: `learn` is called once for every step in which the controller is on.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        method: MethodSettings,
        protocol: Protocol,
        deviations: Deviations | None,
        accumulate: bool,
        *,
        zero_noise: Tensor | None = None,
    ) -> None:
        """zero_noise : what sampling adds to the terms that auto-zero holds, (B, Σ n_l); None: nothing."""
        plasticity = type(method_of(method.name).plasticity)
        if accumulate and (plasticity not in _LEARNING_STEPS or not method_of(method.name).dynamical):
            raise SpecError(
                f"{method.name} has no dynamics",
                where="method.name",
                expected="DFC, DFC-SS or a variant of them",
                remedy="neurosim.reference.training carries the method out",
            )
        self.plant = assemble_plant(network, parameters, deviations=deviations)
        self._gains = [double(gain) for gain in deviations.forward_gain] if deviations is not None else None
        self._auto_zero = deviations is not None and deviations.auto_zero
        self._parameters = parameters
        self._continuous = method.weight_updates == "continuous"
        self._rate = method.learning_rate
        self._steps = _LEARNING_STEPS[plasticity](protocol) if accumulate else range(0)
        self._accumulate = accumulate
        self._zero: list[Tensor] | None = None
        self._zero_noise = None
        if zero_noise is not None and self._auto_zero:
            self._zero_noise = zero_noise.split([len(layer.leak) for layer in self.plant], dim=1)
        self._sum = Updates(
            forward=tuple(torch.zeros_like(w) for w in parameters.forward),
            biases=tuple(torch.zeros_like(b) for b in parameters.biases),
        )

    def learn(self, k: int, state: State, moment: Moment, inputs: Tensor) -> None:
        """The plasticity of step k, with the somata and rates from before the step."""
        post = [
            layer.difference(v, basal)
            for layer, v, basal in zip(self.plant, state.soma, moment.basal, strict=True)
        ]
        if self._auto_zero:
            post = self._zeroed(post)
        if k not in self._steps:
            return
        change = Updates.from_terms(post, pre=(inputs, *moment.rate[:-1])).scaled(1.0 / len(self._steps))
        self._sum = _add(self._sum, change)
        if self._continuous:
            self._apply(change.scaled(self._rate))

    def _zeroed(self, post: list[Tensor]) -> list[Tensor]:
        """Against what they are at the first step, which is held with noise from then on."""
        if self._zero is not None:
            return [now - rest for now, rest in zip(post, self._zero, strict=True)]
        self._zero = post
        if self._zero_noise is not None:
            self._zero = [rest + noise for rest, noise in zip(post, self._zero_noise, strict=True)]
        return [torch.zeros_like(now) for now in post]

    def updates(self) -> Updates | None:
        """The change of the whole presentation."""
        return self._sum.scaled(self._rate) if self._accumulate else None

    def _apply(self, change: Updates) -> None:
        self._parameters = attrs.evolve(
            self._parameters,
            forward=tuple(w + dw for w, dw in zip(self._parameters.forward, change.forward, strict=True)),
            biases=tuple(b + db for b, db in zip(self._parameters.biases, change.biases, strict=True)),
        )
        self.plant = tuple(
            attrs.evolve(layer, weights=w if self._gains is None else self._gains[l] * w, biases=b)
            for l, (layer, w, b) in enumerate(
                zip(self.plant, self._parameters.forward, self._parameters.biases, strict=True)
            )
        )


class FeedbackPlasticity:
    """ΔQ_l = −⟨v_fb,l uᵀ⟩/σ² − β Q_l, the mean over the learn phase and the batch (eq. 13), without η_Q.

    Awake, u is what a high-pass leaves of it, u − u_lp with τ du_lp/dt = u − u_lp and u_lp = 0 at the start
    of the learn phase (App. C.3).    Mutable: `learn` is called once for every step of the learn phase.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        method: MethodSettings,
        protocol: Protocol,
        *,
        auto_zero: bool = False,
    ) -> None:
        """`auto_zero`: v_fb is measured against what it is when the learn phase starts."""
        self._auto_zero = auto_zero
        self._held: tuple[Tensor, ...] | None = None
        feedback = check_learnable(network, method)
        parameters.check_feedback(feedback, network)
        self._weights = parameters.feedback
        self._sleep = method.sleep
        self._share = protocol.dt_ratio / method.sleep.highpass_ratio if feedback.awake else 0.0
        self._slow: Tensor | float = 0.0
        self._steps = 0
        self._sum = [torch.zeros_like(matrix) for matrix in parameters.feedback]

    def learn(self, state: State, moment: Moment) -> None:
        """Add v_fb and u as they are before a step."""
        fast = moment.output - self._slow
        self._slow = self._slow + self._share * fast
        if self._held is None:
            self._held = tuple(v if self._auto_zero else torch.zeros_like(v) for v in state.apical)
        moved = [v - held for v, held in zip(state.apical, self._held, strict=True)]
        self._sum = [s + v.T @ fast / len(v) for s, v in zip(self._sum, moved, strict=True)]
        self._steps += 1

    def updates(self) -> tuple[Tensor, ...]:
        """The change of the whole presentation, (n_l, n_L) each; 0 without a learn phase."""
        if self._steps == 0:
            return tuple(self._sum)
        scale = self._steps * self._sleep.noise**2
        return tuple(
            -s / scale - self._sleep.decay * q for s, q in zip(self._sum, self._weights, strict=True)
        )


def _every_learn_step(protocol: Protocol) -> range:
    return range(protocol.settle_steps, protocol.settle_steps + protocol.learn_steps)


def _last_learn_step(protocol: Protocol) -> range:
    return _every_learn_step(protocol)[-1:]


_LEARNING_STEPS = {Controlled: _every_learn_step, AtSteadyState: _last_learn_step}


def _add(first: Updates, second: Updates) -> Updates:
    return Updates(
        forward=tuple(x + y for x, y in zip(first.forward, second.forward, strict=True)),
        biases=tuple(x + y for x, y in zip(first.biases, second.biases, strict=True)),
    )
