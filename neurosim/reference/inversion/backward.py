"""Errors δ_l = ∂L/∂a_l carried from the output to the first layer; knows no dynamics.

With a map per layer it is BP, FA, PBP or NDI, with a map from the output to every layer it is DFA.
Layer 1's error needs no map below it, so maps are M_2..M_L.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.feedforward import run_forward
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import assemble_plant
from neurosim.reference.targets import loss_gradient
from neurosim.reference.tensors import double, shaped
from neurosim.reference.updates import Updates
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class OutputError:
    """What the forward pass leaves for the backward pass: δ_L = φ_L'(a_L) ∂L/∂r_L, slopes and rates."""

    delta: Tensor
    """δ_L of each sample's own loss, (B, n_L)."""
    slopes: tuple[Tensor, ...]
    """φ'(a_l) of the hidden layers l = 1..L−1, each (B, n_l)."""
    pre: tuple[Tensor, ...]
    """r_0..r_{L−1}, each (B, n_l)."""


def error_at_output(
    network: Network, parameters: Parameters, inputs: Any, desired: Any, *, loss: str
) -> OutputError:
    """Run the ideal network forward and compare. inputs (B, n_0), desired (B, n_L).

    Raises
    ------
    DataError, SpecError : shapes that do not fit, or an unknown loss.
    """
    plant = assemble_plant(network, parameters)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(desired, shape=(rates.shape[0], network.layers[-1]), name="desired")
    state = run_forward(plant, rates)
    slopes = [layer.rate_slope(soma) for layer, soma in zip(plant, state.soma, strict=True)]
    return OutputError(
        delta=slopes[-1] * loss_gradient(loss, state.output, wanted),
        slopes=tuple(slopes[:-1]),
        pre=(rates, *state.rate[:-1]),
    )


def propagate(maps: Sequence[Any], delta: Any, *, slopes: Sequence[Any]) -> tuple[Tensor, ...]:
    """δ_{l−1} = (M_l δ_l) ∘ φ'(a_{l−1}), from the output down (Podlaski and Machens 2020, eq. 3).

    maps : M_2..M_L, each (n_{l−1}, n_l): W_lᵀ (BP), a fixed random B_l with a plus sign (FA), W_l⁺ (PBP),
        or B_l(W_lB_l − αI)⁻¹ (NDI).
    delta : δ_L, (B, n_L).
    slopes : φ'(a_l) of l = 1..L−1, each (B, n_l).

    Returns δ_1..δ_L, each (B, n_l).

    Raises
    ------
    SpecError : a map of the wrong size, or too many or too few.
    DataError : errors or slopes of the wrong shape.
    """
    error, gates = _checked(delta, slopes)
    sizes = [*(gate.shape[1] for gate in gates), error.shape[1]]
    shapes = list(pairwise(sizes))
    matrices = _fitting(maps, shapes, first=2, arrow="from layer l to layer l − 1")
    deltas = [error]
    for matrix, gate in zip(reversed(matrices), reversed(gates), strict=True):
        deltas.append((deltas[-1] @ matrix.T) * gate)
    return tuple(reversed(deltas))


def propagate_directly(feedback: Sequence[Any], delta: Any, *, slopes: Sequence[Any]) -> tuple[Tensor, ...]:
    """δ_l = (Q_l δ_L) ∘ φ'(a_l): direct feedback alignment (Nøkland 2016).

    feedback : Q_1..Q_{L−1}, each (n_l, n_L). Otherwise as `propagate`.
    """
    error, gates = _checked(delta, slopes)
    shapes = [(gate.shape[1], error.shape[1]) for gate in gates]
    matrices = _fitting(feedback, shapes, first=1, arrow="from the output to layer l")
    return (*((error @ q.T) * gate for q, gate in zip(matrices, gates, strict=True)), error)


def descent(deltas: Sequence[Tensor], *, pre: Sequence[Tensor]) -> Updates:
    """ΔW_l = −⟨δ_l r_{l−1}ᵀ⟩, Δb_l = −⟨δ_l⟩, means over the batch (eq. 2).

    deltas : δ_1..δ_L, each (B, n_l); pre : r_0..r_{L−1}, each (B, n_{l−1}).
    """
    return Updates.from_terms([-delta for delta in deltas], pre=pre)


def _checked(delta: Any, slopes: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
    error = shaped(delta, shape=(None, None), name="delta")
    gates = [
        shaped(slope, shape=(error.shape[0], None), name=f"slopes of layer {l}")
        for l, slope in enumerate(slopes, start=1)
    ]
    return error, gates


def _fitting(
    matrices: Sequence[Any], shapes: Sequence[tuple[int, int]], *, first: int, arrow: str
) -> list[Tensor]:
    """The matrices as tensors of these shapes; `first` is the layer that the first one belongs to."""
    tensors = [double(matrix) for matrix in matrices]
    if len(tensors) != len(shapes):
        raise SpecError(
            "wrong number of feedback matrices",
            where="feedback",
            expected=f"{len(shapes)}, of layers {first}..{first + len(shapes) - 1}",
            got=str(len(tensors)),
            remedy=f"give one matrix {arrow} for each hidden layer",
        )
    for l, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True), start=first):
        if tuple(tensor.shape) != shape:
            raise SpecError(
                "feedback matrix of the wrong size",
                where=f"layer {l}",
                expected=f"{shape}, {arrow}",
                got=str(tuple(tensor.shape)),
                remedy="transpose it" if tuple(tensor.shape) == shape[::-1] else "rows receive, columns send",
            )
    return tensors
