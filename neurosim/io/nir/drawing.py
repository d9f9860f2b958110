"""A NIR graph while it is being made, and what results say of it; knows no layer and no controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import nir
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import OutputError
from neurosim.learning import Method, feedback_ends, method_of
from neurosim.learning.feedback import FixedDirect, FixedRelayed, LearnedDirect
from neurosim.learning.inversion import Simulated, Solved
from neurosim.result import Projection, Result
from neurosim.spec import Spec, read_spec_text

Array = NDArray[np.float64]
UNKNOWN_TIME_BASE = 1.0
"""τ_u of a network that was solved without dynamics, s: chosen, since NIR wants seconds."""


@attrs.define(kw_only=True, eq=False)
class Drawing:
    """Nodes by name, and edges; what enters a node is summed."""

    nodes: dict[str, Any] = attrs.field(factory=dict)
    edges: list[tuple[str, str]] = attrs.field(factory=list)

    def add(self, name: str, node: Any, *sources: str, **metadata: str) -> str:
        """A node that is given what the sources give; returns its name."""
        node.metadata = metadata
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return name

    def scaled(self, name: str, factor: Array, source: str, **metadata: str) -> str:
        """The source times a factor for each unit; the source itself where all are 1 and there is nothing to say."""
        if not metadata and np.all(factor == 1):
            return source
        return self.add(name, nir.Scale(scale=factor), source, **metadata)

    def join(self, source: str, target: str) -> None:
        """An edge that closes a loop."""
        self.edges.append((source, target))


def leaky(tau: ArrayLike, leak: Array, constant: ArrayLike = 0.0, gain: ArrayLike = 1.0) -> Any:
    """τ dv/dt = gain · I + constant − leak · v as NIR's τ' dv/dt = v_leak − v + R I."""
    return nir.LI(
        tau=np.asarray(tau) / leak,
        r=np.broadcast_to(gain, leak.shape) / leak,
        v_leak=np.broadcast_to(constant, leak.shape) / leak,
    )


@attrs.frozen(kw_only=True, eq=False)
class Subject:
    """What is drawn: a result whose connectivity was found to be that of its spec."""

    result: Result
    spec: Spec
    method: Method

    @staticmethod
    def of(result: Result) -> Subject:
        """OutputError where the result lacks a layer's weights, or has others than its spec says."""
        spec = read_spec_text(result.spec, source="the spec in the result")
        found = Subject(result=result, spec=spec, method=method_of(spec.method.name))
        for l, shape in enumerate(zip(spec.network.layers[1:], spec.network.layers, strict=False), start=1):
            found.check(found.forward(l), shape)
        return found

    def check(self, name: str, shape: tuple[int, int]) -> None:
        """Whether there is such a projection."""
        projection = self.result.connectivity.get(name)
        got = projection.weights.shape if projection else "nothing of that name"
        if got != shape:
            raise OutputError(
                "does not fit the spec of the result",
                where=f"/connectivity/{name}",
                expected=f"weights {shape}",
                got=str(got),
                remedy="export the result of a run",
            )

    def forward(self, l: int) -> str:
        """Name of the projection to layer l."""
        return f"{'input' if l == 1 else f'layer_{l - 1}'}_to_layer_{l}"

    @property
    def feedback(self) -> dict[int, Projection]:
        """What acts on apical compartments, by layer; none where a circuit stands beside the network."""
        loop = isinstance(self.method.inversion, Simulated | Solved)
        if not (loop and isinstance(self.method.feedback, FixedDirect | LearnedDirect | FixedRelayed)):
            return {}
        layers, found = self.spec.network.layers, {}
        for source, target in feedback_ends(self.method.feedback, layers):
            l = int(target.removeprefix("layer_"))
            n_pre = layers[-1] if source == "controller" else layers[int(source.removeprefix("layer_"))]
            self.check(f"{source}_to_{target}", (layers[l], n_pre))
            found[l] = self.result.connectivity[f"{source}_to_{target}"]
        return found

    @property
    def time_base(self) -> float:
        """τ_u, s."""
        value = self.result.provenance.get("time_base_second", UNKNOWN_TIME_BASE)
        if not isinstance(value, float) or not 0 < value < np.inf:
            raise OutputError("is no time", where="/provenance: time_base_second", got=repr(value))
        return value

    def drawn(self, part: str, name: str, default: float) -> Array:
        """What a chip drew for the units of a part; the default of an ideal one where it drew nothing."""
        devices: Mapping[str, Any] = self.result.devices.get(part, {})
        n = self.spec.network.layers[-1 if part == "controller" else int(part.removeprefix("layer_"))]
        if name not in devices:
            return np.full(n, default)
        values = np.asarray(devices[name], dtype=np.float64)
        if values.shape != (n,):
            raise OutputError(
                "does not fit the spec of the result",
                where=f"/devices/{part}/{name}",
                expected=f"({n},)",
                got=str(values.shape),
            )
        return values
