"""What synapses see of a circuit beside the network: post-synaptic terms, their norms, and the products made of them.

All of it is computed from signals and somata of the same time, before the step moves them on.
"""

from __future__ import annotations

from hardware_models import Parameter
from neurosim.equations.activation import activation
from neurosim.equations.design import Design
from neurosim.equations.model import GatedCode, Group, Program
from neurosim.equations.operations import ColumnReduce, Operation, Outer, Product, Repeat, RowSum
from neurosim.equations.parameters import declarations, model_parameter
from neurosim.equations.parts import Parts
from neurosim.equations.population import signal_name
from neurosim.equations.reading import read_noisily
from neurosim.equations.synapse import rate_before
from neurosim.learning import Anytime, Decoders, TargetDifference
from neurosim.learning.circuit import Circuit

_RAW, _NORMS, _POST, _PRODUCTS = 7, 8, 9, 10
"""Orders in the slot "start", after the signals."""


def teaching_parts(design: Design, circuit: Circuit) -> Parts:
    """For every layer: the post-synaptic term at the end of the presentation, and ΔW ∝ post preᵀ."""
    depth = design.network.depth
    groups = [_group(design, circuit, l) for l in range(1, depth + 1)]
    codes = [code for l in range(1, depth + 1) for code in _code(design, circuit, l)]
    programs = []
    if _normalised(design):
        codes.append(_step("input", "square", "square = rate**2", _gate(design), _RAW))
        programs.append(_program("teaching_norms", _norms(design), _NORMS))
    programs.append(_program("plasticity", _plasticity(design), _PRODUCTS))
    if isinstance(design.parts.plasticity, Anytime):
        moving = [operation for l in range(1, depth) for operation in _products(design, l, "learn")]
        programs.append(
            Program(name="plasticity_on_the_way", operations=tuple(moving), slot="groups", order=3)
        )
    return Parts(groups=tuple(groups), code=tuple(codes), programs=tuple(programs))


def decoder_parts(design: Design) -> Parts:
    """ΔΩ_l ∝ (v_{l−1} − Ω_l σ(v_l)) σ(v_l)ᵀ/‖σ(v_l)‖ at the end of the presentation (Bengio 2020, Algorithm 1)."""
    network, columns = design.network, design.columns
    parts = Parts()
    for position, l in enumerate(range(2, network.depth + 1), start=1):
        name, below, above = f"decoder_{position}", network.layers[l - 1], network.layers[l]
        sigma = f"teaching_{l}.sigma"
        unit = model_parameter(Parameter(value=design.chip.voltage_unit, meaning="voltage of activity 1"))
        group = Group(
            name=name,
            n_units=below,
            n_columns=columns,
            equations="\n".join(
                [
                    "reconstruction : 1",
                    "norm : 1",
                    "post : 1",
                    "soma : volt (linked)",
                    *declarations({"V_unit": unit}),
                ]
            ),
            parameters={"V_unit": unit},
            links={"soma": f"layer_{l - 1}.soma"},
        )
        decode = Product(
            target=f"{name}.reconstruction",
            weights=f"feedback_{position}.weight",
            source=sigma,
            bias="",
            n_post=below,
            n_pre=above,
            n_columns=columns,
            gate="last",
        )
        measure = _sum(f"{name}.norm", f"teaching_{l}.sigma_square", above, below, columns, "last")
        change = Outer(
            target=f"feedback_{position}.accumulated",
            post=f"{name}.post",
            pre=sigma,
            n_post=below,
            n_pre=above,
            n_columns=columns,
            accumulate=False,
            gate="last",
        )
        decoding, reading = read_noisily(design, [decode], slot="start", order=_NORMS)
        parts += reading + Parts(
            groups=(group,),
            # silent neurons above teach nothing
            code=(
                _step(
                    name,
                    "post",
                    "post = (soma/V_unit - reconstruction)/(sqrt(norm) + int(norm == 0))",
                    "last",
                    _POST,
                ),
            ),
            programs=(
                _program(f"{name}_decode", [*decoding, measure], _NORMS),
                _program(f"{name}_learn", [change], _PRODUCTS),
            ),
        )
    return parts


def _normalised(design: Design) -> bool:
    return isinstance(design.parts.plasticity, TargetDifference | Anytime)


def _gate(design: Design) -> str:
    return "learn" if isinstance(design.parts.plasticity, Anytime) else "last"


def _influence(design: Design) -> bool:
    plasticity = design.parts.plasticity
    return isinstance(plasticity, TargetDifference) and plasticity.influence


