"""Dense projections: weights as a group with equations, and the products that serve and change them."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.equations.design import Design
from neurosim.equations.model import Group, ModelParameter, Updater
from neurosim.equations.operations import Add, Fill, Operation, Outer, Product, Repeat, RowSum
from neurosim.equations.optimizer import apply_code, update_rule
from neurosim.equations.parameters import declarations
from neurosim.equations.parts import Parts
from neurosim.equations.stored import stored_weights
from neurosim.errors import SpecError
from neurosim.spec import Network, Optimizer

CONTINUOUS = "continuous"


def fixed_weights(name: str, n_units: int, *, gain: NDArray[np.float64] | None) -> Parts:
    """What is stored and what the network computes with, weight = gain · stored."""
    parameters = _gain(gain)
    return Parts(groups=(_weights(name, n_units, ["weight : 1", "stored : 1"], parameters),))


def continuous_weights(name: str, n_units: int, *, gain: NDArray[np.float64] | None) -> Parts:
    """dstored/dt = update_rate · drive."""
    rate = ModelParameter(value=0.0, unit="hertz", meaning="η/(learn duration · batch)")
    updater = Updater(slot="groups", order=4, after=f"weight = {_effective(gain)}")
    equations = ["weight : 1", "dstored/dt = update_rate*drive : 1", "drive : 1"]
    group = _weights(name, n_units, equations, _gain(gain) | {"update_rate": rate})
    return Parts(groups=(attrs.evolve(group, updater=updater),))


def buffered_weights(
    name: str, n_units: int, *, gain: NDArray[np.float64] | None, optimizer: Optimizer, decays: bool
) -> Parts:
    """`stored` changes at the end of a presentation by what was `accumulated`, as the optimiser says."""
    rule = update_rule(name, n_units, optimizer, decays=decays)
    equations = ["weight : 1", "stored : 1", "accumulated : 1", *rule.equations]
    return Parts(
        groups=(_weights(name, n_units, equations, _gain(gain) | rule.parameters),),
        code=(*rule.code, apply_code(name, rule, effective=_effective(gain))),
        programs=rule.programs,
    )


def learned_weights(
    design: Design, name: str, n_units: int, *, gain: NDArray[np.float64] | None, decays: bool
) -> Parts:
    """Weights that change, buffered or continuously, in a memory where the chip has one."""
    optimizer, array = design.method.optimizer, design.arrays.get(name)
    if array is None:
        return buffered_weights(name, n_units, gain=gain, optimizer=optimizer, decays=decays)
    rule = update_rule(name, n_units, optimizer, decays=decays)
    return stored_weights(name, array, gain=gain, noisy=design.chip.noise, rule=rule)


def kept_weights(design: Design, name: str, n_units: int, *, gain: NDArray[np.float64] | None) -> Parts:
    """Weights that nothing changes but time, where the chip has a memory."""
    array = design.arrays.get(name)
    if array is None:
        return fixed_weights(name, n_units, gain=gain)
    return stored_weights(name, array, gain=gain, noisy=design.chip.noise, rule=None)


def check_updates(design: Design) -> None:
    """Refuse weights that change all the time in cells that are written in pulses."""
    if design.arrays and design.method.weight_updates == CONTINUOUS:
        raise SpecError(
            "the cells of a memory are written at the end of a presentation",
            where="method.weight_updates",
            expected=f"buffered on {design.chip.name}",
            got=CONTINUOUS,
            remedy='set method.weight_updates = "buffered", or chip.synapse.memory.part = "ideal"',
        )


def _weights(name: str, n_units: int, equations: list[str], parameters: dict[str, ModelParameter]) -> Group:
    return Group(
        name=name,
        n_units=n_units,
        n_columns=1,
        equations="\n".join([*equations, *declarations(parameters)]),
        parameters=parameters,
        lasting=True,
    )


def _gain(gain: NDArray[np.float64] | None) -> dict[str, ModelParameter]:
    if gain is None:
        return {}
    return {"gain": ModelParameter(value=gain.ravel(), unit="1", meaning="mismatch of each synapse")}


def forward_products(network: Network, *, columns: int, updates: str) -> list[Operation]:
    """basal_drive of every layer. The input is constant, so layer 1's product runs once a presentation,
    unless the weights move meanwhile."""
    operations: list[Operation] = []
    for l in range(1, network.depth + 1):
        operations.append(
            Product(
                target=f"layer_{l}.basal_drive",
                weights=f"synapses_{l}.weight",
                source=rate_before(l),
                bias=f"biases_{l}.weight",
                n_post=network.layers[l],
                n_pre=network.layers[l - 1],
                n_columns=columns,
                gate="begin" if l == 1 and updates != CONTINUOUS else "always",
            )
        )
    return operations


def feedback_products(network: Network, *, columns: int, relayed: bool) -> list[Operation]:
    """apical_drive of every layer, from the top; zero while the controller is off.

    Direct: from the controller's output. Relayed: from the apical compartment above, or from what drives it
    where the compartment has no time constant.
    """
    operations: list[Operation] = []
    above = "apical" if network.tau_apical_ratio > 0 else "apical_drive"
    for l in range(network.depth, 0, -1):
        target, n_post = f"layer_{l}.apical_drive", network.layers[l]
        from_above = relayed and l < network.depth
        operations += [
            Fill(target=target, size=n_post * columns, gate="begin"),
            Product(
                target=target,
                weights=f"feedback_{l}.weight",
                source=f"layer_{l + 1}.{above}" if from_above else "controller.output",
                bias="",
                n_post=n_post,
                n_pre=network.layers[l + 1] if from_above else network.layers[-1],
                n_columns=columns,
                gate="learn",
            ),
        ]
    return operations


def feedback_plasticity(network: Network, *, columns: int, source: str, zeroed: bool) -> list[Operation]:
    """Σ v_fb uᵀ of every layer in V², with u the variable `source` of the controller (eq. 13).

    zeroed : v_fb is what it has changed by since the controller was turned on, without the compartment's offset.
    """
    return [
        Outer(
            target=f"feedback_{l}.accumulated",
            post=f"layer_{l}.{'apical_change' if zeroed else 'apical'}",
            pre=f"controller.{source}",
            n_post=network.layers[l],
            n_pre=network.layers[-1],
            n_columns=columns,
            accumulate=True,
            gate="learn",
        )
        for l in range(1, network.depth + 1)
    ]


def plasticity(network: Network, *, columns: int, updates: str) -> list[Operation]:
    """post · preᵀ of every projection. Layer 1's input is constant, so its post is summed first."""
    continuous = updates == CONTINUOUS
    target = "drive" if continuous else "accumulated"
    operations: list[Operation] = []
    for l in range(1, network.depth + 1):
        n_post, n_pre = network.layers[l], network.layers[l - 1]
        summed = l == 1 and not continuous
        post = f"layer_{l}.post_sum" if summed else f"layer_{l}.post"
        size = n_post * columns
        if not continuous:
            operations.append(Repeat(target=f"layer_{l}.post", size=size, gate="plastic"))
        if summed:
            operations += [
                Fill(target=post, size=size, gate="begin"),
                Add(target=post, source=f"layer_{l}.post", size=size, gate="plastic"),
            ]
        if continuous:
            operations += [
                Fill(target=f"synapses_{l}.drive", size=n_post * n_pre, gate="begin"),
                Fill(target=f"biases_{l}.drive", size=n_post, gate="begin"),
            ]
        gate = "last" if summed else "plastic"
        operations += [
            Outer(
                target=f"synapses_{l}.{target}",
                post=post,
                pre=rate_before(l),
                n_post=n_post,
                n_pre=n_pre,
                n_columns=columns,
                accumulate=not continuous,
                gate=gate,
            ),
            RowSum(
                target=f"biases_{l}.{target}",
                source=post,
                n_units=n_post,
                n_columns=columns,
                accumulate=not continuous,
                gate=gate,
            ),
        ]
    return operations


def rate_before(l: int) -> str:
    """The rates that drive layer l."""
    return "input.rate" if l == 1 else f"layer_{l - 1}.rate"


def _effective(gain: NDArray[np.float64] | None) -> str:
    return "stored" if gain is None else "gain*stored"
