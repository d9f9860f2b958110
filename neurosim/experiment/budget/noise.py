"""Noise in a budget: what it does to one presentation as the spec has it, in closed form and emulated.

Deviations stay the same from presentation to presentation, and their rows are about settled states; noise is another
in each, so that its rows are about a presentation of the spec's own length, and its errors average out over many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from hardware_models.spreads import Spread
from neurosim.emulate import VirtualChip
from neurosim.experiment.budget.bench import Bench
from neurosim.experiment.budget.emulated import mean_update, statistics, with_emulated
from neurosim.experiment.budget.rows import NOISE, UPDATE, Row, turned
from neurosim.experiment.pretraining import Watch
from neurosim.experiment.stability import parameters_of
from neurosim.reference.noise_response import Response, noise_responses
from neurosim.spec import Deviations, NoiseSource

Array = NDArray[np.float64]
STATES = ("soma", "basal", "apical", "integrator")
SAMPLING = "sampling"
"""kT/C of what is sampled and held."""
NOISES = (*(f"{state}_{colour}" for state in STATES for colour in ("white", "flicker", "traps")), SAMPLING)
"""Kinds of noise."""

Covariances = Mapping[str, Array]
"""By where noise enters the reference: autocovariance over lags of a step, (n_units or 1, n_lags), or (…, 1) where it
remembers nothing."""


def noises_of(bench: Bench) -> dict[str, Covariances]:
    """The kinds of noise that the chip has."""
    chip, protocol = bench.plain, bench.spec.run.protocol
    lags = protocol.dt_ratio * np.arange(protocol.period)
    found: dict[str, Covariances] = dict(_white_of_fields(bench))
    for state in STATES:
        sources = _sources(chip, state)
        for colour, covariance in (
            ("white", lambda source: _white([source.white**2 / protocol.dt_ratio])),
            ("flicker", lambda source: source.flicker_covariance(lags)),
            ("traps", lambda source: source.trap_covariance(lags)),
        ):
            pieces = [
                np.broadcast_to(c, (n, c.shape[1])) for c, n in ((covariance(x), n) for x, n in sources)
            ]
            if any(np.any(piece) for piece in pieces):
                found[f"{state}_{colour}"] = {state: np.concatenate(pieces)}
    square = _white([chip.hold_noise**2])
    found[SAMPLING] = {"held": square, "difference": square}
    return {
        kind: entrances for kind, entrances in found.items() if any(np.any(c) for c in entrances.values())
    }


def _white(variances: Sequence[float] | Array) -> Array:
    """(n_units,) as (n_units, 1): without any memory, one lag says all."""
    return np.asarray(variances, float)[:, None]


def _white_of_fields(bench: Bench) -> Iterator[tuple[str, Covariances]]:
    """Of somata and apical compartments. Without a time constant the latter's reaches the soma at once."""
    network, step = bench.spec.network, bench.spec.run.dt_ratio
    layers = bench.plain.layers
    soma = np.concatenate([(network.tau_soma_ratio * layer.soma_noise) ** 2 for layer in layers])
    yield "soma_white", {"soma": _white(soma / step)}
    if network.tau_apical_ratio > 0:
        apical = np.concatenate([layer.apical_noise**2 for layer in layers])
        yield "apical_white", {"apical": _white(apical / step)}
    else:
        apical = np.concatenate([(layer.apical_gain * layer.apical_noise) ** 2 for layer in layers])
        yield "apical_white", {"soma": _white(apical / step)}


def _sources(chip: Deviations, state: str) -> list[tuple[NoiseSource, int]]:
    """Of a state in all layers, or of the controller's, with the number of units."""
    sizes = {f"layer_{l}.{state}": len(layer.leak) for l, layer in enumerate(chip.layers, start=1)}
    sizes[f"controller.{state}"] = len(chip.controller.leak)
    return [(chip.sources[name], n) for name, n in sizes.items() if name in chip.sources]


def amounts_of(bench: Bench, noises: Mapping[str, Covariances]) -> dict[str, Spread]:
    """σ of what each kind adds to the drive it enters, of white noise in a band of 1/(2 τ_u); activation units."""
    step = bench.spec.run.dt_ratio
    found = {}
    for kind, entrances in noises.items():
        share = step if kind.endswith("white") else 1.0
        variances = [float(np.mean(covariance[:, 0])) for covariance in entrances.values()]
        found[kind] = Spread(sigma=float(np.sqrt(share * max(variances))))
    return found


