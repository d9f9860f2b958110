"""The Euler step of the emulation as an eager torch loop, one operation after the other; knows nothing of Brian2.

It is how one writes it first: every step computes everything, in place where torch offers that without effort.
"""

from __future__ import annotations

import torch

from neurosim.backend import Stimulus
from neurosim.emulate import Weights
from neurosim.spec import Protocol, Spec


class TorchLoop:
    """tanh layers, linear output, softmax cross-entropy, PI controller, buffered updates; (units, columns)."""

    def __init__(self, spec: Spec, weights: Weights, *, columns: int, precision: str = "float64") -> None:
        network, method = spec.network, spec.method
        if (network.hidden, network.output, spec.task.loss) != ("tanh", "linear", "softmax_cross_entropy"):
            raise ValueError("this loop is written for tanh, linear and softmax_cross_entropy only")
        self.method, self.columns = method, columns
        self.dt, self.gain = spec.run.dt_ratio, spec.run.dt_ratio / network.tau_soma_ratio
        self.dtype = getattr(torch, precision)
        self._forward, self._biases, self._feedback = (
            [torch.tensor(w, dtype=self.dtype) for w in group]
            for group in (weights.forward, weights.biases, weights.feedback)
        )

    @property
    def forward(self) -> list[torch.Tensor]:
        """Weights, (n_post, n_pre) each."""
        return self._forward

    @property
    def biases(self) -> list[torch.Tensor]:
        """(n, 1) each."""
        return [bias[:, None] for bias in self._biases]

    @torch.inference_mode()
    def run(self, stimulus: Stimulus, protocol: Protocol) -> None:
        """Show every presentation; the weights change after each."""
        soma = [torch.zeros(len(w), self.columns, dtype=self.dtype) for w in self._forward]
        for presentation in range(stimulus.n_presentations):
            inputs = torch.tensor(stimulus.shown(presentation).T.copy(), dtype=self.dtype)
            desired = torch.tensor(stimulus.desired[stimulus.order[presentation]].T.copy(), dtype=self.dtype)
            for _ in range(protocol.settle_steps):
                self._settle(inputs, soma)
            target = soma[-1] - self.method.target_stepsize * (torch.softmax(soma[-1], 0) - desired)
            integrator = torch.zeros_like(target)
            summed = [torch.zeros_like(w) for w in self._forward]
            summed_biases = [torch.zeros_like(b) for b in self._biases]
            for _ in range(protocol.learn_steps):
                self._learn(inputs, soma, target, integrator, summed, summed_biases)
            scale = self.method.learning_rate / (max(protocol.learn_steps, 1) * self.columns)
            for weights, change in zip(
                [*self._forward, *self._biases], [*summed, *summed_biases], strict=True
            ):
                weights += scale * change

    def _rates(self, inputs: torch.Tensor, soma: list[torch.Tensor]) -> list[torch.Tensor]:
        return [inputs, *(torch.tanh(v) for v in soma[:-1]), soma[-1].clone()]

    def _settle(self, inputs: torch.Tensor, soma: list[torch.Tensor]) -> None:
        rates = self._rates(inputs, soma)
        for v, w, b, before in zip(soma, self._forward, self._biases, rates[:-1], strict=True):
            v += self.gain * (w @ before + b[:, None] - v)

    def _learn(
        self,
        inputs: torch.Tensor,
        soma: list[torch.Tensor],
        target: torch.Tensor,
        integrator: torch.Tensor,
        summed: list[torch.Tensor],
        summed_biases: list[torch.Tensor],
    ) -> None:
        rates = self._rates(inputs, soma)
        error = target - rates[-1]
        output = integrator + self.method.proportional_gain * error
        integrator += self.dt * (error - self.method.leak * integrator)
        for l, v in enumerate(soma):
            basal = self._forward[l] @ rates[l] + self._biases[l][:, None]
            post = rates[l + 1] - (torch.tanh(basal) if l + 1 < len(soma) else basal)
            v += self.gain * (basal + self._feedback[l] @ output - v)
            summed[l] += post @ rates[l].T
            summed_biases[l] += post.sum(1)
