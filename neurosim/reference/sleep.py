"""The sleep phase over many samples: feedback weights learned from noise; knows neither data sets nor chips."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.from_noise import check_learnable
from neurosim.reference.activations import phi
from neurosim.reference.feedforward import run_forward
from neurosim.reference.optimizers import Stepper
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import assemble_layers
from neurosim.reference.tensors import shaped
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.optimizer import Optimizer
from neurosim.spec.protocol import Protocol


def sleep_epoch(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    protocol: Protocol,
    inputs: Any,
    *,
    batch: int,
    generator: np.random.Generator,
    learning_rate: float,
    optimizer: Stepper | None = None,
) -> Parameters:
    """The parameters after one pass over the inputs; arguments and errors are those of `sleep_batches`."""
    passes = sleep_batches(
        network,
        parameters,
        method,
        protocol,
        inputs,
        batch=batch,
        generator=generator,
        learning_rate=learning_rate,
        optimizer=optimizer,
    )
    for after in passes:
        parameters = after
    return parameters


def sleep_batches(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    protocol: Protocol,
    inputs: Any,
    *,
    batch: int,
    generator: np.random.Generator,
    learning_rate: float,
    optimizer: Stepper | None = None,
) -> Iterator[Parameters]:
    """ΔQ_l = η_Q (−⟨v_fb,l uᵀ⟩/σ² − β Q_l) after every batch (Meulemans et al. 2021, eq. 12 and 13).

    The ideal network starts at the feedforward rest state, as in the paper's code, and so has no settle phase.
    The noisy steps are those of `simulate(..., learn_feedback=True)` from that state.

    Parameters
    ----------
    network, method, protocol : as they are while asleep (`neurosim.spec.asleep`).
    inputs : (N, n_0), presented in this order; the last batch may be smaller.
    generator : gives standard normals (Σ n_l, B) in every noisy step but the last, whose noise nobody sees; in
        float32 it seeds torch's, which does.
    learning_rate : η_Q.
    optimizer : what makes steps of the updates; None: plain ones.

    Yields
    ------
    The parameters after each batch; only the feedback changes.

    Raises
    ------
    SpecError : the method does not learn its feedback from noise, the apical compartment has no time constant,
        the controller no gain, or shapes do not fit. Raised at the call, not at the first batch.
    DataError : inputs of another shape.
    """
    loop = _NoisyLoop.of(network, parameters, method, protocol)
    samples = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    for name, value in (("batch", batch), ("learn_steps", protocol.learn_steps)):
        if value < 1:
            raise SpecError("bad value", where=name, expected="a whole number >= 1", got=repr(value))

    draw = _drawer(generator, samples)
    stepper = optimizer if optimizer is not None else Stepper(Optimizer(name="sgd"))

    def batches() -> Iterator[Parameters]:
        now = parameters
        for chosen in torch.split(samples, batch):
            updates = loop.updates(now.feedback, chosen, draw)
            feedback = stepper.step_feedback(
                now.feedback, updates, rate=learning_rate, decay=method.sleep.decay
            )
            now = attrs.evolve(now, feedback=feedback)
            yield now

    return batches()


def _drawer(generator: np.random.Generator, like: Tensor) -> Callable[[Tensor], Any]:
    """Fills a tensor with standard normals. In float32 torch draws them where they are used, seeded by the generator:
    numpy's own would take most of a pass."""
    if like.dtype == torch.float32:
        source = torch.Generator(like.device).manual_seed(int(generator.integers(2**63)))
        return lambda noise: noise.normal_(generator=source)

    def draw(noise: Tensor) -> Tensor:
        return noise.copy_(torch.from_numpy(generator.standard_normal(tuple(noise.shape))))

    return draw


@attrs.frozen(kw_only=True, eq=False)
class _Columns:
    """The state of a batch, all layers below one another, (Σ n_l, B) or (n_L, B); changed in place."""

    soma: Tensor
    basal: Tensor
    drive: Tensor
    """W_l r_{l−1} + b_l; layer 1's part is constant."""
    apical: Tensor
    target: Tensor
    integrator: Tensor
    filtered: Tensor