def noise_rows(bench: Bench, noises: Mapping[str, Covariances], watch: Watch) -> list[Row]:
    """Every kind, and all of it together, to first order in the noise: then it moves no mean."""
    if not noises:
        return []
    watch("noise: stepping a presentation", 0, 1)
    spec = bench.spec
    quiet = noise_responses(
        spec.network,
        parameters_of(bench.memory.meant),
        spec.method,
        spec.run.protocol,
        bench.inputs,
        bench.desired,
        loss=spec.task.loss,
        deviations=bench.plain,
        progress=partial(watch, "noise"),
    )
    rows = []
    for signal, y in quiet.signals.parts().items():
        norm, response = float(torch.linalg.vector_norm(y)), quiet.responses[signal]
        found = {kind: _squares(response, covariances) for kind, covariances in noises.items()}
        found[NOISE] = tuple(sum(pair) for pair in zip(*found.values(), strict=True))
        for kind, (square, across) in found.items():
            angle = turned(across, norm) if signal == UPDATE else np.nan
            spread = np.sqrt(square) / norm
            rows.append(
                Row(imperfection=kind, signal=signal, shift=0.0, spread=spread, second=0.0, angle=angle)
            )
    return rows


def _squares(response: Response, noise: Covariances) -> tuple[float, float]:
    given = {entrance: torch.as_tensor(covariance) for entrance, covariance in noise.items()}
    return response.square(given), response.square_across(given)


def with_emulated_noise(
    bench: Bench, rows: list[Row], chips: int, backend: str | None, watch: Watch
) -> list[Row]:
    """The rows with what presentations of one chip show that each meet noise of their own, `chips` of every kind."""
    if not rows:
        return []
    many = VirtualChip(bench.spec, columns=chips, backend=backend, cells=False).redrawn(bench.plain)
    kinds = list(dict.fromkeys(row.imperfection for row in rows))
    single = [kind for kind in kinds if kind != NOISE]
    base = {signal: values[0] for signal, values in _shown(many, bench, []).items()}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for done, kind in enumerate(kinds):
        watch("emulating noise", done, len(kinds))
        runs = _shown(many, bench, single if kind == NOISE else [kind])
        for signal, y in base.items():
            found[kind, signal] = statistics(y, runs[signal])
    watch("emulating noise", len(kinds), len(kinds))
    return [with_emulated(row, found[row.imperfection, row.signal]) for row in rows]


def _shown(chip: VirtualChip, bench: Bench, noise: Sequence[str]) -> dict[str, Array]:
    """The signals of every column as one vector, (columns, size), the samples being shown one after the other in runs
    of their own, so that what noise remembers is another for each."""
    protocol, depth = bench.spec.run.protocol, bench.spec.network.depth
    volts, columns = float(chip.chip.voltage_unit), chip.model.n_columns
    parts: dict[str, list[Array]] = {}
    updates: list[Array] = []
    for number, sample in enumerate(bench.stimulus.order[0]):
        order = np.full((1, columns), sample, np.int32)
        passage = chip.show(
            attrs.evolve(bench.stimulus, order=order),
            weights=bench.memory.meant,
            protocol=protocol,
            learning=False,
            noise=noise,
            droop=False,
            ageing=False,
            passage=number,
            traced=(0, 1),
        ).or_interrupt()
        traces = passage.traces
        parts.setdefault("output", []).append(traces["controller"]["output"].values[:, -1] / volts)
        for l in range(1, depth + 1):
            layer = traces[f"layer_{l}"]
            moved = (layer["soma"].values[:, -1] - layer["basal"].values[:, -1]) / volts
            parts.setdefault(f"displacement_{l}", []).append(moved)
        steps = chip.plastic_steps(protocol)
        n_0 = bench.spec.network.layers[0]
        shown = np.broadcast_to(bench.stimulus.inputs[sample] * bench.stimulus.scale, (columns, steps, n_0))
        layers = [traces[f"layer_{l}"] for l in range(1, depth + 1)]
        posts, rates = ([layer[name].values[:, -steps:] for layer in layers] for name in ("post", "rate"))
        updates.append(mean_update(posts, [shown, *rates[:-1]]))
    found = {name: np.concatenate(pieces, axis=1) for name, pieces in parts.items()}
    return {**found, UPDATE: np.mean(updates, axis=0)}
