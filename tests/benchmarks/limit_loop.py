"""The hand-written limit: a C++ loop with BLAS calls, compiled with the emulation's flags; see limit_loop.cpp."""

from __future__ import annotations

import ctypes
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Stimulus
from neurosim.backend.compiler import blas_paths
from neurosim.backend.functions import TANH_CPP
from neurosim.emulate import Weights
from neurosim.spec import Protocol, Spec
from tests.compiled import shared_library

PRECISIONS = {"float64": np.dtype("float64"), "float32": np.dtype("float32")}

_SOURCE = Path(__file__).with_suffix(".cpp")


class LimitLoop:
    """tanh layers, linear output, softmax cross-entropy, PI controller, buffered updates."""

    def __init__(self, spec: Spec, weights: Weights, *, columns: int, precision: str = "float64") -> None:
        network, method = spec.network, spec.method
        if (network.hidden, network.output, spec.task.loss) != ("tanh", "linear", "softmax_cross_entropy"):
            raise ValueError("this loop is written for tanh, linear and softmax_cross_entropy only")
        self._dtype = PRECISIONS[precision]
        self._run = _library(precision).limit_run
        self._run.restype = ctypes.c_double
        self._layers = np.array(network.layers, np.int32)
        self._columns = columns
        self._weights, self._biases, self._feedback = (
            np.concatenate([array.ravel() for array in arrays]).astype(self._dtype)
            for arrays in (weights.forward, weights.biases, weights.feedback)
        )
        self._settings = np.array(
            [
                spec.run.dt_ratio,
                network.tau_soma_ratio,
                method.proportional_gain,
                method.leak,
                method.target_stepsize,
                method.learning_rate,
            ]
        )

    def run(self, stimulus: Stimulus, protocol: Protocol) -> float:
        """Show every presentation; the weights change after each. Seconds that it took by its own clock."""
        inputs, desired = (
            stimulus.inputs.astype(float) * stimulus.scale,
            np.ascontiguousarray(stimulus.desired),
        )
        order = np.ascontiguousarray(stimulus.order, np.int32)
        arrays = (self._weights, self._biases, self._feedback, self._settings, inputs, desired, order)
        seconds: float = self._run(
            _pointer(self._layers),
            len(self._layers) - 1,
            self._columns,
            *map(_pointer, arrays),
            stimulus.n_presentations,
            protocol.settle_steps,
            protocol.learn_steps,
        )
        return seconds

    @property
    def forward(self) -> list[NDArray[Any]]:
        """Weights, (n_post, n_pre) each."""
        shapes = list(zip(self._layers[1:], self._layers[:-1], strict=True))
        edges = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
        return [
            part.reshape(shape) for part, shape in zip(np.split(self._weights, edges), shapes, strict=True)
        ]

    @property
    def biases(self) -> list[NDArray[Any]]:
        """(n, 1) each."""
        return [part[:, None] for part in np.split(self._biases, np.cumsum(self._layers[1:])[:-1])]


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


@cache
def _library(precision: str) -> ctypes.CDLL:
    """Compiled once in each process."""
    include, folder, name = blas_paths()
    real = ["-DREAL=float", "-DSINGLE"] if precision == "float32" else ["-DREAL=double"]
    built = Path(tempfile.mkdtemp(prefix="limit-"))
    functions = built / "functions.h"
    functions.write_text(f"#include <cmath>\n#include <cstdint>\nusing namespace std;\n{TANH_CPP}")
    return shared_library(
        _SOURCE,
        built / "limit.so",
        compiling=[*real, f"-I{include}", "-include", str(functions)],
        linking=[f"-L{folder}", f"-l{name}", f"-Wl,-rpath,{folder}"],
    )
