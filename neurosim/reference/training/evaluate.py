"""How well the weights do without any feedback; knows no method."""

from __future__ import annotations

from typing import Any

import torch

from neurosim.errors import DataError
from neurosim.reference.feedforward import feedforward
from neurosim.reference.parameters import Parameters
from neurosim.reference.targets import loss as loss_of
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.network import Network


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
