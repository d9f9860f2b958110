"""Methods that send the gradient down another path, held against automatic differentiation of that path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.analysis import relative_difference
from neurosim.learning import FixedDirect, FixedLayerwise, LayerwisePseudoinverse, LearnedDirect, method_of
from neurosim.reference import Parameters, Updates
from neurosim.reference.activations import phi
from neurosim.reference.targets import loss as loss_of
from neurosim.reference.tensors import as_array, double
from neurosim.reference.training import Shown, update_of
from neurosim.result import Check
from neurosim.spec import Spec

SURROGATE_TOLERANCE = 1e-10
"""Both are products of the same matrices in other orders; a pseudo-inverse loses some digits to its condition."""


def check_surrogate(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """Every layer's update is the gradient of a linear network that leads up where the method's path leads down.

    That network stands at the true activity: v_l' = M_lᵀ (φ'(v_{l−1}) v_{l−1}') + push_l, or every push goes
    straight to the output. Its slopes, transposes and loss are torch's automatic differentiation.
    """
    own = update_of(spec.network, parameters, spec.method, inputs, desired, loss=spec.task.loss)
    shown = Shown.of(spec.network, parameters, spec.method, inputs, desired, loss=spec.task.loss)
    expected = Updates.from_terms(_gradients(spec, shown), pre=shown.pre)
    pairs = zip((*own.forward, *own.biases), (*expected.forward, *expected.biases), strict=True)
    worst = max(
        relative_difference([(a.numpy(), b.numpy())]) for a, b in pairs
    )  # small layers count like large ones
    return [
        Check(
            name="surrogate gradient",
            value=worst,
            tolerance=SURROGATE_TOLERANCE,
            detail="all layers' updates against automatic differentiation through the method's own path",
        )
    ]


def _gradients(spec: Spec, shown: Shown) -> tuple[Tensor, ...]:
    """−∂L/∂push_l, (B, n_l) each."""
    soma = shown.rest.soma
    pushes = [torch.zeros_like(v, requires_grad=True) for v in soma]
    hidden = zip(spec.network.activations[:-1], soma[:-1], pushes[:-1], strict=True)
    moved = [_slope(name, v) * push for name, v, push in hidden]
    path = _PATHS[type(method_of(spec.method.name).feedback)]
    top = pushes[-1] + path(shown, moved)
    output = phi(spec.network.activations[-1], soma[-1] + top)
    return torch.autograd.grad(-loss_of(shown.loss, output, shown.desired).sum(), pushes)


def _slope(name: str, soma: Tensor) -> Tensor:
    point = soma.clone().requires_grad_()
    return torch.autograd.grad(phi(name, point).sum(), point)[0]


def _layer_by_layer(matrices: Sequence[Tensor], shown: Shown, moved: Sequence[Tensor]) -> Tensor:
    """What of the pushes arrives at the output through M_2ᵀ..M_Lᵀ; M_l is (n_{l−1}, n_l)."""
    slopes = [_slope(n, v) for n, v in zip(shown.network.activations[:-1], shown.rest.soma[:-1], strict=True)]
    arriving = torch.zeros_like(shown.rest.output)
    carried = None
    for l, matrix in enumerate(matrices):
        through = moved[l] if carried is None else moved[l] + slopes[l] * carried
        arriving = carried = through @ matrix
    return arriving


def _by_feedback(shown: Shown, moved: Sequence[Tensor]) -> Tensor:
    return _layer_by_layer(shown.parameters.feedback, shown, moved)


def _by_pseudo_inverse(shown: Shown, moved: Sequence[Tensor]) -> Tensor:
    inverses = [double(np.linalg.pinv(as_array(matrix))) for matrix in shown.parameters.forward[1:]]
    return _layer_by_layer(inverses, shown, moved)


def _directly(shown: Shown, moved: Sequence[Tensor]) -> Tensor:
    hidden = zip(moved, shown.parameters.feedback[:-1], strict=True)
    return sum((m @ matrix for m, matrix in hidden), torch.zeros_like(shown.rest.output))


_PATHS: dict[type[Any], Callable[[Shown, Sequence[Tensor]], Tensor]] = {
    FixedLayerwise: _by_feedback,
    LayerwisePseudoinverse: _by_pseudo_inverse,
    FixedDirect: _directly,
    LearnedDirect: _directly,
}
