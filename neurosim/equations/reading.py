"""Noise with which stored weights are read: one more product, of variances with squared rates, for each product."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from hardware_models import Parameter
from neurosim.equations.design import Design
from neurosim.equations.model import GatedCode, Group
from neurosim.equations.operations import Add, Fill, Operation, Product, Scatter, Square
from neurosim.equations.parameters import declarations, model_parameter, noise_key_parameter
from neurosim.equations.parts import Parts
from neurosim.equations.sites import READING, normal
from neurosim.equations.synapse import forward_products

_VOLTS = ("apical_drive",)
"""Variables that are voltages, as what they are made of is; all others are without unit."""


def read_noisily(
    design: Design, operations: Iterable[Operation], *, slot: str, order: int
) -> tuple[list[Operation], Parts]:
    """The operations with noise added to every product of cells that are read with noise, and what that needs.

    Every cell of every column adds W σ r √(t_r/dt) z of its own in every step; their sum over a line of n cells is a
    normal with variance Σ_j (W σ_ij)² r_j² t_r/dt, of which one is drawn for each unit and column. That is exact
    where the columns are samples one after the other, each with noise of its own.

    Parameters
    ----------
    slot, order : where in a step the operations run.
    """
    found: list[Operation] = []
    parts = Parts()
    for operation in operations:
        if isinstance(operation, Product) and operation.weights.split(".")[0] in _noisy(design):
            own, needed = _noisy_product(design, operation, slot, order)
            found += own
            parts += needed
        else:
            found.append(operation)
    return found, parts


def drives_constantly(design: Design, *, updates: str) -> bool:
    """Whether layer 1's drive stays the same for a whole presentation."""
    (product,) = forward_products(design.network, columns=design.columns, updates=updates)[:1]
    return product.gate == "begin" and "synapses_1" not in _noisy(design)


def _noisy(design: Design) -> set[str]:
    if not design.chip.noise:
        return set()
    return {name for name, array in design.arrays.items() if array.memory.reading() is not None}


def _noisy_product(design: Design, product: Product, slot: str, order: int) -> tuple[list[Operation], Parts]:
    place = product.target.replace(".", "_")
    lines, reading = f"lines_{place}", f"reading_{place}"
    n_post, columns = product.n_post, product.n_columns
    variances = attrs.evolve(
        product,
        target=f"{reading}.variance",
        weights=f"{product.weights.split('.')[0]}.variance",
        source=f"{lines}.square",
        bias=f"{product.bias.split('.')[0]}.variance" if product.bias else "",
    )
    squares = Square(
        target=f"{lines}.square",
        source=product.source,
        size=product.n_pre * columns,
        gate=product.gate,
    )
    once = product.gate == "begin"  # of what is constant: the noise is not
    mean = attrs.evolve(product, target=f"{reading}.mean") if once else product
    gate = "always" if once else product.gate
    size = n_post * columns
    operations: list[Operation] = [squares, mean, variances]
    if once:
        operations.append(Fill(target=product.target, size=size, gate=gate))
        operations.append(Add(target=product.target, source=f"{reading}.mean", size=size, gate=gate))
    operations.append(
        Scatter(
            target=product.target,
            variance=f"{reading}.variance",
            normals=f"{reading}.normals",
            size=size,
            gate=gate,
        )
    )
    return operations, _groups(design, product, gate, slot, order)


def _groups(design: Design, product: Product, gate: str, slot: str, order: int) -> Parts:
    place = product.target.replace(".", "_")
    unit = "volt" if product.target.split(".")[1] in _VOLTS else "1"
    square = f"{unit}**2" if unit != "1" else "1"
    dt = design.dt_ratio * design.chip.time_base
    root = float(design.chip.synapse.read_time / dt) ** 0.5
    parameters = {
        "read_noise": model_parameter(
            Parameter(value=root, meaning="√(t_r/dt): time of a reading over a step")
        ),
        "noise_key": noise_key_parameter(),
    }
    equations = [f"variance : {square}", "normals : 1", *declarations(parameters)]
    if product.gate == "begin":
        equations.append(f"mean : {unit}")
    reading = Group(
        name=f"reading_{place}",
        n_units=product.n_post,
        n_columns=product.n_columns,
        equations="\n".join(equations),
        parameters=parameters,
    )
    lines = Group(
        name=f"lines_{place}",
        n_units=product.n_pre,
        n_columns=product.n_columns,
        equations=f"square : {square}",
    )
    draw = GatedCode(
        name=f"reading_{place}_draw",
        group=reading.name,
        code=f"normals = read_noise*{normal(READING)}",
        gate=gate,
        slot=slot,
        order=order - 1,
    )
    return Parts(groups=(lines, reading), code=(draw,))
