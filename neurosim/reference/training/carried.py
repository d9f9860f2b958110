"""Errors carried down layer by layer or straight from the output: BP, FA, PBP, NDI, DFA; knows no controller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.circuits import check_expanding
from neurosim.learning.feedback import (
    FixedDirect,
    FixedLayerwise,
    LayerwisePseudoinverse,
    LayerwiseTranspose,
    LearnedDirect,
)
from neurosim.learning.methods import method_of
from neurosim.reference.inversion import (
    inverse_maps,
    propagate,
    propagate_directly,
    pseudo_inverse_maps,
    transposed_maps,
)
from neurosim.reference.parameters import Parameters
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Taught, Terms
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


def carry_errors(shown: Shown) -> Taught:
    """post_l = −δ_l with δ_{l−1} = (M_l δ_l) φ'(v_{l−1}), or δ_l = (Q_l δ_L) φ'(v_l); pre = r_{l−1}."""
    carry = CARRIERS[type(method_of(shown.method.name).feedback)]
    return _descend(shown, carry(shown))


def invert_errors(shown: Shown) -> Taught:
    """The same with M_l = B_l (W_l B_l − αI)⁻¹ (Podlaski and Machens 2020, eq. 10).

    NaN once a layer has become singular, as its dynamics would run away.
    """
    try:
        maps = _inverses(shown.parameters, shown.method)
    except SpecError:
        maps = tuple(torch.full_like(matrix, torch.nan) for matrix in shown.parameters.feedback)
    return _descend(shown, propagate(maps, shown.output_error, slopes=shown.slopes))


def check_inverse(network: Network, method: MethodSettings, parameters: Parameters | None) -> None:
    """Whether every layer can be inverted, with these weights if they are known; SpecError if not."""
    check_expanding(method, network)
    if parameters is not None:
        _inverses(parameters, method)


def _inverses(parameters: Parameters, method: MethodSettings) -> tuple[Tensor, ...]:
    return inverse_maps(parameters.forward[1:], parameters.feedback, leak=method.leak)


def _descend(shown: Shown, deltas: Sequence[Tensor]) -> Taught:
    return Taught(terms=Terms(post=tuple(-delta for delta in deltas), pre=shown.pre))


def _by_transpose(shown: Shown) -> tuple[Tensor, ...]:
    maps = transposed_maps(shown.parameters.forward[1:])
    return propagate(maps, shown.output_error, slopes=shown.slopes)


def _by_pseudo_inverse(shown: Shown) -> tuple[Tensor, ...]:
    maps = pseudo_inverse_maps(shown.parameters.forward[1:])
    return propagate(maps, shown.output_error, slopes=shown.slopes)


def _by_feedback(shown: Shown) -> tuple[Tensor, ...]:
    return propagate(shown.parameters.feedback, shown.output_error, slopes=shown.slopes)


def _directly(shown: Shown) -> tuple[Tensor, ...]:
    # Q_L would send the output its own error.
    return propagate_directly(shown.parameters.feedback[:-1], shown.output_error, slopes=shown.slopes)


CARRIERS: dict[type[Any], Callable[[Shown], tuple[Tensor, ...]]] = {
    LayerwiseTranspose: _by_transpose,
    LayerwisePseudoinverse: _by_pseudo_inverse,
    FixedLayerwise: _by_feedback,
    FixedDirect: _directly,
    LearnedDirect: _directly,
}
"""δ_1..δ_L, (B, n_l) each, by the kind of feedback."""
