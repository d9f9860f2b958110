"""Noise that a simulation is given step by step or when it samples, and the refusal to leave some out; draws none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference.euler import Added
from neurosim.reference.tensors import shaped_and_followed
from neurosim.spec.deviations import Deviations
from neurosim.spec.network import Network
from neurosim.spec.protocol import Protocol

_STATES = ("soma", "basal", "apical", "integrator")
_SAMPLES = ("held", "difference")


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
    _check_names(wander, "wander", _STATES)
    sizes = list(network.layers[1:])

    def tensor(name: str) -> torch.Tensor:
        n = sizes[-1] if name == "integrator" else sum(sizes)
        return shaped_and_followed(
            wander[name], shape=(protocol.period, columns, n), name=f"wander[{name!r}]"
        )

    given = {name: tensor(name).unbind(0) for name in wander}  # so that a gradient is put together once
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


def sampled_of(sampled: Mapping[str, Any], network: Network, columns: int) -> Mapping[str, torch.Tensor]:
    """What noise adds to r⁻, (B, n_L), and to the post-synaptic terms that are zeroed, (B, Σ n_l)."""
    _check_names(sampled, "sampled", _SAMPLES)
    sizes = {"held": network.layers[-1], "difference": sum(network.layers[1:])}
    return {
        name: shaped_and_followed(values, shape=(columns, sizes[name]), name=f"sampled[{name!r}]")
        for name, values in sampled.items()
    }


def _check_names(given: Mapping[str, Any], what: str, known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise DataError(
                "no such state", where=f"{what}[{name!r}]", expected="one of " + ", ".join(known), got=name
            )