@attrs.frozen(kw_only=True, eq=False)
class _NoisyLoop:
    """Network and controller while asleep. Units × columns: layers are contiguous, a step is few operations."""

    network: Network
    method: MethodSettings
    protocol: Protocol
    forward: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    parts: tuple[slice, ...]
    """Where each layer stands."""

    @staticmethod
    def of(
        network: Network, parameters: Parameters, method: MethodSettings, protocol: Protocol
    ) -> _NoisyLoop:
        parameters.check_network(network)
        parameters.check_feedback(check_learnable(network, method), network)
        edges = np.cumsum([0, *network.layers[1:]]).tolist()
        return _NoisyLoop(
            network=network,
            method=method,
            protocol=protocol,
            forward=parameters.forward,
            biases=parameters.biases,
            parts=tuple(slice(a, b) for a, b in pairwise(edges)),
        )

    def updates(
        self, feedback: Sequence[Tensor], inputs: Tensor, draw: Callable[[Tensor], Any]
    ) -> tuple[Tensor, ...]:
        """−⟨v_fb,l uᵀ⟩/σ² − β Q_l of one presentation, (n_l, n_L) each."""
        weights, state, sleep = torch.cat(list(feedback)), self._rest(inputs), self.method.sleep
        noise = torch.empty_like(state.soma)
        product = torch.zeros_like(weights)
        for step in range(self.protocol.learn_steps):
            error = state.target - phi(self.network.activations[-1], state.soma[self.parts[-1]])
            output = self._control(state, error)
            product.addmm_(state.apical, output.T)
            if step < self.protocol.learn_steps - 1:
                draw(noise)
                self._advance(state, weights, error, output, noise)
        mean = product / (self.protocol.learn_steps * len(inputs) * sleep.noise**2)
        return torch.split(-mean - sleep.decay * weights, list(self.network.layers[1:]))

    def _rest(self, inputs: Tensor) -> _Columns:
        rest = run_forward(assemble_layers(self.network, self.forward, self.biases), inputs)
        soma, basal = (torch.cat(values, dim=1).T.contiguous() for values in (rest.soma, rest.basal))
        target = rest.output.T.contiguous()
        return _Columns(
            soma=soma,
            basal=basal,
            drive=basal.clone(),
            apical=torch.zeros_like(soma),
            target=target,
            integrator=torch.zeros_like(target),
            filtered=torch.zeros_like(target),
        )

    def _control(self, state: _Columns, error: Tensor) -> Tensor:
        method = self.method
        output = method.integral_gain * state.integrator + method.proportional_gain * error
        if method.derivative_gain > 0:
            ratio = method.derivative_gain / method.derivative_filter_ratio
            output.add_(error - state.filtered, alpha=ratio)
        return output

    def _advance(
        self, state: _Columns, weights: Tensor, error: Tensor, output: Tensor, noise: Tensor
    ) -> None:
        """An Euler step; every right-hand side is that of the old state."""
        network, h = self.network, self.protocol.dt_ratio
        basal = state.basal if network.tau_basal_ratio > 0 else state.drive
        self._drive(state)
        pull = basal + state.apical
        if network.tau_basal_ratio > 0:
            state.basal.lerp_(state.drive, h / network.tau_basal_ratio)
        state.soma.lerp_(pull, h / network.tau_soma_ratio)
        state.apical.lerp_(weights @ output, h / network.tau_apical_ratio)
        state.apical.add_(noise, alpha=math.sqrt(h) * self.method.sleep.noise / network.tau_apical_ratio)
        state.integrator.add_(error - self.method.leak * state.integrator, alpha=h)
        if self.method.derivative_gain > 0:
            state.filtered.lerp_(error, h / self.method.derivative_filter_ratio)

    def _drive(self, state: _Columns) -> None:
        for l in range(1, self.network.depth):
            rate = phi(self.network.activations[l - 1], state.soma[self.parts[l - 1]])
            torch.addmm(self.biases[l][:, None], self.forward[l], rate, out=state.drive[self.parts[l]])