def _group(design: Design, circuit: Circuit, l: int) -> Group:
    network, post = design.network, circuit.posts[l - 1]
    links = {"taught": signal_name(post.signal), "soma": f"layer_{l}.soma", "rate": f"layer_{l}.rate"}
    equations = ["post : 1", "taught : 1 (linked)", "soma : volt (linked)", "rate : 1 (linked)"]
    if design.mismatched:
        links["comparator_offset"] = f"layer_{l}.comparator_offset"
        equations.append("comparator_offset : 1 (linked)")
    if _normalised(design):
        equations += ["square : 1", "pre_norm : 1"]
    if _influence(design):
        equations += ["post_square : 1", "own_norm : 1", "output_norm : 1"]
    if isinstance(design.parts.plasticity, Anytime) and l < network.depth:
        links["moved"] = f"{post.signal.source}.moved"
        equations.append("moved : 1 (linked)")
    if isinstance(design.parts.feedback, Decoders) and l > 1:
        equations += ["sigma : 1", "sigma_square : 1"]
    unit = model_parameter(Parameter(value=design.chip.voltage_unit, meaning="voltage of activity 1"))
    return Group(
        name=f"teaching_{l}",
        n_units=network.layers[l],
        n_columns=design.columns,
        equations="\n".join([*equations, *declarations({"V_unit": unit})]),
        parameters={"V_unit": unit},
        links=links,
    )


def _code(design: Design, circuit: Circuit, l: int) -> list[GatedCode]:
    name, post = f"teaching_{l}", circuit.posts[l - 1]
    soma = " - soma/V_unit" if post.minus_soma else ""
    offset = " + comparator_offset" if design.mismatched and not design.chip.comparator.auto_zero else ""
    raw = f"post = {'-' if post.sign < 0 else ''}(taught{soma}){offset}"
    codes = []
    if _normalised(design):
        codes.append(_step(name, "square", "square = rate**2", _gate(design), _RAW))
    if isinstance(design.parts.feedback, Decoders) and l > 1:
        sigma = activation(design.network.common_hidden, "soma/V_unit")
        codes.append(_step(name, "sigma", f"sigma = {sigma}\nsigma_square = sigma**2", "last", _RAW))
    if isinstance(design.parts.plasticity, Anytime) and l < design.network.depth:
        way = "post = moved/(pre_norm + 1)"
        codes.append(
            GatedCode(name=f"{name}_post", group=name, code=way, gate="learn", slot="groups", order=2)
        )
        return codes
    if _influence(design):
        raw += "\npost_square = post**2"
    codes.append(_step(name, "raw", raw, "last", _RAW))
    if _normalised(design):
        scale = "*output_norm/(own_norm + int(own_norm == 0))" if _influence(design) else ""
        codes.append(_step(name, "post", f"post = post{scale}/(pre_norm + 1)", "last", _POST))
    return codes


def _norms(design: Design) -> list[Operation]:
    """‖r_{l−1}‖² beside every post-synaptic unit and, where asked for, ‖τ_l − h_l‖² of its layer and of the output."""
    layers, columns, gate = design.network.layers, design.columns, _gate(design)
    operations: list[Operation] = []
    for l in range(1, design.network.depth + 1):
        name, n = f"teaching_{l}", layers[l]
        source = "input.square" if l == 1 else f"teaching_{l - 1}.square"
        operations.append(_sum(f"{name}.pre_norm", source, layers[l - 1], n, columns, gate))
        if _influence(design):
            last = f"teaching_{design.network.depth}.post_square"
            operations += [
                _sum(f"{name}.own_norm", f"{name}.post_square", n, n, columns, "last"),
                _sum(f"{name}.output_norm", last, layers[-1], n, columns, "last"),
            ]
    return operations


def _plasticity(design: Design) -> list[Operation]:
    """Of the layers whose post-synaptic term is taken at the end."""
    depth = design.network.depth
    first = depth if isinstance(design.parts.plasticity, Anytime) else 1
    return [operation for l in range(first, depth + 1) for operation in _products(design, l, "last")]


def _products(design: Design, l: int, gate: str) -> list[Operation]:
    n_post, n_pre = design.network.layers[l], design.network.layers[l - 1]
    accumulate = gate == "learn"
    post = f"teaching_{l}.post"
    return [
        *([Repeat(target=post, size=n_post * design.columns, gate=gate)] if accumulate else []),
        Outer(
            target=f"synapses_{l}.accumulated",
            post=post,
            pre=rate_before(l),
            n_post=n_post,
            n_pre=n_pre,
            n_columns=design.columns,
            accumulate=accumulate,
            gate=gate,
        ),
        RowSum(
            target=f"biases_{l}.accumulated",
            source=post,
            n_units=n_post,
            n_columns=design.columns,
            accumulate=accumulate,
            gate=gate,
        ),
    ]


def _sum(target: str, source: str, n_units: int, n_targets: int, columns: int, gate: str) -> ColumnReduce:
    return ColumnReduce(
        target=target,
        source=source,
        how="sum",
        n_units=n_units,
        n_targets=n_targets,
        n_columns=columns,
        gate=gate,
    )


def _step(group: str, what: str, text: str, gate: str, order: int) -> GatedCode:
    return GatedCode(
        name=f"{group}_{what}_at_{gate}", group=group, code=text, gate=gate, slot="start", order=order
    )


def _program(name: str, operations: list[Operation], order: int) -> Program:
    return Program(name=name, operations=tuple(operations), slot="start", order=order)
