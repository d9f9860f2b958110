"""One pass of forward learning over a data set, batch after batch; knows no other pass."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.optimizers import Stepper
from neurosim.reference.parameters import Parameters
from neurosim.reference.targets import loss as loss_of
from neurosim.reference.tensors import double
from neurosim.reference.training.rules import Rule
from neurosim.reference.training.shown import Shown
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Epoch:
    """The state of training after a pass over the data."""

    parameters: Parameters
    """In float64. Not finite: training diverged, and this is the last epoch."""
    loss: float
    """Mean over the samples of their loss just before the update they took part in; NaN once it diverged."""
    unsettled: float = 0.0
    """Share of the samples for which what had to rest did not."""


@attrs.frozen(kw_only=True, eq=False)
class Lesson:
    """What it needs; computes in the working precision."""

    network: Network
    method: MethodSettings
    inputs: Tensor
    desired: Tensor
    rule: Rule
    loss: str
    batch: int
    stepper: Stepper

    def learn(self, parameters: Parameters, chosen: Tensor) -> Epoch:
        """The epoch over the chosen samples; it breaks off once weights are not finite."""
        now, method = converted(parameters), self.method
        total = torch.zeros((), dtype=self.inputs.dtype)
        count = unsettled = 0
        for few in torch.split(chosen, self.batch):
            shown = Shown.of(self.network, now, method, self.inputs[few], self.desired[few], loss=self.loss)
            taught = self.rule(shown)
            total = total + loss_of(self.loss, shown.rest.output, shown.desired).sum()
            count += len(few)
            unsettled += int((~taught.settled).sum()) if taught.settled is not None else 0
            now = self.stepper.step(
                now,
                taught.terms.mean(),
                forward_rate=method.learning_rate,
                feedback_updates=taught.feedback,
                feedback_rate=method.sleep.learning_rate,
            )
            if not is_finite(now):
                return Epoch(parameters=now, loss=float("nan"), unsettled=unsettled / count)
        return Epoch(
            parameters=now,
            loss=float(total) / count if count else float("nan"),
            unsettled=unsettled / count if count else 0.0,
        )


def indices(order: NDArray[np.integer[Any]], samples: int) -> Tensor:
    """Of samples, on the working device; DataError for what is no list of whole numbers below `samples`."""
    chosen = np.asarray(order)
    whole = chosen.ndim == 1 and np.issubdtype(chosen.dtype, np.integer) and len(chosen) > 0
    if not whole or chosen.min() < 0 or chosen.max() >= samples:
        raise DataError(
            "is no order of samples",
            where="orders",
            expected=f"for each epoch indices from 0 to {samples - 1}, (n,)",
            got=f"{chosen.dtype} of shape {chosen.shape}"
            + (f", from {chosen.min()} to {chosen.max()}" if whole else ""),
        )
    return torch.tensor(chosen.astype(np.int64))


def converted(parameters: Parameters) -> Parameters:
    """On the working device, in the working precision."""
    return Parameters(
        forward=tuple(double(w) for w in parameters.forward),
        biases=tuple(double(b) for b in parameters.biases),
        feedback=tuple(double(q) for q in parameters.feedback),
    )


def is_finite(parameters: Parameters) -> bool:
    """Whether all weights are numbers."""
    arrays = (*parameters.forward, *parameters.biases, *parameters.feedback)
    # one answer for all, as each waits for a GPU
    return bool(torch.stack([torch.isfinite(array).all() for array in arrays]).all())
