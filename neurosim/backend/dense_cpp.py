"""The dense operations and gates as C++ in Brian2's standalone projects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from brian2 import BrianObject, Clock, NeuronGroup
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.variables import Variables
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.device import get_device
from brian2.groups.group import CodeRunner

from neurosim.backend.functions import CLIP_CPP, TANH_CPP
from neurosim.backend.gates import cpp_condition
from neurosim.backend.precision import one_type
from neurosim.equations import operations as ops
from neurosim.equations.model import SCHEDULE_VARIABLES, GatedCode, Program

Name = Callable[[str], str]
"""The C++ name of the array behind a reference."""


class NeurosimCodeObject(CPPStandaloneCodeObject):
    """Brian2's code object with this package's templates before Brian2's own."""

    templater = CPPStandaloneCodeObject.templater.derive(
        "neurosim.backend",
        templates_dir="templates/cpp",
        env_globals={"c_data_type": c_data_type, "one_type": one_type},
    )


# Found by this class of code objects only; others of the process keep Brian2's.
for _function, _code in (("tanh", TANH_CPP), ("clip", CLIP_CPP)):
    DEFAULT_FUNCTIONS[_function].implementations.add_implementation(
        NeurosimCodeObject, code=_code, name=f"_neurosim_{_function}"
    )


class CppTarget:
    """Brian2's C++ generation, with the gates and operations of this module."""

    code_object_class: Any = NeurosimCodeObject

    def gated(
        self, code: GatedCode, group: NeuronGroup, schedule: NeuronGroup, levels: Sequence[str]
    ) -> BrianObject:
        """Statements within an if."""
        return _GatedRunner(code, group, schedule, levels, self.code_object_class)

    def program(self, program: Program, groups: dict[str, NeuronGroup], clock: Clock) -> BrianObject:
        """The operations as the text of one code object."""
        return _CppProgram(program, groups, self)

    def array(self, group: NeuronGroup, variable: str) -> str:
        """The C++ name of what operations read and write."""
        return str(get_device().get_array_name(group.variables[variable]))

    def written(self, operation: ops.Operation, name: Name) -> str:
        """An operation as C++."""
        return _WRITERS[type(operation)](operation, name)


class _GatedRunner(CodeRunner):
    def __init__(
        self,
        code: GatedCode,
        group: NeuronGroup,
        schedule: NeuronGroup,
        levels: Sequence[str],
        code_object_class: Any,
    ) -> None:
        always = code.gate == "always" and not levels
        CodeRunner.__init__(
            self,
            group,
            "stateupdate" if always else "gated",
            code=code.code,
            clock=group.clock,
            when=code.slot,
            order=code.order,
            name=code.name,
            codeobj_class=code_object_class,
            needed_variables=[] if always else _clock_variables(),
            template_kwds={
                "_clockwork": _clockwork(schedule),
                "_condition": cpp_condition(code.gate),
                "_awake": _any_of(group, levels),
            },
        )
        if not always:
            self.variables = Variables(self)
            _refer_to_clock(self.variables, schedule)


def _any_of(group: NeuronGroup, levels: Sequence[str]) -> str:
    """Whether any of them is not 0, as C++; true of none."""
    device = get_device()
    variables = [group.variables[level] for level in levels]
    tests = [f"neurosim::any(brian::{device.get_array_name(v)}, {int(v.size)})" for v in variables]
    return " || ".join(tests) or "true"


class _CppProgram(CodeRunner):
    def __init__(self, program: Program, groups: dict[str, NeuronGroup], target: CppTarget) -> None:
        schedule = groups["schedule"]
        keys: dict[str, str] = {}

        def name(reference: str) -> str:
            group, variable = reference.split(".")
            keys[f"{group}__{variable}"] = reference
            return target.array(groups[group], variable)

        operations = "\n".join(
            f"if ({cpp_condition(operation.gate)})\n{{\n{target.written(operation, name)}\n}}"
            for operation in program.operations
        )
        CodeRunner.__init__(
            self,
            schedule,
            "program",
            code="",
            clock=schedule.clock,
            when=program.slot,
            order=program.order,
            name=program.name,
            check_units=False,
            codeobj_class=target.code_object_class,
            needed_variables=[*keys, *_clock_variables()],
            template_kwds={"_operations": operations, "_clockwork": _clockwork(schedule)},
        )
        self.variables = Variables(self)
        for key, reference in keys.items():
            group, variable = reference.split(".")
            self.variables.add_reference(key, groups[group], variable)
            self.add_dependency(groups[group])
        _refer_to_clock(self.variables, schedule)


