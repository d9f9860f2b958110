"""The closed forms of a budget: what devices share is solved for, what differs is linearised about that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch

from neurosim.emulate import Weights
from neurosim.experiment.budget.bench import Bench
from neurosim.experiment.budget.rows import ALL, UPDATE, Row, turned
from neurosim.experiment.pretraining import Watch
from neurosim.experiment.stability import parameters_of
from neurosim.reference.jumps import jump_effects
from neurosim.reference.sensitivity import Effect, effects
from neurosim.reference.settled_loop import GAINS, Loop, settled_loop
from neurosim.reference.tensors import double
from neurosim.spec import Deviations


def closed_rows(bench: Bench, watch: Watch) -> list[Row]:
    """What all devices share is solved for; about that state, what differs is linearised. None of a chip that is as
    designed."""
    kinds = list(bench.active)
    if not kinds:
        return []
    shifted = [kind for kind in kinds if bench.active[kind].shift != 0]
    still = [kind for kind in kinds if kind not in shifted]
    plain = loop_of(bench, bench.plain, bench.memory.meant)
    found: dict[str, _Closed] = {}
    for done, kind in enumerate([*shifted, ALL]):
        watch("closed forms", done, len(shifted) + 2)
        loop = loop_of(bench, bench.designed(kind), bench.memory.mean(kind))
        found[kind] = _closed(bench, plain, loop, kinds if kind == ALL else [kind], together=kind == ALL)
    watch("closed forms", len(shifted) + 1, len(shifted) + 2)
    for kind, effect in _effects(bench, plain, still).items():
        found[kind] = _sum_of(
            bench, {kind: effect}, {name: torch.zeros_like(y) for name, y in _signals(plain).items()}
        )
    watch("closed forms", 1, 1)
    rows: list[Row] = []
    for signal, y in _signals(plain).items():
        rows += _signal_rows(signal, y, {kind: found[kind][signal] for kind in [*kinds, ALL]})
    return rows


@attrs.frozen(kw_only=True, eq=False)
class _Change:
    """Of one signal, absolute."""

    shift: torch.Tensor
    """Of the mean: solved, and of second order."""
    second: torch.Tensor
    """The second-order part of it."""
    square: float
    """Mean square about the mean."""
    across: float
    """The part of it that is orthogonal to the signal."""


_Closed = Mapping[str, _Change]


def loop_of(bench: Bench, deviations: Deviations, weights: Weights) -> Loop:
    """What is on the bench, settled with other devices and weights; SpecError where it does not settle."""
    spec = bench.spec
    return settled_loop(
        spec.network,
        parameters_of(weights),
        spec.method,
        bench.inputs,
        bench.desired,
        loss=spec.task.loss,
        deviations=deviations,
    )


def _signals(loop: Loop) -> dict[str, torch.Tensor]:
    return loop.signals().parts()


def _effects(
    bench: Bench, loop: Loop, kinds: Sequence[str], *, together: bool = False
) -> dict[str, dict[str, Effect]]:
    """Of kinds by themselves, or of all where they act on one another."""
    memory = bench.memory
    outcomes = {kind: memory.outcomes(kind, together=together) for kind in kinds}
    jumping = {kind: those for kind, those in outcomes.items() if those}
    small = [kind for kind in kinds if kind not in jumping]
    differing = [kind for kind in small if bench.active[kind].sigma > 0]
    sigmas = {
        kind: _in_a_row(bench, memory.sigma(kind, together=together))
        for kind in small
        if kind in memory.errors
    }
    stored = {kind: sigma / (bench.active[kind].sigma or 1.0) for kind, sigma in sigmas.items()}
    found = effects(loop, small, spread=differing, stored=stored)
    return found | {kind: _of_jumps(bench, loop, kind, those) for kind, those in jumping.items()}


def _of_jumps(
    bench: Bench, loop: Loop, kind: str, outcomes: Sequence[tuple[Weights, Weights]]
) -> dict[str, Effect]:
    """Of weights that are what they are in the mean, or something else; over σ², as that of a σ of 1 is."""
    square = bench.active[kind].sigma ** 2
    changes = torch.stack([_in_a_row(bench, change) for change, _ in outcomes])
    chances = torch.stack([_in_a_row(bench, chance, gains=False) for _, chance in outcomes])
    return {
        name: attrs.evolve(
            effect,
            curvature=effect.curvature / square,
            square=effect.square / square,
            square_across=effect.square_across / square,
        )
        for name, effect in jump_effects(loop, changes, chances).items()
    }


def _in_a_row(bench: Bench, weights: Weights, *, gains: bool = True) -> torch.Tensor:
    """Of cells, behind the gains of their synapses: as `STORED` has it."""
    forward, feedback = weights.forward, weights.feedback
    if gains:
        plain = bench.plain
        forward = tuple(gain * w for gain, w in zip(plain.forward_gain, forward, strict=True))
        feedback = tuple(gain * w for gain, w in zip(plain.feedback_gain, feedback, strict=True))
    parts = [*forward, *weights.biases, *feedback]
    return double(np.concatenate([part.ravel() for part in parts]))


def _closed(bench: Bench, plain: Loop, loop: Loop, kinds: Sequence[str], *, together: bool) -> _Closed:
    base, there = _signals(plain), _signals(loop)
    found = _effects(bench, loop, kinds, together=together)
    return _sum_of(bench, found, {name: there[name] - y for name, y in base.items()})


def _sum_of(
    bench: Bench, found: Mapping[str, Mapping[str, Effect]], moved: Mapping[str, torch.Tensor]
) -> _Closed:
    """Independent deviations of some kinds, on top of a state that has `moved`."""
    result = {}
    for signal, shift in moved.items():
        second, square, across = torch.zeros_like(shift), 0.0, 0.0
        for kind, effect in found.items():
            sigma = bench.active[kind].sigma
            # the logarithm of a gain is normal, so that its mean is e^(σ²/2)
            lifted = 0.5 * sigma**2 * effect[signal].shift if kind in GAINS else 0.0
            second = second + sigma**2 * effect[signal].curvature + lifted
            square += sigma**2 * effect[signal].square
            across += sigma**2 * effect[signal].square_across
        result[signal] = _Change(shift=shift + second, second=second, square=square, across=across)
    return result


def _signal_rows(signal: str, y: torch.Tensor, found: Mapping[str, _Change]) -> Iterator[Row]:
    norm = float(torch.linalg.vector_norm(y))
    unit = y / norm
    for kind, change in found.items():
        sideways = change.shift - (change.shift @ unit) * unit
        turning = change.across + float(sideways.square().sum())
        yield Row(
            imperfection=kind,
            signal=signal,
            shift=float(torch.linalg.vector_norm(change.shift)) / norm,
            spread=float(np.sqrt(change.square)) / norm,
            second=float(torch.linalg.vector_norm(change.second)) / norm,
            angle=turned(turning, norm) if signal == UPDATE else np.nan,
        )
