"""Networks with weights whose circuits settle quickly, and chips for them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from neurosim.learning.circuits import circuit_of
from neurosim.learning.feedback import feedback_shapes
from neurosim.learning.methods import method_of
from neurosim.reference.feedforward import run_forward
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import assemble_layers
from neurosim.reference.tensors import double
from neurosim.spec import Deviations, MethodSettings, Network, PopulationDeviations

PAIRED = ("DI", "DI-repeat")
RELAXING = ("DTP1", "DTP", "DTP-online")
METHODS = (*PAIRED, "SLDI", *RELAXING, "DTP-input")


@attrs.frozen(kw_only=True, eq=False)
class Case:
    """All that a circuit needs but a protocol."""

    network: Network
    settings: MethodSettings
    parameters: Parameters
    inputs: Tensor
    desired: Tensor
    loss: str

    @property
    def given(self) -> tuple[Any, ...]:
        """network, parameters, settings."""
        return self.network, self.parameters, self.settings

    @property
    def posed(self) -> tuple[Any, ...]:
        """inputs, desired."""
        return self.inputs, self.desired


def make_case(
    name: str,
    *sizes: int,
    hidden: str = "tanh",
    output: str = "linear",
    loss: str = "squared_error",
    batch: int = 3,
    seed: int = 0,
    mismatch: float = 0.1,
    tau_soma_ratio: float = 0.2,
    tau_basal_ratio: float = 0.0,
    **settings: Any,
) -> Case:
    """Singular values of W within 0.8..1.1, and a feedback off its transpose by `mismatch`: stable loops.

    Inputs and errors are so small that every tanh on the way can make them.
    """
    layers = sizes or (6, 5, 4, 3)
    network = Network(
        layers=layers,
        hidden=hidden,
        output=output,
        tau_soma_ratio=tau_soma_ratio,
        tau_basal_ratio=tau_basal_ratio,
    )
    draw = np.random.default_rng(seed)
    forward = [_near_orthogonal(draw, m, n) for n, m in pairwise(layers)]
    feedback = _feedback(name, forward)
    inputs = double(draw.uniform(-0.4, 0.4, (batch, layers[0])))
    parameters = Parameters(
        forward=tuple(map(double, forward)),
        biases=tuple(double(0.1 * draw.standard_normal(n)) for n in layers[1:]),
        feedback=tuple(double(x + mismatch * draw.standard_normal(x.shape)) for x in feedback),
    )
    made = run_forward(assemble_layers(network, parameters.forward, parameters.biases), inputs).output
    defaults = {"leak": 0.01, "learning_rate": 0.3, "target_stepsize": 0.3}
    return Case(
        network=network,
        settings=MethodSettings(name=name, **{**defaults, **settings}),
        parameters=parameters,
        inputs=inputs,
        desired=_desired(draw, loss, made),
        loss=loss,
    )


def make_chip(
    case: Case,
    *,
    seed: int = 1,
    spread: float = 0.05,
    limit: float = np.inf,
    noise: float = 0.0,
    auto_zero: bool = False,
) -> Deviations:
    """A chip whose every number is off by `spread`."""
    draw = np.random.default_rng(seed)

    def around(center: float, like: Any) -> Any:
        return center + spread * draw.standard_normal(like.shape)

    ideal = ideal_chip(case)
    return attrs.evolve(
        ideal,
        layers=tuple(
            attrs.evolve(
                layer,
                **{x: around(1.0, layer.leak) for x in ("leak", "basal_gain", "slope")},
                **{x: around(0.0, layer.leak) for x in ("offset", "comparator_offset")},
                soma_noise=np.full_like(layer.leak, noise),
            )
            for layer in ideal.layers
        ),
        forward_gain=tuple(around(1.0, gain) for gain in ideal.forward_gain),
        feedback_gain=tuple(around(1.0, gain) for gain in ideal.feedback_gain),
        populations={
            name: PopulationDeviations(
                leak=around(1.0, own.leak),
                gain=around(1.0, own.leak),
                offset=around(0.0, own.leak),
                noise=np.full_like(own.leak, noise),
                limit=limit,
            )
            for name, own in ideal.populations.items()
        },
        auto_zero=auto_zero,
    )


def ideal_chip(case: Case) -> Deviations:
    method = method_of(case.settings.name)
    circuit = circuit_of(method, case.settings, case.network)
    assert circuit is not None  # every method of these tests has one
    return Deviations.ideal(
        case.network,
        feedback=feedback_shapes(method.feedback, case.network.layers),
        populations={p.name: case.network.layers[p.layer] for p in circuit.populations},
    )


def _near_orthogonal(draw: np.random.Generator, m: int, n: int) -> np.ndarray:
    left, _, right = np.linalg.svd(draw.standard_normal((m, n)), full_matrices=False)
    return left @ np.diag(draw.uniform(0.8, 1.1, min(m, n))) @ right


def _feedback(name: str, forward: list[np.ndarray]) -> list[np.ndarray]:
    if name in PAIRED:
        return [-w.T for w in forward[1:]]
    if name == "SLDI":
        product = np.eye(forward[0].shape[0])
        for w in forward[1:]:
            product = w @ product
        return [-product.T] if len(forward) > 1 else []
    return [w.T for w in forward[1:]]


def _desired(draw: np.random.Generator, loss: str, made: Tensor) -> Tensor:
    batch, n = made.shape
    if loss == "softmax_cross_entropy":
        return torch.eye(n, dtype=torch.float64)[draw.integers(n, size=batch)]
    return made + double(draw.uniform(-0.2, 0.2, (batch, n)))