def _clock_variables() -> list[str]:
    return ["_timestep", *(f"_{variable}_value" for variable in SCHEDULE_VARIABLES)]


def _refer_to_clock(variables: Variables, schedule: NeuronGroup) -> None:
    variables.add_reference("_timestep", schedule, "t_in_timesteps")
    for variable in SCHEDULE_VARIABLES:
        variables.add_reference(f"_{variable}_value", schedule, variable)


def _clockwork(schedule: NeuronGroup) -> str:
    """Local names for the step, the presentation and the schedule, as `cpp_condition` uses them."""
    device = get_device()
    lines = [
        f"const int64_t _{variable} = {device.get_array_name(schedule.variables[variable])}[0];"
        for variable in SCHEDULE_VARIABLES
    ]
    step = device.get_array_name(schedule.variables["t_in_timesteps"])
    lines += [f"const int64_t _k = {step}[0] % _period;", f"const int64_t _p = {step}[0] / _period;"]
    return "\n".join(lines)


def _product(o: ops.Product, name: Name) -> str:
    operands = (
        f"{name(o.target)}, {name(o.weights)}, {name(o.source)}, {name(o.bias) if o.bias else 'nullptr'}"
    )
    if o.chips > 1:
        return f"neurosim::products({operands}, {o.n_post}, {o.n_pre}, {o.chips}, {o.n_columns});"
    return f"neurosim::product({operands}, {o.n_post}, {o.n_pre}, {o.n_columns});"


_OWN_OUTER, _OUTER_COLUMNS = 128, 64
"""Weights up to which, and columns from which on, an outer product is neurosim_chips.h's rather than BLAS's. Seen with
OpenBLAS 0.3.34 on an AVX2 processor: 10 × 10 and 128 columns is 1.1 (float32: 1.5) times as fast, 32 × 32 half."""
_BLOCK = 20
"""Steps of one column whose outer products are added as one product. Chosen, as the prototype of this had it."""
_CHIP_BLOCK = 10
"""The same for each of many chips: what eight of them collect stays in the nearest cache. Chosen."""
_TO_THE_END = ("plastic", "learn")
"""Gates that stay open until a presentation ends."""


def _outer(o: ops.Outer, name: Name) -> str:
    target, post, pre = name(o.target), name(o.post), name(o.pre)
    if o.chips > 1 or (o.n_columns >= _OUTER_COLUMNS and o.n_post * o.n_pre <= _OWN_OUTER):
        return _own_outer(o, target, post, pre)
    if o.n_columns == 1 and o.accumulate and o.gate in _TO_THE_END:
        return _collected_outer(o, target, post, pre)
    beta = "1.0" if o.accumulate else "0.0"
    return (
        f"neurosim::gemm(CblasNoTrans, CblasTrans, {o.n_post}, {o.n_pre}, {o.n_columns}, "
        f"{post}, {o.n_columns}, {pre}, {o.n_columns}, {beta}, {target}, {o.n_pre});"
    )


def _own_outer(o: ops.Outer, target: str, post: str, pre: str) -> str:
    sizes = f"{o.n_post}, {o.n_pre}, {o.chips}"
    if o.n_columns == 1 and o.accumulate and o.gate in _TO_THE_END:
        return (
            f"static neurosim::CollectedOuters _outers({sizes}, {_CHIP_BLOCK});\n"
            f"_outers.add({target}, {post}, {pre}, _k == _period - 1);"
        )
    accumulate = "true" if o.accumulate else "false"
    return f"neurosim::outers({target}, {post}, {pre}, {sizes}, {o.n_columns}, {accumulate});"


