"""A SONATA circuit in a new folder, out of a result; whole or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import OutputError
from neurosim.io.atomic import one_line, write_folder_atomically
from neurosim.io.progress import Progress, silent
from neurosim.io.sonata.edges import write_edges
from neurosim.io.sonata.layout import (
    EDGE_TYPES,
    EDGES,
    FIRST_EDGE_TYPE,
    NODE_TYPES,
    NODES,
    Population,
    populations_of,
    sonata_file,
    write_types,
)
from neurosim.io.sonata.nodes import node_types, write_nodes
from neurosim.io.sonata.reports import write_reports
from neurosim.io.sonata.spikes import spikes_file, write_spikes
from neurosim.result import Result

CIRCUIT, SIMULATION = "circuit_config.json", "simulation_config.json"
REPORTS = "reports"


def write_sonata(
    result: Result,
    out: str | Path,
    *,
    threshold: float = 0.0,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Nodes, edges with both indices, tables of types, configurations and a report for each traced variable.

    The weights are those of `Projection.weights`, bit for bit; delays are one time step, after which a rate reaches the
    next layer. Rates, not spikes, go along the edges.

    Parameters
    ----------
    result : also one whose file is open; then no more than `blocks.MOST_NUMBERS` weights are in memory at once.
    out : a new folder.
    threshold : weights of a smaller magnitude are left out; 0 leaves out none.

    Raises
    ------
    OutputError : a threshold that is none, a folder that is there already or cannot be written, projections
        that do not fit.

    Returns
    -------
    What the result has and the circuit has not, in words.
    """
    if not 0 <= threshold < math.inf:
        raise OutputError(
            "bad value", where="--threshold", expected="a finite number >= 0", got=str(threshold)
        )
    if not result.connectivity:
        raise OutputError("has no connectivity", where="/connectivity", remedy="export the result of a run")
    tell = progress or silent
    populations = populations_of(result)
    try:
        with write_folder_atomically(out) as part:
            _write(result, part, populations, threshold, tell)
    except (RuntimeError, ValueError) as error:  # what h5py makes of a full disk
        raise OutputError("cannot be written", where=str(out), got=one_line(error)) from None
    return tuple(_losses(result, threshold))


def _losses(result: Result, threshold: float) -> Iterator[str]:
    yield "equations: types of nodes name them, such as neurosim:pi_controller, and no other simulator knows them"
    if threshold > 0:
        yield f"weights of a magnitude below {threshold:g}"
    if result.traces:
        yield "traces: rounded to float32, which is what readers take"
    if result.learning or result.verification:
        yield "learning curves and verification"


def _write(
    result: Result,
    folder: Path,
    populations: list[Population],
    threshold: float,
    tell: Progress,
) -> None:
    step = result.provenance.get("dt_second", 0.0)  # none without dynamics
    if not isinstance(step, float):
        raise OutputError("is no number", where="/provenance: dt_second", got=repr(step))
    delay = 1e3 * step
    with sonata_file(folder / NODES) as file:
        write_nodes(file, result, populations)
        _write_origin(file.create_group("neurosim"), result)
    write_types(folder / NODE_TYPES, node_types(populations))
    rows, total = [], len(result.connectivity)
    with sonata_file(folder / EDGES) as file:
        edges = file.create_group("edges")
        for place, (name, projection) in enumerate(result.connectivity.items()):
            tell("writing edges", place, total)
            edge_type = FIRST_EDGE_TYPE + place
            write_edges(
                edges.create_group(name), projection, edge_type=edge_type, delay=delay, threshold=threshold
            )
            rows.append({"edge_type_id": edge_type, "population": name, "kind": projection.kind})
        tell("writing edges", total, total)
    write_types(folder / EDGE_TYPES, rows)
    reports, spiking = write_reports(folder / REPORTS, result), write_spikes(folder, result, populations)
    _write_json(folder / CIRCUIT, _circuit(result, populations))
    if reports or spiking:
        _write_json(folder / SIMULATION, _simulation(result, reports, step=delay, spiking=spiking))


def _write_origin(group: Any, result: Result) -> None:
    """What the circuit is of, for whoever has it without the result."""
    group.attrs.update(
        spec=result.spec, seed=np.uint64(result.seed), backend=result.backend, status=result.status.kind
    )
    group.create_group("provenance").attrs.update(result.provenance)


def _circuit(result: Result, populations: list[Population]) -> dict[str, Any]:
    kinds = {p.name: {"type": "virtual" if p.virtual else "rate_neuron"} for p in populations}
    edges = {name: {"type": "rate"} for name in result.connectivity}
    return {
        "manifest": {"$BASE_DIR": "."},
        "networks": {
            "nodes": [
                {
                    "nodes_file": f"$BASE_DIR/{NODES}",
                    "node_types_file": f"$BASE_DIR/{NODE_TYPES}",
                    "populations": kinds,
                }
            ],
            "edges": [
                {
                    "edges_file": f"$BASE_DIR/{EDGES}",
                    "edge_types_file": f"$BASE_DIR/{EDGE_TYPES}",
                    "populations": edges,
                }
            ],
        },
    }


def _simulation(
    result: Result, reports: dict[str, dict[str, Any]], *, step: float, spiking: int
) -> dict[str, Any]:
    """Times in ms; the spikes of the first column, which is as many as a configuration can name."""
    last = [1e3 * float(spikes.times[:].max(initial=0)) for spikes in result.spikes.values()]
    longest = max([*(entry["end_time"] for entry in reports.values()), *last])
    shortest = min((entry["dt"] for entry in reports.values()), default=step)
    return {
        "manifest": {"$BASE_DIR": "."},
        "network": f"$BASE_DIR/{CIRCUIT}",
        "run": {"tstart": 0.0, "tstop": longest, "dt": shortest, "random_seed": result.seed % 2**31},
        "output": {
            "output_dir": f"$BASE_DIR/{REPORTS}",
            **({"spikes_file": f"../{spikes_file(0)}"} if spiking else {}),
        },
        "reports": reports,
    }


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, allow_nan=False), encoding="utf-8")
