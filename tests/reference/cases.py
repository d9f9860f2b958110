"""Random networks, data and chips for the tests of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from neurosim.learning import method_of
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.reference import Parameters, feedforward, target
from neurosim.spec import (
    ControllerDeviations,
    DendriteDeviations,
    Deviations,
    LayerDeviations,
    MethodSettings,
    Network,
)

LOSSES = ("softmax_cross_entropy", "squared_error")


def make_network(
    *sizes: int, hidden: str = "tanh", output: str = "linear", gain: float = 1.0, **settings: Any
) -> Network:
    return Network(layers=sizes, hidden=hidden, output=output, initial_gain=gain, **settings)


def make_parameters(network: Network, *, seed: int = 0, biased: bool = True) -> Parameters:
    """Initial weights, Q_l = ΠW_kᵀ, and small biases so that nothing vanishes by accident."""
    forward, biases = initial_weights(network, seed)
    draw = np.random.default_rng(seed)
    return Parameters.from_arrays(
        forward=forward, biases=[b + 0.1 * biased * draw.standard_normal(b.shape) for b in biases]
    )


def make_start(network: Network, method: MethodSettings, *, seed: int = 0) -> Parameters:
    """Initial weights with the feedback that the method starts with."""
    parameters = make_parameters(network, seed=seed)
    feedback = initial_feedback(
        method_of(method.name),
        method,
        network,
        forward=[w.numpy() for w in parameters.forward],
        seed=seed,
    )
    return attrs.evolve(parameters, feedback=tuple(torch.tensor(q) for q in feedback))


def with_feedback(
    parameters: Parameters, shapes: Sequence[tuple[int, int]], *, seed: int = 0, size: float = 0.5
) -> Parameters:
    """The same weights with random feedback of these shapes, each matrix of about the given spectral norm."""
    draw = np.random.default_rng(seed)
    return Parameters.from_arrays(
        forward=parameters.forward,
        biases=parameters.biases,
        feedback=[size * draw.standard_normal(s) / (np.sqrt(s[0]) + np.sqrt(s[1])) for s in shapes],
    )


def relayed_parameters(network: Network, *, seed: int = 0) -> Parameters:
    """Initial weights, R_l = W_{l+1}ᵀ and R_L = I, each a little off, so that Q_l = R_l ⋯ R_L stays stable."""
    parameters = make_parameters(network, seed=seed)
    draw = torch.Generator().manual_seed(seed)
    relay = [*(w.T for w in parameters.forward[1:]), torch.eye(network.layers[-1], dtype=torch.float64)]
    noisy = [r + 0.05 * torch.randn(r.shape, generator=draw, dtype=torch.float64) for r in relay]
    return attrs.evolve(parameters, feedback=tuple(noisy))


def make_data(network: Network, loss: str, *, batch: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs in (−1, 1), and labels or values within reach of every activation."""
    draw = torch.Generator().manual_seed(seed)
    inputs = 2 * torch.rand(batch, network.layers[0], generator=draw, dtype=torch.float64) - 1
    if loss == "softmax_cross_entropy":
        labels = torch.randint(network.layers[-1], (batch,), generator=draw)
        return inputs, torch.nn.functional.one_hot(labels, network.layers[-1]).to(torch.float64)
    return inputs, 0.2 + 0.6 * torch.rand(batch, network.layers[-1], generator=draw, dtype=torch.float64)


def make_target(
    network: Network, parameters: Parameters, inputs: Tensor, desired: Tensor, *, loss: str, stepsize: float
) -> Tensor:
    """The target about the ideal network's output."""
    return target(loss, feedforward(network, parameters, inputs).output, desired, stepsize)


def make_deviations(
    network: Network,
    *,
    seed: int = 0,
    spread: float = 0.05,
    limit: float = np.inf,
    auto_zero: bool = False,
    feedback: Sequence[tuple[int, int]] | None = None,
    saturation: float = np.inf,
    soma_limit: float = np.inf,
    output_tau: float = 0.0,
    droops: bool = False,
) -> Deviations:
    """A chip whose every number is off by `spread`; feedback: shapes of its weights, None: direct.

    saturation : of somata, of compartments, of the integrator's input and of the output stage, if there is one.
    soma_limit : of somata and compartments.
    """
    draw = np.random.default_rng(seed)
    n_out = network.layers[-1]

    def around(center: float, *shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        return center + spread * draw.standard_normal(shape)

    def dendrite(n: int) -> DendriteDeviations:
        most = min(soma_limit, 17 * saturation)
        return DendriteDeviations(
            leak=around(1.0, n), offset=around(0.0, n), saturation=saturation, limit=most
        )

    layers = tuple(
        LayerDeviations(
            **{
                field.name: around(0.0, n) if "offset" in field.name else around(1.0, n)
                for field in attrs.fields(LayerDeviations)
                if "noise" not in field.name and field.name not in ("saturation", "limit", "basal", "apical")
            },
            basal=dendrite(n),
            apical=dendrite(n),
            saturation=saturation,
            limit=soma_limit,
            soma_noise=abs(around(0.0, n)),
            apical_noise=abs(around(0.0, n)),
        )
        for n in network.layers[1:]
    )
    ideal = Deviations.ideal(network, feedback=feedback)
    return Deviations(
        layers=layers,
        controller=ControllerDeviations(
            proportional=around(1.0, n_out),
            leak=around(1.0, n_out),
            integral=around(1.0, n_out),
            gain_leak=0.1 * abs(around(0.0, n_out)),
            error_offset=0.1 * around(0.0, n_out),
            droop=0.1 * abs(around(0.0, n_out)) * droops,
            saturation=saturation,
            output_tau=output_tau,
            output_saturation=saturation,
            output_offset=around(0.0, n_out) if output_tau > 0 else np.zeros(n_out),
            limit=limit,
        ),
        forward_gain=tuple(around(1.0, *gain.shape) for gain in ideal.forward_gain),
        feedback_gain=tuple(around(1.0, *gain.shape) for gain in ideal.feedback_gain),
        auto_zero=auto_zero,
    )