def _collected_outer(o: ops.Outer, target: str, post: str, pre: str) -> str:
    """Of one column a step changes every weight for two operations: that is all memory and no work."""
    return (
        f"static std::vector<neurosim::Real> _posts({_BLOCK * o.n_post}), _pres({_BLOCK * o.n_pre});\n"
        "static int _collected = 0;\n"
        f"std::memcpy(&_posts[_collected*{o.n_post}], {post}, sizeof(neurosim::Real)*{o.n_post});\n"
        f"std::memcpy(&_pres[_collected*{o.n_pre}], {pre}, sizeof(neurosim::Real)*{o.n_pre});\n"
        f"if (++_collected == {_BLOCK} || _k == _period - 1)\n"
        "{\n"
        f"    neurosim::gemm(CblasTrans, CblasNoTrans, {o.n_post}, {o.n_pre}, _collected, "
        f"_posts.data(), {o.n_post}, _pres.data(), {o.n_pre}, 1.0, {target}, {o.n_pre});\n"
        "    _collected = 0;\n"
        "}"
    )


def _row_sum(o: ops.RowSum, name: Name) -> str:
    sign = "+=" if o.accumulate else "="
    return (
        f"for (int _i = 0; _i < {o.n_units * o.chips}; _i++) {{ neurosim::Real _sum = 0; "
        f"for (int _c = 0; _c < {o.n_columns}; _c++) _sum += {name(o.source)}[_i*{o.n_columns} + _c]; "
        f"{name(o.target)}[_i] {sign} _sum; }}"
    )


def _add(o: ops.Add, name: Name) -> str:
    return f"for (int _i = 0; _i < {o.size}; _i++) {name(o.target)}[_i] += {name(o.source)}[_i];"


def _square(o: ops.Square, name: Name) -> str:
    source = f"{name(o.source)}[_i]"
    return f"for (int _i = 0; _i < {o.size}; _i++) {name(o.target)}[_i] = {source}*{source};"


def _scatter(o: ops.Scatter, name: Name) -> str:
    noise = f"sqrt({name(o.variance)}[_i])*{name(o.normals)}[_i]"
    return f"for (int _i = 0; _i < {o.size}; _i++) {name(o.target)}[_i] += {noise};"


def _fill(o: ops.Fill, name: Name) -> str:
    return f"std::memset({name(o.target)}, 0, sizeof(neurosim::Real)*{o.size});"


def _column_reduce(o: ops.ColumnReduce, name: Name) -> str:
    source, target = name(o.source), name(o.target)
    value = f"{source}[_i*{o.n_columns} + _c]"
    step = f"_r = {value} > _r ? {value} : _r;" if o.how == "max" else f"_r += {value};"
    start = f"{source}[_c]" if o.how == "max" else "0"
    return (
        f"for (int _c = 0; _c < {o.n_columns}; _c++) {{ neurosim::Real _r = {start}; "
        f"for (int _i = 0; _i < {o.n_units}; _i++) {step} "
        f"for (int _i = 0; _i < {o.n_targets or o.n_units}; _i++) {target}[_i*{o.n_columns} + _c] = _r; }}"
    )


def _feed(o: ops.Feed, name: Name) -> str:
    return (
        f'static const neurosim::Samples _samples("{o.name}");\n'
        f"neurosim::feed(_samples, {name(o.target)}, _p, _presentations, {o.n_units}, {o.n_columns});"
    )


def record_text(o: ops.Record, name: Name, kind: str) -> str:
    """With `kind`, neurosim_io.h's Recorder or one like it."""
    lines = [f'static neurosim::{kind} _recorder("{o.name}");']
    lines += [f"_recorder.append({name(s)}, {n});" for s, n in zip(o.sources, o.sizes, strict=True)]
    return "\n".join(lines)


def _record(o: ops.Record, name: Name) -> str:
    return record_text(o, name, "Recorder")


