"""Passes over the data in which only feedback weights learn; knows no forward update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from neurosim.learning.feedback import Decoders, LearnedDirect
from neurosim.learning.methods import Method
from neurosim.reference.optimizers import Stepper
from neurosim.reference.parameters import Parameters
from neurosim.reference.sleep import sleep_epoch
from neurosim.reference.targetprop import decoder_update, forward_pass
from neurosim.reference.training.targets import autoencoders_of
from neurosim.spec.asleep import asleep
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.reader import Spec


@attrs.frozen(kw_only=True, eq=False)
class Night:
    """One pass in which only the feedback learns."""

    network: Network
    method: MethodSettings
    inputs: Tensor
    """In the order in which they are shown, (N, n_0)."""
    batch: int
    rate: float
    """η_Q, or η_Ω of decoders."""
    generator: np.random.Generator
    """Gives the noise, where there is any."""


def learns_by_night(method: Method) -> bool:
    """Whether its feedback learns in passes of its own, all of them or those before the first forward update."""
    return method.sleeps or isinstance(method.feedback, Decoders)


def pass_night(night: Night, method: Method, parameters: Parameters, stepper: Stepper) -> Parameters:
    """The parameters after it, only the feedback changed."""
    return _NIGHTS[type(method.feedback)](night, parameters, stepper)


def _sleep(night: Night, parameters: Parameters, stepper: Stepper) -> Parameters:
    """ΔQ_l = η_Q (−⟨v_fb,l uᵀ⟩/σ² − β Q_l) after every batch (Meulemans et al. 2021, eq. 13)."""
    spec = asleep(Spec(network=night.network, method=night.method))
    return sleep_epoch(
        spec.network,
        parameters,
        spec.method,
        spec.run.protocol,
        night.inputs,
        batch=night.batch,
        generator=night.generator,
        learning_rate=night.rate,
        optimizer=stepper,
    )


def _learn_decoders(night: Night, parameters: Parameters, stepper: Stepper) -> Parameters:
    """ΔΩ_l = η_Ω ⟨(v_{l−1} − g_l(v_l)) σ(v_l)ᵀ/‖σ(v_l)‖⟩ after every batch (Bengio 2020, section 9)."""
    for x in torch.split(night.inputs, night.batch):
        autoencoders = autoencoders_of(night.network, parameters)
        updates = decoder_update(autoencoders, forward_pass(autoencoders, x))
        feedback = stepper.step_feedback(parameters.feedback, updates, rate=night.rate)
        parameters = attrs.evolve(parameters, feedback=feedback)
    return parameters


_NIGHTS: dict[type[Any], Callable[[Night, Parameters, Stepper], Parameters]] = {
    LearnedDirect: _sleep,
    Decoders: _learn_decoders,
}
