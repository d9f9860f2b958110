"""Units as SONATA nodes, with what the chip drew for each of them; knows no edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.io.sonata.layout import Population
from neurosim.result import Result

PITCH = "pitch_metre"
"""What provenance calls the distance of neighbours, m."""
CONTROLLER = "neurosim:pi_controller"
NEURON = "neurosim:three_compartment_rate"
CIRCUIT = "neurosim:population"
"""Units beside the network, such as those that invert a layer."""


def write_nodes(file: Any, result: Result, populations: list[Population]) -> None:
    """All populations, with biases and devices as dynamics parameters of their nodes."""
    nodes = file.create_group("nodes")
    biases = {p.target: p.biases for p in result.connectivity.values() if p.biases is not None}
    for population in populations:
        n, group = population.size, nodes.create_group(population.name)
        group.create_dataset("node_id", data=np.arange(n, dtype=np.uint64))
        group.create_dataset("node_type_id", data=np.full(n, population.node_type, dtype=np.uint32))
        group.create_dataset("node_group_id", data=np.zeros(n, dtype=np.uint32))
        group.create_dataset("node_group_index", data=np.arange(n, dtype=np.uint64))
        parameters = group.create_group("0").create_group("dynamics_params")
        found = {"bias": biases[population.name]} if population.name in biases else {}
        if (place := result.provenance.get(PITCH)) is not None:
            places = parameters.parent.create_dataset("x", data=1e6 * float(place) * np.arange(n))
            places.attrs["unit"] = "um"
        for name, values in {**found, **result.devices.get(population.name, {})}.items():
            parameters.create_dataset(name, data=np.asarray(values, dtype=np.float64))


def node_types(populations: list[Population]) -> list[dict[str, Any]]:
    """A row for each population."""
    return [
        {
            "node_type_id": population.node_type,
            "population": population.name,
            "model_type": "virtual" if population.virtual else "point_neuron",
            "model_template": _template(population),
        }
        for population in populations
    ]


def _template(population: Population) -> str:
    if population.virtual:
        return "NULL"
    if population.name == "controller":
        return CONTROLLER
    return NEURON if population.name.startswith("layer_") else CIRCUIT
