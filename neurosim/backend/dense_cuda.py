"""The dense operations and gates as CUDA in Brian2CUDA's standalone projects.

The host knows the step, opens the gates and calls cuBLAS and the kernels of neurosim_cuda.h; equations and gated code
are kernels that Brian2CUDA makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from brian2 import NeuronGroup
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.devices.device import get_device
from brian2cuda.codeobject import CUDAStandaloneCodeObject

from neurosim.backend.dense_cpp import CppTarget, Name, record_text, rest_text
from neurosim.backend.functions import CLIP_CPP, on_both
from neurosim.backend.precision import one_type
from neurosim.equations import operations as ops
from neurosim.equations.model import SCHEDULE

_WRITE = re.compile(r"^\s*_ptr\w+\[[^\]]*\] = \w+;\s*$", re.MULTILINE)


def writes(code: str) -> bool:
    """Whether Brian2's code writes into an array."""
    return _WRITE.search(code) is not None


def without_writes(code: str) -> str:
    """Brian2's code without what it writes into arrays."""
    return _WRITE.sub("", code)


class NeurosimCudaCodeObject(CUDAStandaloneCodeObject):
    """Brian2CUDA's code object with this package's templates before its own."""

    templater = CUDAStandaloneCodeObject.templater.derive(
        "neurosim.backend",
        templates_dir="templates/cuda",
        env_globals={
            "c_data_type": c_data_type,
            "one_type": one_type,
            "writes": writes,
            "without_writes": without_writes,
        },
    )


# Brian2CUDA's own is single for all, also for what stays double in a Model of single precision; it formats the text.
DEFAULT_FUNCTIONS["clip"].implementations.add_implementation(
    NeurosimCudaCodeObject,
    code=on_both(CLIP_CPP).replace("{", "{{").replace("}", "}}"),
    name="_neurosim_clip",
)


class CudaTarget(CppTarget):
    """Brian2CUDA's generation, with the gates and operations of this module."""

    code_object_class: Any = NeurosimCudaCodeObject

    def array(self, group: NeuronGroup, variable: str) -> str:
        """Of the GPU's; but the host's of the schedule, which it reads and moves."""
        prefix = "" if group.name == SCHEDULE else "dev"
        return str(get_device().get_array_name(group.variables[variable], prefix=prefix))

    def written(self, operation: ops.Operation, name: Name) -> str:
        """An operation as calls of neurosim_cuda.h; none of runs that meet: those share cores."""
        return _WRITERS[type(operation)](operation, name)


_STOP = "brian::stepclock.i_end = 0;"
"""Ends Brian2's loop after the step."""


def _product(o: ops.Product, name: Name) -> str:
    target, weights, source = name(o.target), name(o.weights), name(o.source)
    n = o.n_post * o.chips * o.n_columns
    if o.chips > 1:
        bias = name(o.bias) if o.bias else "nullptr"
        return (
            f"neurosim::each({n}, neurosim::ProductOfChips{{{target}, {weights}, {source}, {bias}, {o.n_pre}, "
            f"{o.chips}, {o.n_columns}}});"
        )
    spread = (
        f"neurosim::each({n}, neurosim::Spread{{{target}, {name(o.bias)}, {o.n_columns}}});\n"
        if o.bias
        else ""
    )
    sizes = f"{o.n_post}, {o.n_pre}, {o.n_columns}, {1 if o.bias else 0}"
    return f"{spread}neurosim::product({target}, {weights}, {source}, {sizes});"


def _outer(o: ops.Outer, name: Name) -> str:
    target, post, pre = name(o.target), name(o.post), name(o.pre)
    if o.chips > 1:
        accumulate = "true" if o.accumulate else "false"
        return (
            f"neurosim::each({o.n_post * o.n_pre * o.chips}, neurosim::OuterOfChips{{{target}, {post}, {pre}, "
            f"{o.n_pre}, {o.chips}, {o.n_columns}, {accumulate}}});"
        )
    sizes = f"{o.n_post}, {o.n_pre}, {o.n_columns}, {1 if o.accumulate else 0}"
    return f"neurosim::outer({target}, {post}, {pre}, {sizes});"


