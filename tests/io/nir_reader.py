"""What a NIR graph means, by NIR's own definitions of its nodes: states, what they are at rest, how they move.

Reads a graph with the library of the format and knows nothing of neurosim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import nir
import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Array = NDArray[np.float64]
FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(0, x),
}


@attrs.frozen
class Graph:
    """Of LI, I, Affine, Linear, Scale, Input and Output; inputs to a node are summed."""

    graph: nir.NIRGraph
    heeds_metadata: bool = False
    """Whether nodes that name an activation apply it."""

    @staticmethod
    def read(path: Path, *, heeds_metadata: bool = False) -> Graph:
        return Graph(nir.read(path), heeds_metadata)

    def sizes(self) -> dict[str, int]:
        """Of the nodes that have a state."""
        return {
            name: node.r.size for name, node in self.graph.nodes.items() if isinstance(node, nir.LI | nir.I)
        }

    def outputs(self, states: Mapping[str, Array], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """What every node gives."""
        given: dict[str, Array] = {**states, **inputs}

        def value(name: str) -> Array:
            if name not in given:
                given[name] = self._apply(name, self._into(name, value))
            return given[name]

        return {name: value(name) for name in self.graph.nodes}

    def _into(self, name: str, value: Callable[[str], Array]) -> Array:
        return np.sum([value(source) for source, target in self.graph.edges if target == name], axis=0)

    def _apply(self, name: str, x: Array) -> Array:
        node = self.graph.nodes[name]
        if isinstance(node, nir.Output):
            return x
        if isinstance(node, nir.Scale):
            known = node.metadata.get("activation", "linear") if self.heeds_metadata else "linear"
            return FUNCTIONS[known](node.scale * x)
        if isinstance(node, nir.Affine):
            return np.asarray(node.weight @ x + node.bias)
        assert isinstance(node, nir.Linear), name
        return np.asarray(node.weight @ x)

    def moves(self, states: Mapping[str, Array], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """dv/dt of every state: (v_leak − v + R I)/τ of LI, R I of I."""
        given = self.outputs(states, inputs)
        found = {}
        for name in self.sizes():
            node, current = self.graph.nodes[name], self._into(name, given.__getitem__)
            found[name] = (
                (node.v_leak - states[name] + node.r * current) / node.tau
                if isinstance(node, nir.LI)
                else node.r * current
            )
        return found

    def integrated(self, inputs: Mapping[str, Array], until: float) -> dict[str, Array]:
        """What every node gives, having started at 0."""
        sizes = self.sizes()
        ends = np.cumsum([0, *sizes.values()])

        def split(y: Array) -> dict[str, Array]:
            return {name: y[ends[i] : ends[i + 1]] for i, name in enumerate(sizes)}

        def flow(_: float, y: Array) -> Array:
            return np.concatenate(list(self.moves(split(y), inputs).values()))

        found = solve_ivp(flow, (0, until), np.zeros(ends[-1]), method="LSODA", rtol=1e-9, atol=1e-11)
        assert found.success, found.message
        return self.outputs(split(found.y[:, -1]), inputs)
