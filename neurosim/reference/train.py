"""Training with the methods that need no dynamics, by plain SGD; knows neither data sets nor chips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.learning.feedback import FixedDirect, LayerwiseTranspose
from neurosim.learning.inversion import OpenLoop, Solved
from neurosim.learning.methods import METHODS, method_of
from neurosim.learning.plasticity import AtSteadyState, Gradient
from neurosim.reference.feedforward import feedforward
from neurosim.reference.parameters import Parameters
from neurosim.reference.targets import loss as loss_of
from neurosim.reference.targets import target
from neurosim.reference.tensors import shaped
from neurosim.reference.updates import Updates, bp_update, dfc_ssa_update
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Epoch:
    """The state of training after a pass over the data."""

    parameters: Parameters
    loss: float
    """Mean over the samples of their loss just before the update they took part in."""


def train_epochs(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    desired: Any,
    orders: Iterable[NDArray[np.integer[Any]]],
    *,
    loss: str,
    batch: int,
) -> Iterator[Epoch]:
    """W ← W + η·update, one batch after the other; one `Epoch` for each order.

    Parameters
    ----------
    inputs, desired : (N, n_0), (N, n_L).
    orders : for each epoch the indices to present, cut into batches of `batch`; the last one may be smaller.

    Raises
    ------
    SpecError : the method has dynamics, so that it is simulated or emulated. Raised at the call,
        not at the first epoch.
    DataError : shapes that do not fit.
    """
    rule = _rule(method)
    parameters.check_network(network)
    samples = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(desired, shape=(samples.shape[0], network.layers[-1]), name="desired")
    if batch < 1:
        raise SpecError("bad value", where="batch", expected="a whole number >= 1", got=repr(batch))

    def epochs() -> Iterator[Epoch]:
        now = parameters
        for order in orders:
            total, count = 0.0, 0
            for chosen in torch.split(torch.as_tensor(np.array(order, dtype=np.int64)), batch):
                x, y = samples[chosen], wanted[chosen]
                output = feedforward(network, now, x).output
                total += float(loss_of(loss, output, y).sum())
                count += len(chosen)
                now = descend(
                    now, rule(network, now, method, x, y, output, loss), stepsize=method.learning_rate
                )
            yield Epoch(parameters=now, loss=total / count if count else float("nan"))

    return epochs()


def descend(parameters: Parameters, updates: Updates, *, stepsize: float = 1.0) -> Parameters:
    """W + stepsize·ΔW and b + stepsize·Δb; the feedback weights stay."""
    return attrs.evolve(
        parameters,
        forward=tuple(w + stepsize * dw for w, dw in zip(parameters.forward, updates.forward, strict=True)),
        biases=tuple(b + stepsize * db for b, db in zip(parameters.biases, updates.biases, strict=True)),
    )


def evaluate(
    network: Network,
    parameters: Parameters,
    inputs: Any,
    desired: Any,
    loss: str,
    *,
    deviations: Deviations | None = None,
) -> tuple[float, float]:
    """Mean loss, and the fraction of samples whose largest output is where the largest desired one is.

    The fraction means something for classes only. inputs (N, n_0), desired (N, n_L); DataError for other
    shapes or for no samples.
    """
    output = feedforward(network, parameters, inputs, deviations=deviations).output
    wanted = shaped(desired, shape=tuple(output.shape), name="desired")
    if not len(wanted):
        raise DataError(
            "no samples", where="inputs", expected="at least one row", got=str(tuple(output.shape))
        )
    hits = output.argmax(1) == wanted.argmax(1)
    return float(loss_of(loss, output, wanted).mean()), float(hits.to(torch.float64).mean())


Rule = Callable[[Network, Parameters, MethodSettings, Tensor, Tensor, Tensor, str], Updates]


def _backpropagate(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    x: Tensor,
    y: Tensor,
    output: Tensor,
    loss: str,
) -> Updates:
    return bp_update(network, parameters, x, y, loss=loss)


def _solve_loop(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    x: Tensor,
    y: Tensor,
    output: Tensor,
    loss: str,
) -> Updates:
    nudged = target(loss, output, y, method.target_stepsize)
    return dfc_ssa_update(network, parameters, method, x, nudged)


_RULES: dict[tuple[type, type, type], Rule] = {
    (LayerwiseTranspose, OpenLoop, Gradient): _backpropagate,
    (FixedDirect, Solved, AtSteadyState): _solve_loop,
}


def _rule(method: MethodSettings) -> Rule:
    def parts(name: str) -> tuple[type, type, type]:
        found = method_of(name)
        return type(found.feedback), type(found.inversion), type(found.plasticity)

    if parts(method.name) not in _RULES:
        raise SpecError(
            f"{method.name} runs as dynamics",
            where="method.name",
            expected="one of " + ", ".join(name for name in METHODS if parts(name) in _RULES),
            remedy="emulate it, or simulate its presentations",
        )
    return _RULES[parts(method.name)]
