"""Which arrays a network takes from elsewhere, and what they are called in a file; reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SpecError, nearest
from neurosim.learning import feedback_ends, feedback_shapes, method_of
from neurosim.spec import GivenWeights, Spec

KEY = "network.weights"
BIASES = "biases_"


class Numbers(Protocol):
    """An array, or one that is still in its file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        ...

    def __getitem__(self, key: Any, /) -> NDArray[Any]: ...


class Reader(Protocol):
    """Of one format."""

    def __call__(self, path: Path, wanted: Wanted) -> AbstractContextManager[Mapping[str, Numbers]]:
        """Those wanted arrays that the file has, by the names of a result file, while the file is open."""
        ...


@attrs.frozen(kw_only=True)
class Wanted:
    """What a network takes."""

    given: GivenWeights
    shapes: Mapping[str, tuple[int, ...]]
    """By the names of a result file; biases may be missing in a file."""

    @staticmethod
    def of(spec: Spec) -> Wanted:
        """SpecError where the spec names arrays that its network does not have, or there is no feedback."""
        given, layers = spec.network.weights, spec.network.layers
        sources = ["input", *(f"layer_{l}" for l in range(1, len(layers) - 1))]
        shapes: dict[str, tuple[int, ...]] = {}
        for l, (source, (n, m)) in enumerate(zip(sources, pairwise(layers), strict=True), start=1):
            shapes |= {f"{source}_to_layer_{l}": (m, n), f"{BIASES}{l}": (m,)}
        feedback = method_of(spec.method.name).feedback
        ends = feedback_ends(feedback, layers)
        names = [f"{source}_to_{target}" for source, target in ends]
        if given.feedback:
            if not ends:
                raise SpecError(
                    f"{spec.method.name} has no feedback weights of its own",
                    where=f"{spec.source or 'spec'}: {KEY}.feedback",
                    expected="false",
                    got="true",
                )
            shapes |= dict(zip(names, feedback_shapes(feedback, layers), strict=True))
        for name in given.arrays:
            if name not in shapes:
                raise SpecError(
                    "is no array that this network takes",
                    where=f"{spec.source or 'spec'}: {KEY}.arrays.{name}",
                    expected=", ".join(shapes),
                    remedy=f"set {KEY}.feedback = true" if name in names else nearest(name, shapes),
                )
        return Wanted(given=given, shapes=shapes)

    def called(self, name: str) -> str:
        """What the file calls an array."""
        return self.given.arrays.get(name, name)

    @property
    def matrices(self) -> list[str]:
        """All but biases."""
        return [name for name in self.shapes if not name.startswith(BIASES)]

    def biases_of(self, name: str) -> str:
        """The biases that come with forward weights; empty where those of this name have none."""
        forward = [matrix for matrix in self.matrices if self._is_forward(matrix)]
        return f"{BIASES}{forward.index(name) + 1}" if name in forward else ""

    def _is_forward(self, name: str) -> bool:
        source, _, target = name.partition("_to_")
        below = {f"layer_{l}": f"layer_{l - 1}" if l > 1 else "input" for l in range(1, len(self.shapes) + 1)}
        return below.get(target) == source

    def check_biases_unnamed(self, where: str) -> None:
        """Refuse names of biases for a format where they come with their weights."""
        named = [name for name in self.given.arrays if name.startswith(BIASES)]
        if named:
            raise SpecError(
                "biases have no name of their own in this format",
                where=f"{KEY}.arrays.{named[0]}",
                expected=f"names of weights; {where} has the biases with them",
                remedy="leave it out",
            )


def numbers(values: Any) -> NDArray[np.float64]:
    """As float64, which holds every shorter one exactly."""
    return np.array(values[()], dtype=np.float64)
