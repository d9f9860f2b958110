"""Weights out of SONATA circuits; knows nothing of what is in such files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from neurosim.io.hdf5.guarded import Node
from neurosim.io.hdf5.opened import opened
from neurosim.io.sonata.read import Circuit, Edges, biases_of, node_counts
from neurosim.io.weights.wanted import KEY, Numbers, Wanted

_REMEDY = f"say under {KEY}.arrays which populations of edges the weights are"


@contextmanager
def read_sonata_weights(path: Path, wanted: Wanted) -> Iterator[Mapping[str, Numbers]]:
    """Populations of edges by their names; biases where nodes have a dynamics parameter `bias`, as neurosim writes."""
    wanted.check_biases_unnamed("a circuit")
    circuit = Circuit.of(path)
    with ExitStack() as stack:

        def open_one(file: Path) -> Node:
            return stack.enter_context(opened(file, expected="a SONATA file", lazy=True, remedy=_REMEDY))

        nodes, edges = [open_one(file) for file in circuit.nodes], [open_one(file) for file in circuit.edges]
        counts: dict[str, int] = {}
        biases: dict[str, Numbers] = {}
        for root in nodes:
            counts |= node_counts(root)
            biases |= biases_of(root)
        found: dict[str, Numbers] = {}
        for root in edges:
            populations = dict(root.group("edges").groups())
            for name in wanted.matrices:
                if wanted.called(name) not in populations:
                    continue
                found[name] = Edges.of(populations[wanted.called(name)], counts)
                target = name.partition("_to_")[2]
                if (called := wanted.biases_of(name)) and target in biases:
                    found[called] = np.asarray(biases[target])
        yield found