def _row_sum(o: ops.RowSum, name: Name) -> str:
    sizes = f"{o.n_units * o.chips}, {o.n_columns}, {1 if o.accumulate else 0}"
    return f"neurosim::row_sums({name(o.target)}, {name(o.source)}, {sizes});"


def _each(size: int, what: str, *arguments: str) -> str:
    return f"neurosim::each({size}, neurosim::{what}{{{', '.join(arguments)}}});"


def _fill(o: ops.Fill, name: Name) -> str:
    size = f"sizeof(neurosim::Real)*{o.size}"
    return f'neurosim::check(cudaMemset({name(o.target)}, 0, {size}), "memset");'


def _column_reduce(o: ops.ColumnReduce, name: Name) -> str:
    if o.how == "sum" and o.n_columns == 1:  # of weights, many of them
        target, targets = name(o.target), o.n_targets or o.n_units
        total = f"neurosim::row_sums({target}, {name(o.source)}, 1, {o.n_units}, 0);"
        return f"{total}\n{_each(targets, 'Spread', target, target, str(targets))}"
    largest = "true" if o.how == "max" else "false"
    sizes = map(str, (o.n_units, o.n_columns, o.n_targets or o.n_units))
    return _each(o.n_columns, "ColumnReduce", name(o.target), name(o.source), *sizes, largest)


def _feed(o: ops.Feed, name: Name) -> str:
    return (
        f'static neurosim::DeviceSamples _samples("{o.name}");\n'
        f"_samples.feed({name(o.target)}, _p, _presentations, {o.n_units}, {o.n_columns});"
    )


def _record(o: ops.Record, name: Name) -> str:
    return record_text(o, name, "DeviceRecorder")


def _guard(o: ops.Guard, name: Name) -> str:
    lines = [f"static neurosim::DeviceStops _stops({o.chips});", "const int64_t _at = _p*_period + _k;"]
    for number, (source, size) in enumerate(zip(o.sources, o.sizes, strict=True)):
        lines.append(f"_stops.look({number}, {name(source)}, {size}, {o.n_columns}, {o.bound!r});")
    has_to_know = "_k >= _period - 2 || _stride > 1 || (_p >= _trace_first && _p < _trace_last)"
    lines.append(f"if (_stops.all_out(_at, {has_to_know})) {{ {_STOP} if (_stops.before(_at)) return; }}")
    return "\n".join(lines)


def _repeat(o: ops.Repeat, name: Name) -> str:
    scaled = _each(o.size, "Scale", name(o.target), "(neurosim::Real)_stride")
    return f"if (_stride > 1) {scaled}"


def _rest(o: ops.Rest, name: Name) -> str:
    return rest_text(o, name, "DeviceRest")


def _finish(_o: ops.Finish, _name: Name) -> str:
    return (
        "neurosim::report_progress(_p + 1);\n"
        f"if (_p + 1 >= _presentations || neurosim::asked_to_end()) {_STOP}"
    )


_WRITERS: dict[type, Callable[[Any, Name], str]] = {
    ops.Product: _product,
    ops.Outer: _outer,
    ops.RowSum: _row_sum,
    ops.Add: lambda o, name: _each(o.size, "AddTo", name(o.target), name(o.source)),
    ops.Square: lambda o, name: _each(o.size, "SquareOf", name(o.target), name(o.source)),
    ops.Scatter: lambda o, name: _each(
        o.size, "ScatterBy", name(o.target), name(o.variance), name(o.normals)
    ),
    ops.Fill: _fill,
    ops.ColumnReduce: _column_reduce,
    ops.Feed: _feed,
    ops.Record: _record,
    ops.Guard: _guard,
    ops.Repeat: _repeat,
    ops.Rest: _rest,
    ops.Finish: _finish,
}
