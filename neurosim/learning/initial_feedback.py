"""The feedback weights a network starts with; knows no engine and no device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SpecError
from neurosim.learning.feedback import (
    Decoders,
    Feedback,
    FixedDirect,
    FixedLayerwise,
    FixedRelayed,
    LayerwisePseudoinverse,
    LayerwiseTranspose,
    LearnedDirect,
    SingleLoop,
    direct_feedback_weights,
    feedback_shapes,
)
from neurosim.learning.initial import xavier_normal
from neurosim.learning.methods import Method
from neurosim.learning.stable_feedback import (
    stable_chain_feedback,
    stable_pair_feedback,
    transposed_feedback,
)
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.streams import stream

Array = NDArray[np.float64]


def initial_feedback(
    method: Method, settings: MethodSettings, network: Network, *, forward: Sequence[Array], seed: int
) -> tuple[Array, ...]:
    """The feedback weights at the start of training, in the order of `feedback_shapes`.

    transpose : Q_l = Π W_kᵀ, R_l = W_{l+1}ᵀ, B_l = ±W_lᵀ, Ω_l = W_lᵀ, B = −(W_L ⋯ W_2)ᵀ.
    random : normal with the variance 2/(n_in + n_out), times `initial_feedback_gain`.
    output_identity : random, but Q_L = I (the code of Meulemans et al. 2021).
    stable : uniform within ±0.01 times the gain, then made stable (R-Init of Podlaski and Machens 2020).

    Raises
    ------
    SpecError : "stable" is asked of a feedback that closes no loop around fixed matrices, or "output_identity" of
        one that has no Q_L.
    """
    feedback = method.feedback
    if isinstance(feedback, LayerwiseTranspose | LayerwisePseudoinverse):
        if settings.initial_feedback in ("stable", "output_identity"):
            raise SpecError(
                f"{settings.name} has no feedback weights that could start anywhere",
                where="method.initial_feedback",
                expected="default",
                got=settings.initial_feedback,
                remedy="leave it out: the path is made of the forward weights",
            )
        return ()
    kind = feedback.initial if settings.initial_feedback == "default" else settings.initial_feedback
    if kind == "transpose":
        return _transposed(feedback, network, forward)
    if kind == "random":
        return _random(feedback, settings, network, seed)
    if kind == "output_identity":
        return _with_output_identity(feedback, settings, network, seed)
    return _stable(feedback, settings, network, forward, seed)


def _random(feedback: Feedback, settings: MethodSettings, network: Network, seed: int) -> tuple[Array, ...]:
    return tuple(
        settings.initial_feedback_gain * xavier_normal(_stream(seed, position), *shape)
        for position, shape in enumerate(feedback_shapes(feedback, network.layers), start=1)
    )


def _with_output_identity(
    feedback: Feedback, settings: MethodSettings, network: Network, seed: int
) -> tuple[Array, ...]:
    if not isinstance(feedback, FixedDirect | LearnedDirect):
        raise SpecError(
            "no such start for this feedback",
            where="method.initial_feedback",
            expected="transpose or random where no feedback leads from a controller straight to the output layer",
            got="output_identity",
            remedy="output_identity belongs to direct feedback: the DFC family and DFA",
        )
    return (*_random(feedback, settings, network, seed)[:-1], np.eye(network.layers[-1]))


def _transposed(feedback: Feedback, network: Network, forward: Sequence[Array]) -> tuple[Array, ...]:
    if isinstance(feedback, FixedDirect | LearnedDirect):
        return direct_feedback_weights(forward)
    if isinstance(feedback, FixedRelayed):
        return (*(w.T.copy() for w in forward[1:]), np.eye(network.layers[-1]))
    if isinstance(feedback, SingleLoop):
        return (transposed_feedback(forward[1:]),) if network.depth > 1 else ()
    sign = feedback.sign if isinstance(feedback, FixedLayerwise) else 1
    return tuple(sign * w.T for w in forward[1:])


def _stable(
    feedback: Feedback, settings: MethodSettings, network: Network, forward: Sequence[Array], seed: int
) -> tuple[Array, ...]:
    scale = 0.01 * settings.initial_feedback_gain
    taus = {"tau_soma": network.tau_soma_ratio, "leak": settings.leak, "scale": scale}
    if isinstance(feedback, FixedLayerwise):
        return tuple(
            stable_pair_feedback(w, generator=_stream(seed, position), **taus)
            for position, w in enumerate(forward[1:], start=1)
        )
    if isinstance(feedback, SingleLoop) and network.depth > 1:
        return (stable_chain_feedback(forward[1:], generator=_stream(seed, 1), **taus),)
    if isinstance(feedback, SingleLoop):
        return ()
    what = "decoders" if isinstance(feedback, Decoders) else "feedback from a controller to the neurons"
    raise SpecError(
        "no such start for this feedback",
        where="method.initial_feedback",
        expected=f"transpose or random for {what}",
        got="stable",
        remedy="stable belongs to NDI, DI, DI-repeat and SLDI",
    )


def _stream(seed: int, position: int) -> np.random.Generator:
    return stream(seed, "initial_feedback", position)
