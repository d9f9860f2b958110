"""Weights out of a result file; knows no other format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from neurosim.io.hdf5 import open_result
from neurosim.io.weights.wanted import Numbers, Wanted


@contextmanager
def read_result_weights(path: Path, wanted: Wanted) -> Iterator[Mapping[str, Numbers]]:
    """What the network of the result computes with, errors of its devices included, and its biases."""
    wanted.check_biases_unnamed("a result")
    with open_result(path) as result:
        found: dict[str, Numbers] = {}
        for name in wanted.matrices:
            projection = result.connectivity.get(wanted.called(name))
            if projection is None:
                continue
            found[name] = projection.weights
            biases = wanted.biases_of(name)
            if biases and projection.biases is not None:
                found[biases] = projection.biases
        yield found
