"""Noise that a simulation is given step by step, and the refusal to leave some out; draws none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference.euler import Added
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.network import Network
from neurosim.spec.protocol import Protocol

_STATES = ("soma", "basal", "apical", "integrator")


def check_noise(deviations: Deviations | None) -> None:
    """Refuse noise beyond the white noise of somata, apical compartments and populations."""
    sources = deviations.sources if deviations is not None else {}
    left = [name for name, x in sources.items() if x.wandering or x.white > 0]
    if left:
        raise SpecError(
            "the chip has noise that is not given",
            where="deviations.sources",
            expected="none beside the white noise of somata, apical compartments and populations",
            got=", ".join(left),
            remedy="give it as `wander`, {} to leave it out, where the simulation takes it, "
            "or deviations without it: attrs.evolve(deviations, sources={})",
        )


def added_of(
    wander: Mapping[str, Any], network: Network, protocol: Protocol, columns: int
) -> Callable[[int], Added | None]:
    """Step k → what noise adds in it; DataError for another shape or name."""
    for name in wander:
        if name not in _STATES:
            raise DataError(
                "no such state", where=f"wander[{name!r}]", expected="one of " + ", ".join(_STATES), got=name
            )
    sizes = list(network.layers[1:])

    def tensor(name: str) -> torch.Tensor:
        n = sizes[-1] if name == "integrator" else sum(sizes)
        return shaped(wander[name], shape=(protocol.period, columns, n), name=f"wander[{name!r}]")

    given = {name: tensor(name) for name in wander}
    if not given:
        return lambda k: None

    def at(k: int) -> Added:
        layers = {
            name: tuple(torch.split(values[k], sizes, dim=1))
            for name, values in given.items()
            if name != "integrator"
        }
        return Added(integrator=given["integrator"][k] if "integrator" in given else None, **layers)

    return at
