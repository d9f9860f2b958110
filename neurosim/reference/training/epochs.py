"""Training over epochs in torch, with the optimiser and the passes that feedback needs; knows neither data sets
nor chips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.methods import method_of
from neurosim.reference.optimizers import Stepper
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import double, shaped, working_precision
from neurosim.reference.training.feedback import Night, learns_by_night, pass_night
from neurosim.reference.training.lesson import Epoch, Lesson, converted, indices, is_finite
from neurosim.reference.training.rules import Rule, check_feedback, rule_of
from neurosim.reference.updates import Updates
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.streams import stream

Orders = Iterable[NDArray[np.integer[Any]]]


def train_epochs(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    desired: Any,
    orders: Orders,
    *,
    loss: str,
    batch: int,
    stepper: Stepper | None = None,
    rule: Rule | None = None,
    seed: int = 0,
    first_epoch: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Iterator[Epoch]:
    """One batch after the other, each followed by a step of `method.optimizer`; one `Epoch` for each order.

    Decoders learn along, at `method.sleep.learning_rate`. A method that sleeps does so after every epoch,
    `method.sleep.epochs` times over the same order. What comes before the first epoch is `pretrain`.

    Parameters
    ----------
    inputs, desired : (N, n_0), (N, n_L).
    orders : for each epoch the indices to present, cut into batches of `batch`; the last one may be smaller.
    stepper : the optimiser with its memory, which it goes on with; None: a new one.
    rule : None: the method's own. `settled_rule` trains a method with dynamics by its steady state.
    seed, first_epoch : of the sleep phase's noise, stream(seed, "sleep", epoch, pass).
    dtype : torch.float32 is up to twice as fast on a CPU. What is given and returned is float64 all the same.

    Raises
    ------
    SpecError : the method has dynamics and no rule is given, or it cannot work on this network. Raised at the
        call, not at the first epoch.
    DataError : shapes that do not fit; an order that is none, once its epoch comes.
    """
    data = _Data.of(network, parameters, method, inputs, batch, dtype)
    wanted = shaped(desired, shape=(len(data.inputs), network.layers[-1]), name="desired")
    with working_precision(dtype):
        lesson = Lesson(
            network=network,
            method=method,
            inputs=double(data.inputs),
            desired=double(wanted),
            rule=rule if rule is not None else rule_of(network, method, parameters),
            loss=loss,
            batch=batch,
            stepper=stepper if stepper is not None else Stepper(method.optimizer),
        )

    def epochs() -> Iterator[Epoch]:
        now = parameters
        for number, order in enumerate(orders, start=first_epoch):
            chosen = indices(order, len(data.inputs))
            with working_precision(dtype):
                epoch = lesson.learn(now, chosen)
            now = converted(epoch.parameters)
            if method_of(method.name).sleeps and is_finite(now):
                rates = [method.sleep.learning_rate] * method.sleep.epochs
                for position, rate in enumerate(rates):
                    noise = stream(seed, "sleep", number, position)
                    now = data.night(now, chosen, lesson.stepper, rate=rate, noise=noise)
            good = is_finite(now)
            yield attrs.evolve(epoch, parameters=now, loss=epoch.loss if good else float("nan"))
            if not good:
                return

    return epochs()


def pretrain(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    orders: Orders,
    *,
    batch: int,
    stepper: Stepper | None = None,
    seed: int = 0,
    first_epoch: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Iterator[Parameters]:
    """Passes in which only the feedback learns, at `method.sleep.pretraining_learning_rate`; one for each order.

    The method wants `method.sleep.pretraining_epochs` of them before its first forward update. Nothing comes of
    it, not even a pass, where the feedback is fixed or learns awake. It ends early with weights that are not
    finite.

    inputs : (N, n_0). orders, stepper : as for `train_epochs`.
    seed, first_epoch : of the noise, stream(seed, "sleep", "pretraining", epoch).
    dtype : as for `train_epochs`; in float32 other noise is drawn.

    Raises
    ------
    SpecError, DataError : what does not fit. Raised at the call.
    """
    data = _Data.of(network, parameters, method, inputs, batch, dtype)
    memory = stepper if stepper is not None else Stepper(method.optimizer)
    parts = method_of(method.name)

    def passes() -> Iterator[Parameters]:
        now = converted(parameters)
        for number, order in enumerate(orders if learns_by_night(parts) else (), start=first_epoch):
            noise = stream(seed, "sleep", "pretraining", number)
            rate = method.sleep.pretraining_learning_rate
            now = data.night(now, indices(order, len(data.inputs)), memory, rate=rate, noise=noise)
            yield now
            if not is_finite(now):
                return

    return passes()


def descend(parameters: Parameters, updates: Updates, *, stepsize: float = 1.0) -> Parameters:
    """W + stepsize·ΔW and b + stepsize·Δb; the feedback weights stay."""
    return attrs.evolve(
        parameters,
        forward=tuple(w + stepsize * dw for w, dw in zip(parameters.forward, updates.forward, strict=True)),
        biases=tuple(b + stepsize * db for b, db in zip(parameters.biases, updates.biases, strict=True)),
    )


@attrs.frozen(kw_only=True, eq=False)
class _Data:
    """What is learned from, checked."""

    network: Network
    method: MethodSettings
    inputs: Tensor
    batch: int
    dtype: torch.dtype

    @staticmethod
    def of(
        network: Network,
        parameters: Parameters,
        method: MethodSettings,
        inputs: Any,
        batch: int,
        dtype: torch.dtype,
    ) -> _Data:
        parameters.check_network(network)
        check_feedback(network, parameters, method)
        samples = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
        if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 1:
            raise SpecError("bad value", where="batch", expected="a whole number >= 1", got=repr(batch))
        with working_precision(dtype):
            samples = double(samples)
        return _Data(network=network, method=method, inputs=samples, batch=batch, dtype=dtype)

    def night(
        self,
        parameters: Parameters,
        chosen: Tensor,
        stepper: Stepper,
        *,
        rate: float,
        noise: np.random.Generator,
    ) -> Parameters:
        """One pass in which only the feedback learns."""
        night = Night(
            network=self.network,
            method=self.method,
            inputs=self.inputs[chosen],
            batch=self.batch,
            rate=rate,
            generator=noise,
        )
        with working_precision(self.dtype):
            after = pass_night(night, method_of(self.method.name), converted(parameters), stepper)
        return converted(after)