def _guard(o: ops.Guard, name: Name) -> str:
    lines = [f"static neurosim::Stops _stops({o.chips});", "bool _all_out = false;"]
    for number, (source, size) in enumerate(zip(o.sources, o.sizes, strict=True)):
        lines.append(
            f"_all_out = _stops.look(_p*_period + _k, {number}, {name(source)}, {size}, {o.n_columns}, {o.bound!r});"
        )
    lines.append("if (_all_out) Network::_globally_stopped = true;")
    return "\n".join(lines)


def _repeat(o: ops.Repeat, name: Name) -> str:
    return f"if (_stride > 1) for (int _i = 0; _i < {o.size}; _i++) {name(o.target)}[_i] *= _stride;"


def rest_text(o: ops.Rest, name: Name, kind: str) -> str:
    """With `kind` of neurosim_rest.h or one like it. What stands in the schedule is of the next step; the clock ticks
    once more by itself."""
    stride, below = f"{name('schedule.stride')}[0]", f"{name('schedule.rest_below')}[0]"
    sources = [(name(source), size) for source, size in zip(o.sources, o.sizes, strict=True)]
    keeps = [f"_rest.keep({source}, {size});" for source, size in sources]
    looks = [
        f"_rest.look({source}, {size}, {scale!r});"
        for (source, size), scale in zip(sources, o.scales, strict=True)
    ]
    may = "true" if o.sums else "_k + 1 < _plastic_from"
    return "\n".join(
        [
            f"static neurosim::{kind} _rest({sum(o.sizes)}, {ops.REST_EVERY});",
            "if (_stride > 1)",
            "{",
            f"    {name('schedule.t_in_timesteps')}[0] += _stride - 1;",
            f"    {stride} = 1;",
            "}",
            f"else if ({below} > 0 && !(_p >= _trace_first && _p < _trace_last))",
            "{",
            "    const int64_t _at = _p*_period + _k, _left = "
            "neurosim::next_gate(_k, _period, _settle_steps, _window_steps, _plastic_from) - 1 - _k;",
            f"    if (_rest.keeps(_k, _at)) {{ {' '.join(keeps)} }}",
            f"    else if (_left > 1 && {may} && _rest.looks(_at))",
            "    {",
            *(f"        {line}" for line in looks),
            f"        if (_rest.moved()*_left <= {below}) {stride} = _left;",
            "    }",
            "}",
        ]
    )


def _rest(o: ops.Rest, name: Name) -> str:
    return rest_text(o, name, "Rest")


def _meet(o: ops.Meet, name: Name) -> str:
    offsets = [sum(o.sizes[:place]) for place in range(len(o.sizes))]
    arrays = [
        f"({name(target)}, {size}, {offset});"
        for target, size, offset in zip(o.targets, o.sizes, offsets, strict=True)
    ]
    lines = [f"static neurosim::Meeting _meeting({sum(o.sizes)}, {o.parts});"]
    lines += [f"_meeting.give{array}" for array in arrays]
    lines += ["if (!_meeting.wait()) Network::_globally_stopped = true;", "else {"]
    lines += [f"    _meeting.take{array}" for array in arrays]
    return "\n".join([*lines, "    if (_meeting.over()) Network::_globally_stopped = true;", "}"])


def _finish(_o: ops.Finish, _name: Name) -> str:
    return (
        "neurosim::report_progress(_p + 1);\nif (_p + 1 >= _presentations) Network::_globally_stopped = true;"
    )


_WRITERS: dict[type, Callable[[Any, Name], str]] = {
    ops.Product: _product,
    ops.Outer: _outer,
    ops.RowSum: _row_sum,
    ops.Add: _add,
    ops.Square: _square,
    ops.Scatter: _scatter,
    ops.Fill: _fill,
    ops.ColumnReduce: _column_reduce,
    ops.Feed: _feed,
    ops.Record: _record,
    ops.Guard: _guard,
    ops.Repeat: _repeat,
    ops.Rest: _rest,
    ops.Meet: _meet,
    ops.Finish: _finish,
}
