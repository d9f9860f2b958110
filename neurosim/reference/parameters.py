"""Weights, biases and feedback weights as tensors; knows neither dynamics nor devices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.feedback import direct_feedback_weights
from neurosim.reference.tensors import double
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Parameters:
    """W_l, b_l and Q_l of layers 1..L, float64; entry 0 of each tuple belongs to layer 1."""

    forward: tuple[Tensor, ...]
    """W_l, (n_l, n_{l−1})."""
    biases: tuple[Tensor, ...]
    """b_l, (n_l,)."""
    feedback: tuple[Tensor, ...]
    """Q_l, (n_l, n_L)."""

    @staticmethod
    def from_arrays(
        *, forward: Sequence[Any], biases: Sequence[Any], feedback: Sequence[Any] | None = None
    ) -> Parameters:
        """Arrays or tensors, copied; without `feedback` it is Q_l = W_{l+1}ᵀ ⋯ W_Lᵀ, Q_L = I.

        Raises
        ------
        SpecError : shapes that do not fit each other.
        """
        matrices = tuple(double(matrix).clone() for matrix in forward)
        if feedback is None:
            _check_chain(matrices)
            feedback = direct_feedback_weights([np.asarray(matrix) for matrix in matrices])
        parameters = Parameters(
            forward=matrices,
            biases=tuple(double(bias).clone() for bias in biases),
            feedback=tuple(double(matrix).clone() for matrix in feedback),
        )
        parameters.check(sizes=parameters.sizes)
        return parameters

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_0, …, n_L."""
        return (self.forward[0].shape[1], *(matrix.shape[0] for matrix in self.forward))

    def check_network(self, network: Network) -> None:
        """Whether they are the parameters of this network; SpecError if not."""
        self.check(sizes=network.layers)

    def check(self, *, sizes: Sequence[int]) -> None:
        """Whether every tensor has the shape that layer sizes n_0..n_L ask for; SpecError if not."""
        wanted = {
            "forward": [(m, n) for n, m in pairwise(sizes)],
            "biases": [(n,) for n in sizes[1:]],
            "feedback": [(n, sizes[-1]) for n in sizes[1:]],
        }
        for name, shapes in wanted.items():
            got = [tuple(tensor.shape) for tensor in getattr(self, name)]
            if got != shapes:
                raise SpecError(
                    "shapes do not fit", where=f"parameters.{name}", expected=str(shapes), got=str(got)
                )


def _check_chain(matrices: Sequence[Tensor]) -> None:
    shapes = [tuple(matrix.shape) for matrix in matrices]
    good = bool(shapes) and all(len(shape) == 2 for shape in shapes)
    good = good and all(after[1] == before[0] for before, after in pairwise(shapes))
    if not good:
        raise SpecError(
            "shapes do not fit",
            where="parameters.forward",
            expected="matrices (n_l, n_{l−1}) of successive layers",
            got=str(shapes),
        )
