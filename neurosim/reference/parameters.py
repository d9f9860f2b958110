"""Weights, biases and feedback weights as tensors; knows neither dynamics nor devices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.feedback import Feedback, direct_feedback_weights, feedback_shapes
from neurosim.reference.tensors import as_array, double
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True, eq=False)
class Parameters:
    """W_l and b_l of layers 1..L and the feedback weights, float64; entry 0 of W and b belongs to layer 1."""

    forward: tuple[Tensor, ...]
    """W_l, (n_l, n_{l−1})."""
    biases: tuple[Tensor, ...]
    """b_l, (n_l,)."""
    feedback: tuple[Tensor, ...]
    """Those of the method's feedback, in the order and of the shapes of `neurosim.learning.feedback_shapes`:
    Q_l (n_l, n_L) where it is direct, none where the path is made of W."""

    @staticmethod
    def from_arrays(
        *, forward: Sequence[Any], biases: Sequence[Any], feedback: Sequence[Any] | None = None
    ) -> Parameters:
        """Arrays or tensors, copied; without `feedback` it is direct, Q_l = W_{l+1}ᵀ ⋯ W_Lᵀ, Q_L = I.

        Feedback of any shape is taken: what it must be, only the method knows (`check_feedback`).

        Raises
        ------
        SpecError : shapes of weights and biases that do not fit each other.
        """
        matrices = tuple(double(matrix).clone() for matrix in forward)
        if feedback is None:
            _check_chain(matrices)
            feedback = direct_feedback_weights([as_array(matrix) for matrix in matrices])
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
        """Whether weights and biases are those of this network; SpecError if not."""
        self.check(sizes=network.layers)

    def check(self, *, sizes: Sequence[int]) -> None:
        """Whether W and b have the shapes that layer sizes n_0..n_L ask for; SpecError if not."""
        _check_shapes("forward", self.forward, [(m, n) for n, m in pairwise(sizes)])
        _check_shapes("biases", self.biases, [(n,) for n in sizes[1:]])

    def check_feedback(self, feedback: Feedback, network: Network) -> None:
        """Whether the feedback weights are those of this kind of feedback; SpecError if not."""
        _check_shapes("feedback", self.feedback, list(feedback_shapes(feedback, network.layers)))


def _check_shapes(name: str, tensors: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> None:
    got = [tuple(tensor.shape) for tensor in tensors]
    if got != list(shapes):
        raise SpecError("shapes do not fit", where=f"parameters.{name}", expected=str(shapes), got=str(got))


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
