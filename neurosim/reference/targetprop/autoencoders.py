"""Layers with an encoder f_l and a decoder g_l each, checked to fit each other; knows no target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.tensors import double


def _copies(values: Sequence[Any]) -> tuple[Tensor, ...]:
    return tuple(double(value).clone() for value in values)


@attrs.frozen(kw_only=True, eq=False)
class Autoencoders:
    """h_1 = W_1 x + b_1 and, for l = 2..L, h_l = f_l(h_{l−1}) = W_l σ(h_{l−1}) + b_l, g_l(h_l) = Ω_l σ(h_l).

    h_l : (B, n_l), pre-activations (somata). x : (B, n_0), the input rate. g_l(h_l) ≈ h_{l−1}.
    Nothing below layer 1 needs a target, so there is no g_1.
    Source: Bengio 2020, sections 2 and 10, with biases in the encoders.

    Raises
    ------
    SpecError : shapes that do not fit each other, or an unknown activation.
    """

    forward: tuple[Tensor, ...] = attrs.field(converter=_copies)
    """W_l, (n_l, n_{l−1}), l = 1..L."""
    biases: tuple[Tensor, ...] = attrs.field(converter=_copies)
    """b_l, (n_l,), l = 1..L."""
    decoders: tuple[Tensor, ...] = attrs.field(converter=_copies)
    """Ω_l, (n_{l−1}, n_l), l = 2..L; entry 0 belongs to layer 2."""
    hidden: str = "tanh"
    """σ of the encoders and the decoders. Default chosen."""
    output: str = "linear"
    """φ_L of the output rate r_L = φ_L(h_L), seen by the loss alone. Default chosen."""

    def __attrs_post_init__(self) -> None:
        _check_forward(self.forward)
        vectors = [(n,) for n in self.sizes[1:]]
        _check("biases", "b", self.biases, first=1, shapes=vectors, forward=self.forward)
        matrices = list(pairwise(self.sizes[1:]))
        _check("decoders", "Ω", self.decoders, first=2, shapes=matrices, forward=self.forward)
        for name in (self.hidden, self.output):
            phi(name, torch.zeros(1))

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_0, …, n_L."""
        return (self.forward[0].shape[1], *(weights.shape[0] for weights in self.forward))

    @property
    def depth(self) -> int:
        """L."""
        return len(self.forward)

    def encode(self, layer: int, below: Tensor) -> Tensor:
        """f_l(h_{l−1}), (B, n_l), for h_{l−1} (B, n_{l−1}); for layer 1 it is x that lies below."""
        position = self.position(layer)
        rate = below if layer == 1 else phi(self.hidden, below)
        return rate @ self.forward[position].T + self.biases[position]

    def decode(self, layer: int, soma: Tensor) -> Tensor:
        """g_l(h_l), (B, n_{l−1}), for h_l (B, n_l)."""
        return phi(self.hidden, soma) @ self.decoders[self.position(layer, lowest=2) - 1].T

    def encoder_slope(self, layer: int, below: Tensor) -> Tensor:
        """∂f_l/∂h_{l−1} = W_l diag σ'(h_{l−1}), (B, n_l, n_{l−1}), for layers 2..L."""
        return self.forward[self.position(layer, lowest=2)] * phi_prime(self.hidden, below)[:, None, :]

    def decoder_slope(self, layer: int, soma: Tensor) -> Tensor:
        """∂g_l/∂h_l = Ω_l diag σ'(h_l), (B, n_{l−1}, n_l), for layers 2..L."""
        return self.decoders[self.position(layer, lowest=2) - 1] * phi_prime(self.hidden, soma)[:, None, :]

    def position(self, layer: int, *, lowest: int = 1) -> int:
        """Where layer l stands in the tuples `forward` and `biases`; SpecError unless lowest ≤ l ≤ L."""
        if not lowest <= layer <= self.depth:
            raise SpecError(
                "no such layer",
                where="layer",
                expected=f"{lowest} to {self.depth}",
                got=str(layer),
                remedy="layers count from 1, and layer 1 has no decoder",
            )
        return layer - 1


def _check_forward(matrices: Sequence[Tensor]) -> None:
    shapes = [tuple(matrix.shape) for matrix in matrices]
    good = bool(shapes) and all(len(shape) == 2 for shape in shapes)
    good = good and all(above[1] == below[0] for below, above in pairwise(shapes))
    if not good:
        raise SpecError(
            "shapes do not fit",
            where="forward",
            expected="matrices W_l (n_l, n_{l−1}) of successive layers",
            got=str(shapes),
            remedy="give each W_l as many columns as the one before has rows",
        )


def _check(
    name: str,
    symbol: str,
    tensors: Sequence[Tensor],
    *,
    first: int,
    shapes: Sequence[tuple[int, ...]],
    forward: Sequence[Tensor],
) -> None:
    """Whether tensor by tensor fits the forward weights; the first belongs to layer `first`."""
    if len(tensors) != len(shapes):
        raise SpecError(
            "their number does not fit the forward weights",
            where=name,
            expected=f"{len(shapes)}, one for each of layers {first} to {len(forward)}",
            got=str(len(tensors)),
            remedy="nothing below layer 1 needs a target, so it has no decoder" if first == 2 else "",
        )
    for layer, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True), start=first):
        if tuple(tensor.shape) != shape:
            raise SpecError(
                "does not fit its encoder",
                where=f"{name}: {symbol}_{layer}",
                expected=f"{shape}, as W_{layer} is {tuple(forward[layer - 1].shape)}",
                got=str(tuple(tensor.shape)),
                remedy=f"give {symbol}_{layer} the shape of W_{layer} transposed"
                if first == 2
                else f"give {symbol}_{layer} one entry for each row of W_{layer}",
            )
