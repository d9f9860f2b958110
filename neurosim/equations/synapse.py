"""Dense projections: weights as a group with equations, and the products that serve and change them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.equations.layer import declarations
from neurosim.equations.model import GatedCode, Group, ModelParameter, Updater
from neurosim.equations.operations import Add, Fill, Operation, Outer, Product, RowSum
from neurosim.spec import Network

CONTINUOUS = "continuous"


def weights_group(
    name: str, n_units: int, *, updates: str, gain: NDArray[np.float64] | None, plastic: bool
) -> Group:
    """What is stored, what the network computes with (weight = gain · stored), and how it changes.

    buffered: stored += update_scale · accumulated at the end of a presentation;
    continuous: dstored/dt = update_rate · drive.
    """
    parameters: dict[str, ModelParameter] = {}
    if gain is not None:
        parameters["gain"] = ModelParameter(value=gain.ravel(), unit="1", meaning="mismatch of each synapse")
    equations = ["weight : 1"]
    updater = None
    if plastic and updates == CONTINUOUS:
        parameters["update_rate"] = ModelParameter(
            value=0.0, unit="hertz", meaning="η/(learn duration · batch)"
        )
        equations += ["dstored/dt = update_rate*drive : 1", "drive : 1"]
        updater = Updater(slot="groups", order=4, after=f"weight = {_effective(gain)}")
    elif plastic:
        parameters["update_scale"] = ModelParameter(value=0.0, unit="1", meaning="η/(learning steps · batch)")
        equations += ["stored : 1", "accumulated : 1"]
    else:
        equations += ["stored : 1"]
    return Group(
        name=name,
        n_units=n_units,
        n_columns=1,
        equations="\n".join([*equations, *declarations(parameters)]),
        parameters=parameters,
        updater=updater,
    )


def apply_code(name: str, *, gain: NDArray[np.float64] | None) -> GatedCode:
    """The buffered update at the last step of a presentation."""
    text = f"stored += update_scale*accumulated\naccumulated = 0\nweight = {_effective(gain)}"
    return GatedCode(name=f"{name}_apply", group=name, code=text, gate="last", slot="end", order=2)


def forward_products(network: Network, *, columns: int, updates: str) -> list[Operation]:
    """basal_drive of every layer. The input is constant, so layer 1's product runs once a presentation,
    unless the weights move meanwhile."""
    operations: list[Operation] = []
    for l in range(1, network.depth + 1):
        operations.append(
            Product(
                target=f"layer_{l}.basal_drive",
                weights=f"synapses_{l}.weight",
                source=_source(l),
                bias=f"biases_{l}.weight",
                n_post=network.layers[l],
                n_pre=network.layers[l - 1],
                n_columns=columns,
                gate="begin" if l == 1 and updates != CONTINUOUS else "always",
            )
        )
    return operations


def feedback_products(network: Network, *, columns: int) -> list[Operation]:
    """apical_drive of every layer from the controller's output; zero while the controller is off."""
    operations: list[Operation] = []
    for l in range(1, network.depth + 1):
        target, n_post = f"layer_{l}.apical_drive", network.layers[l]
        operations += [
            Fill(target=target, size=n_post * columns, gate="begin"),
            Product(
                target=target,
                weights=f"feedback_{l}.weight",
                source="controller.output",
                bias="",
                n_post=n_post,
                n_pre=network.layers[-1],
                n_columns=columns,
                gate="learn",
            ),
        ]
    return operations


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
                pre=_source(l),
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


def _source(l: int) -> str:
    return "input.rate" if l == 1 else f"layer_{l - 1}.rate"


def _effective(gain: NDArray[np.float64] | None) -> str:
    return "stored" if gain is None else "gain*stored"
