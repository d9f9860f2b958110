"""Weights out of NIR graphs; knows nothing of what is in such a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SpecError
from neurosim.io.nir.read import Layer, chain_of, open_graph, written_layers
from neurosim.io.weights.wanted import KEY, Numbers, Wanted


@attrs.frozen(eq=False)
class _Folded:
    """Weights of a layer with what stands behind them."""

    layer: Layer

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.layer.weights.shape)

    def __getitem__(self, key: Any) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.layer.folded[key]
        return found


@contextmanager
def read_nir_weights(path: Path, wanted: Wanted) -> Iterator[Mapping[str, Numbers]]:
    """Of a graph that neurosim wrote: weights and biases by name, without the neurons of the chip it was of. Of others:
    the chain from input to output, W and b with gains and resting values of LI and factors of Scale folded in."""
    if wanted.given.arrays:
        raise SpecError(
            "names of arrays have no meaning in this format",
            where=f"{KEY}.arrays",
            expected="none: layers come in the order of the graph",
            remedy="leave it out",
        )
    with open_graph(path) as graph:
        written = written_layers(graph)
        found: dict[str, Numbers] = {}
        if written:
            for name in wanted.matrices:
                if name in written:
                    found[name] = written[name].weights
                    if biases := wanted.biases_of(name):
                        found[biases] = written[name].constant
        else:
            forward = [name for name in wanted.matrices if wanted.biases_of(name)]
            chain = chain_of(graph)
            if len(chain) != len(forward):
                raise SpecError(
                    "the graph has another number of layers",
                    where="network.layers",
                    expected=f"{len(chain) + 1} sizes for {path}",
                    got=f"{len(forward) + 1}",
                )
            for name, layer in zip(forward, chain, strict=True):
                found |= {name: _Folded(layer), wanted.biases_of(name): layer.constant}
        yield found
