"""What emulated chips show beside the closed forms of a budget: each imperfection alone, and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip, Weights
from neurosim.errors import UnstableError
from neurosim.experiment.budget.bench import Bench
from neurosim.experiment.budget.rows import ALL, UPDATE, Row
from neurosim.experiment.pretraining import Watch
from neurosim.experiment.stability import Stability, loop_stability
from neurosim.experiment.steady import left_alone, settled_protocol
from neurosim.spec import Protocol

Array = NDArray[np.float64]
SETTLED = 1e-5
"""What is left of the slowest mode in an emulated chip: far below any spread that a budget is about. Chosen."""
SYNAPSES = ("forward_gain", "feedback_gain", ALL)
"""What is emulated chip by chip, as is what a memory does: the columns of a run share their weights."""


def with_emulated_chips(
    bench: Bench, rows: list[Row], chips: int, backend: str | None, watch: Watch
) -> list[Row]:
    """The rows with mean, spread and angle of emulated chips beside what they have."""
    if not rows:
        return []
    protocol = _protocol(bench)
    one = VirtualChip(bench.spec, columns=bench.samples, backend=backend, cells=False)
    many = VirtualChip(bench.spec, columns=chips, backend=backend, cells=False)
    meant = bench.memory.meant
    base = _settled(one.redrawn(bench.plain), bench.stimulus, meant, protocol)[0]
    kinds = [*bench.active, ALL]
    total, done = len(kinds) * chips, 0
    found: dict[tuple[str, str], dict[str, float]] = {}
    for kind in kinds:
        watch("emulating chips", done, total)
        runs: list[dict[str, Array]] = []
        if kind in (*SYNAPSES, *bench.memory.errors):
            for seed in range(1, 2 if kind in bench.memory.alike else chips + 1):
                shown = one.redrawn(bench.chip(kind, seed))
                runs += _settled(shown, bench.stimulus, bench.memory.chip(kind, seed), protocol)
                watch("emulating chips", done + seed, total)
        else:  # a column is a chip, and sees one sample after the other
            shown = many.redrawn(*(bench.chip(kind, seed) for seed in range(1, chips + 1)))
            order = np.repeat(bench.stimulus.order.T, chips, axis=1)
            stimulus = attrs.evolve(bench.stimulus, order=order)
            runs = _settled(shown, stimulus, meant, protocol, lot=True)
        done += chips
        for signal, y in base.items():
            found[kind, signal] = statistics(y, np.array([run[signal] for run in runs]))
    watch("emulating chips", total, total)
    return [with_emulated(row, found[row.imperfection, row.signal]) for row in rows]


def with_emulated(row: Row, found: Mapping[str, float]) -> Row:
    """A row with `statistics` beside what it has."""
    return attrs.evolve(
        row,
        emulated_shift=found["shift"],
        emulated_spread=found["spread"],
        emulated_angle=found["angle"] if row.signal == UPDATE else np.nan,
        emulated_error=found["error"],
    )


def statistics(y: Array, runs: Array) -> dict[str, float]:
    """What emulated signals (n, size) show beside one without imperfection, (size,)."""
    norm = float(np.linalg.norm(y))
    changes = runs - y
    mean = changes.mean(0)
    squares = np.sum((changes - mean) ** 2, axis=1) / norm**2
    n = len(runs)
    spread = float(np.sqrt(squares.sum() / max(n - 1, 1)))
    cosines = runs @ y / (np.linalg.norm(runs, axis=1) * norm)
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    return {
        "shift": float(np.sqrt(max(np.sum(mean**2) / norm**2 - spread**2 / n, 0.0))),
        "spread": spread,
        "angle": float(np.sqrt(np.mean(angles**2))),
        "error": float(squares.std() / (2 * max(spread, 1e-300) * np.sqrt(n))),
    }


def _protocol(bench: Bench) -> Protocol:
    """Long enough for the slowest mode of the plain chip, with a margin for those that are slower."""
    loop = loop_stability(
        bench.spec, bench.memory.meant, inputs=bench.inputs, desired=bench.desired, deviations=bench.plain
    )
    if not (loop.max_real < 0 and bench.spec.run.dt_ratio < loop.largest_step):
        raise UnstableError(
            "the loop of the chip as designed does not settle",
            where=bench.spec.source or "spec",
            got=f"max Re eig {loop.max_real:.3g}/τ_u, largest step {loop.largest_step:.3g} τ_u",
        )
    slower = attrs.evolve(loop, max_real=loop.max_real / 2, slowest_leak=0.5)
    return _shortened(settled_protocol(bench.spec, slower, slowest_leak=0.5), slower)


def _shortened(protocol: Protocol, stability: Stability) -> Protocol:
    learn = -np.log(SETTLED) / -stability.max_real / protocol.dt_ratio
    return attrs.evolve(protocol, learn_steps=min(protocol.learn_steps, int(np.ceil(learn))))


def _settled(
    chip: VirtualChip, stimulus: Stimulus, weights: Weights, protocol: Protocol, *, lot: bool = False
) -> list[dict[str, Array]]:
    """The signals at the end of long presentations, as vectors: of one chip whose columns are samples, or of a
    lot whose columns are chips, each shown one sample after the other."""
    passage = left_alone(chip, weights, stimulus, protocol)
    volts = float(chip.chip.voltage_unit)
    presentations = stimulus.n_presentations

    def last(part: str, variable: str) -> Array:
        """(chips, samples, units), of the last step of each presentation."""
        values = np.asarray(passage.traces[part][variable].values[:, 1::2])  # (columns, presentations, units)
        return values if lot else values.transpose(1, 0, 2)

    found = {"output": last("controller", "output") / volts}
    inputs = np.stack([stimulus.shown(p) for p in range(presentations)])  # (presentations, columns, n_0)
    before = inputs.transpose(1, 0, 2) if lot else inputs
    posts, pres = [], []
    for l in range(1, chip.spec.network.depth + 1):
        layer = f"layer_{l}"
        found[f"displacement_{l}"] = (last(layer, "soma") - last(layer, "basal")) / volts
        posts.append(last(layer, "post"))
        pres.append(before)
        before = last(layer, "rate")
    found[UPDATE] = mean_update(posts, pres)
    return [{name: values[c].ravel() for name, values in found.items()} for c in range(len(found["output"]))]


def mean_update(posts: Sequence[Array], pres: Sequence[Array]) -> Array:
    """Means over m of post · preᵀ, (n, m, n_l) and (n, m, n_{l−1}) of each layer, and of post for biases: (n, size),
    ordered as those of the reference."""
    pieces = []
    for post, pre in zip(posts, pres, strict=True):
        product = np.einsum("nmi,nmj->nij", post, pre, optimize=True) / post.shape[1]
        pieces += [product.reshape(len(post), -1), post.mean(1)]
    return np.concatenate(pieces, axis=1)
