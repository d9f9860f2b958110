"""How the decoders learn by their local rule to undo the encoders; knows no target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.activations import phi
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.forward import ForwardPass, forward_pass


@attrs.frozen(kw_only=True, eq=False)
class TrainedDecoders:
    """Where the training of the decoders ended."""

    autoencoders: Autoencoders
    """With the decoders trained, the encoders as they were."""
    errors: Tensor
    """Mean ‖h_{l−1} − g_l(h_l)‖² over the samples after each sweep, (sweeps, L − 1), for layers 2..L."""
    converged: bool
    """Whether no entry of an update over all samples exceeds the tolerance any more."""

    @property
    def sweeps(self) -> int:
        """Sweeps done."""
        return len(self.errors)


def decoder_update(autoencoders: Autoencoders, state: ForwardPass) -> tuple[Tensor, ...]:
    """ΔΩ_l = ⟨(h_{l−1} − g_l(h_l)) σ(h_l)ᵀ / ‖σ(h_l)‖⟩, (n_{l−1}, n_l), for layers 2..L (section 9).

    The batch mean, without the learning rate. It descends the squared reconstruction error of each sample
    weighted by 1/‖σ(h_l)‖, so it comes to rest at `fit_decoders(…, weighted=True)`.
    A sample whose σ(h_l) is zero changes nothing.
    """
    return _follow_rule(autoencoders.decoders, _pairs(autoencoders, state))


def reconstruction_errors(autoencoders: Autoencoders, state: ForwardPass) -> Tensor:
    """Mean ‖h_{l−1} − g_l(h_l)‖² over the samples, (L − 1,), for layers 2..L (section 10)."""
    return _squared_errors(autoencoders.decoders, _pairs(autoencoders, state))


def train_decoders(
    autoencoders: Autoencoders,
    inputs: Any,
    *,
    learning_rate: float,
    sweeps: int,
    batch: int | None = None,
    tolerance: float = 0.0,
) -> TrainedDecoders:
    """Ω_l ← Ω_l + learning_rate·ΔΩ_l over and over the inputs, in their order, all layers at once.

    inputs : x, (B, n_0). batch : samples an update is averaged over; None: all, 1: as on a chip.
    Training ends after so many sweeps, or once no entry of the update over all samples exceeds the tolerance.
    With all samples in a batch it converges for learning_rate < 2/λ_max of ⟨σσᵀ/‖σ‖⟩.

    Raises
    ------
    SpecError : a learning rate, sweeps, batch or tolerance that makes no sense.
    DataError : inputs of another shape, or none.
    """
    _check_training(learning_rate=learning_rate, sweeps=sweeps, batch=batch, tolerance=tolerance)
    state = forward_pass(autoencoders, inputs)
    number = len(state.output)
    check_samples(number)
    pairs = _pairs(autoencoders, state)
    size = number if batch is None else batch
    pieces = [[(h[i : i + size], r[i : i + size]) for h, r in pairs] for i in range(0, number, size)]
    decoders, errors = autoencoders.decoders, list[Tensor]()
    converged = _is_at_rest(decoders, pairs, tolerance)
    while not converged and len(errors) < sweeps:
        for piece in pieces:
            step = _follow_rule(decoders, piece)
            decoders = tuple(d + learning_rate * s for d, s in zip(decoders, step, strict=True))
        errors.append(_squared_errors(decoders, pairs))
        converged = _is_at_rest(decoders, pairs, tolerance)
    return TrainedDecoders(
        autoencoders=attrs.evolve(autoencoders, decoders=decoders),
        errors=torch.stack(errors) if errors else torch.zeros(0, len(decoders), dtype=torch.float64),
        converged=converged,
    )


def check_samples(number: int) -> None:
    """DataError unless there is something to learn from."""
    if number == 0:
        raise DataError("no samples", where="inputs", expected="at least one row", got="0")


Pairs = Sequence[tuple[Tensor, Tensor]]
"""h_{l−1} (B, n_{l−1}) and σ(h_l) (B, n_l) for layers 2..L."""


def _pairs(autoencoders: Autoencoders, state: ForwardPass) -> Pairs:
    rates = (phi(autoencoders.hidden, soma) for soma in state.soma[1:])
    return list(zip(state.soma[:-1], rates, strict=True))


def _follow_rule(decoders: Sequence[Tensor], pairs: Pairs) -> tuple[Tensor, ...]:
    # Below the smallest normal number a norm counts as zero.
    unit = [torch.nn.functional.normalize(rate, dim=1, eps=1e-300) for _, rate in pairs]
    return tuple(
        (below - rate @ decoder.T).T @ direction / len(rate)
        for decoder, (below, rate), direction in zip(decoders, pairs, unit, strict=True)
    )


def _squared_errors(decoders: Sequence[Tensor], pairs: Pairs) -> Tensor:
    missed = [below - rate @ d.T for d, (below, rate) in zip(decoders, pairs, strict=True)]
    return torch.tensor([float((x**2).sum(1).mean()) for x in missed], dtype=torch.float64)


def _is_at_rest(decoders: Sequence[Tensor], pairs: Pairs, tolerance: float) -> bool:
    return all(bool((step.abs() <= tolerance).all()) for step in _follow_rule(decoders, pairs))


def _check_training(*, learning_rate: float, sweeps: int, batch: int | None, tolerance: float) -> None:
    finite = math.isfinite(learning_rate)
    for name, good, expected, got in (
        ("learning_rate", finite and learning_rate > 0, "above 0, finite", learning_rate),
        ("sweeps", sweeps >= 0, "0 or more", sweeps),
        ("batch", batch is None or batch >= 1, "1 or more, or None for all samples", batch),
        ("tolerance", tolerance >= 0, "0 or above", tolerance),
    ):
        if not good:
            raise SpecError("cannot train so", where=name, expected=expected, got=str(got))
