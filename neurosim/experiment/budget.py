"""The error budget: what each imperfection of a chip does to the settled learning signals, in closed form and by
emulating chips with that imperfection alone and with all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from hardware_models import Lot
from hardware_models.spreads import Spread
from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip, Weights, design_of
from neurosim.equations import designed_deviations, drawn_onto
from neurosim.errors import SpecError, UnstableError
from neurosim.experiment.pretraining import Watch, pretraining_epochs
from neurosim.experiment.stability import Stability, loop_stability, parameters_of
from neurosim.experiment.steady import settled_protocol
from neurosim.experiment.verify import awake_weights
from neurosim.io import Dataset, load_dataset
from neurosim.learning import method_of
from neurosim.reference.sensitivity import GAINS, KINDS, Effect, Loop, effects, settled_loop
from neurosim.reference.wiring import CONTROLLED
from neurosim.result import Result
from neurosim.spec import Deviations, Protocol, Spec, write_spec
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
ALL = "all together"
SETTLED = 1e-5
"""What is left of the slowest mode in an emulated chip: far below any spread that a budget is about. Chosen."""
UPDATE = "update"
SYNAPSES = ("forward_gain", "feedback_gain", ALL)
"""What is emulated chip by chip: the columns of a run share their weights."""


@attrs.frozen(kw_only=True)
class Row:
    """What one imperfection does to one signal, relative to the signal."""

    imperfection: str
    signal: str
    """output, displacement_1.., update."""
    shift: float
    """‖mean change‖: of what all chips share, solved, and of what differs, to second order."""
    spread: float
    """√(mean ‖change − mean change‖²), to first order."""
    second: float
    """The part of the shift that is of second order: where it nears the spread, first order ends."""
    angle: float = float("nan")
    """Of the update: by how much it turns, degrees, root mean square, to first order."""
    share: float = 0.0
    """Of the mean square of all imperfections of this signal, closed form."""
    emulated_shift: float = float("nan")
    """The same from emulated chips, without what chance adds to it, spread²/chips; NaN: none."""
    emulated_spread: float = float("nan")
    emulated_angle: float = float("nan")
    emulated_error: float = float("nan")
    """Standard error of the emulated spread."""


@attrs.frozen(kw_only=True, eq=False)
class Budget:
    """All rows, the worst of each signal first."""

    rows: tuple[Row, ...]
    chips: int
    """Emulated with each imperfection."""
    samples: int
    spreads: Mapping[str, Spread]
    """What each imperfection amounts to on this chip."""

    def of(self, signal: str) -> list[Row]:
        """The rows of one signal."""
        return [row for row in self.rows if row.signal == signal]


def error_budget(
    spec: Spec,
    *,
    chips: int = 50,
    samples: int = 8,
    weights: Weights | None = None,
    backend: str | None = None,
    progress: Watch | None = None,
) -> Budget:
    """The budget of a spec's chip at weights (None: those a run starts with), on the first test samples.

    What all devices of a kind share is solved for; what differs from device to device, independently, is taken to
    first order about that, and its mean to second. Noise is not in it, nor what moves no settled state: rates, poles,
    slew.

    Parameters
    ----------
    chips : emulated with each imperfection alone, and with all; 0: none, closed forms only.

    Raises
    ------
    SpecError : a method without a controller, or a chip without imperfections.
    UnstableError : the loop of the chip as designed does not settle.
    """
    watch = progress or (lambda what, done, total: None)
    if not isinstance(method_of(spec.method.name).feedback, CONTROLLED):
        raise SpecError(
            f"{spec.method.name} has no controller whose errors could be budgeted",
            where=f"{spec.source or 'spec'}: method.name",
            expected="DFC-fixed or another method with a controller",
        )
    dataset = load_dataset(spec.task)
    if weights is None:
        weights = Weights.initial(spec)
        if pretraining_epochs(spec):
            weights = awake_weights(VirtualChip(spec, backend=backend), weights, dataset, watch)
    bench = _Bench.of(spec, dataset, weights, samples)
    rows = _closed_rows(bench, watch)
    if chips > 0:
        rows = _emulated_rows(bench, rows, chips, backend, watch)
    order = {name: place for place, name in enumerate(dict.fromkeys(row.signal for row in rows))}
    rows.sort(key=lambda row: (order[row.signal], row.imperfection == ALL, -row.share))
    return Budget(rows=tuple(rows), chips=chips, samples=samples, spreads=bench.active)


@attrs.frozen(kw_only=True, eq=False)
class _Bench:
    """What is put on the bench: one network at some weights, a lot of chips, and some samples."""

    spec: Spec
    weights: Weights
    lot: Lot
    plain: Deviations
    """Of the chip without the imperfections of the budget, and without rails, saturation and droop."""
    stimulus: Stimulus
    active: Mapping[str, Spread]

    @staticmethod
    def of(spec: Spec, dataset: Dataset, weights: Weights, samples: int) -> _Bench:
        """The chip of the spec, and the first test samples."""
        design = design_of(spec, columns=samples)
        lot = Lot.of(design.chip, spec.network.tau_soma_ratio * design.chip.time_base)
        active = {kind: lot.spreads[kind] for kind in KINDS if lot.spreads[kind] != Spread()}
        if design.draw is None:
            raise SpecError(
                "the chip has no imperfections to budget",
                where=f"{spec.source or 'spec'}: chip.name",
                got=design.chip.name,
                remedy='choose a chip with mismatch, such as chip.name = "subthreshold_180nm"',
            )
        designed = designed_deviations(design).without_droop()
        plain = attrs.evolve(
            designed,
            layers=tuple(attrs.evolve(x, saturation=np.inf, limit=np.inf) for x in designed.layers),
            controller=attrs.evolve(
                designed.controller, saturation=np.inf, output_saturation=np.inf, limit=np.inf
            ),
        )
        count = min(samples, len(dataset.test_inputs))
        stimulus = Stimulus(
            inputs=dataset.test_inputs,
            desired=dataset.test_desired,
            order=np.resize(np.arange(count, dtype=np.int32), (1, samples)),
            scale=dataset.scale,
        )
        return _Bench(spec=spec, weights=weights, lot=lot, plain=plain, stimulus=stimulus, active=active)

    @property
    def samples(self) -> int:
        """B."""
        return int(self.stimulus.order.shape[1])

    @property
    def inputs(self) -> Array:
        """r_0, (B, n_0)."""
        return self.stimulus.shown(0)

    @property
    def desired(self) -> Array:
        """(B, n_L)."""
        return np.asarray(self.stimulus.desired[self.stimulus.order[0]], float)

    def designed(self, kind: str) -> Deviations:
        """With what all devices of a kind share, or of all kinds; none differs."""
        return self._drawn(self._lot(kind).undrawn(), 1)

    def chip(self, kind: str, seed: int) -> Deviations:
        """Chip `seed` of the lot with one kind of deviation, or all."""
        return self._drawn(self._lot(kind), seed)

    def _lot(self, kind: str) -> Lot:
        return self.lot if kind == ALL else self.lot.only(kind)

    def _drawn(self, lot: Lot, seed: int) -> Deviations:
        draw = lot.draw(
            self.spec.network.layers,
            lambda name: stream(seed, "chip", name),
            feedback=[gain.shape for gain in self.plain.feedback_gain],
        )
        return drawn_onto(self.plain, draw, volts=float(self.lot.chip.voltage_unit))


def _closed_rows(bench: _Bench, watch: Watch) -> list[Row]:
    """What all devices share is solved for; about that state, what differs is linearised."""
    kinds = list(bench.active)
    shifted = [kind for kind in kinds if bench.active[kind].shift != 0]
    still = [kind for kind in kinds if kind not in shifted]
    plain = _loop(bench, bench.plain)
    found: dict[str, _Closed] = {}
    for done, kind in enumerate([*shifted, ALL]):
        watch("closed forms", done, len(shifted) + 2)
        loop = _loop(bench, bench.designed(kind))
        found[kind] = _closed(bench, plain, loop, kinds if kind == ALL else [kind])
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


def _loop(bench: _Bench, deviations: Deviations) -> Loop:
    spec = bench.spec
    return settled_loop(
        spec.network,
        parameters_of(bench.weights),
        spec.method,
        bench.inputs,
        bench.desired,
        loss=spec.task.loss,
        deviations=deviations,
    )


def _signals(loop: Loop) -> dict[str, torch.Tensor]:
    return loop.signals().parts()


def _effects(bench: _Bench, loop: Loop, kinds: Sequence[str]) -> dict[str, dict[str, Effect]]:
    differing = [kind for kind in kinds if bench.active[kind].sigma > 0]
    return effects(loop, kinds, spread=differing)


def _closed(bench: _Bench, plain: Loop, loop: Loop, kinds: Sequence[str]) -> _Closed:
    base, there = _signals(plain), _signals(loop)
    return _sum_of(bench, _effects(bench, loop, kinds), {name: there[name] - y for name, y in base.items()})


def _sum_of(
    bench: _Bench, found: Mapping[str, Mapping[str, Effect]], moved: Mapping[str, torch.Tensor]
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
    power = {kind: c.square + float(c.shift.square().sum()) for kind, c in found.items()}
    everything = sum(value for kind, value in power.items() if kind != ALL)
    for kind, change in found.items():
        turned = change.shift - (change.shift @ unit) * unit
        turning = change.across + float(turned.square().sum())
        yield Row(
            imperfection=kind,
            signal=signal,
            shift=float(torch.linalg.vector_norm(change.shift)) / norm,
            spread=float(np.sqrt(change.square)) / norm,
            second=float(torch.linalg.vector_norm(change.second)) / norm,
            angle=float(np.degrees(np.arctan(np.sqrt(turning) / norm))) if signal == UPDATE else np.nan,
            share=power[kind] / everything if kind != ALL and everything > 0 else 1.0,
        )


def _emulated_rows(
    bench: _Bench, rows: list[Row], chips: int, backend: str | None, watch: Watch
) -> list[Row]:
    protocol = _protocol(bench)
    one = VirtualChip(bench.spec, columns=bench.samples, backend=backend)
    many = VirtualChip(bench.spec, columns=chips, backend=backend)
    base = _settled(one.redrawn(bench.plain), bench.stimulus, bench.weights, protocol)[0]
    kinds = [*bench.active, ALL]
    total, done = len(kinds) * chips, 0
    statistics: dict[tuple[str, str], dict[str, float]] = {}
    for kind in kinds:
        watch("emulating chips", done, total)
        runs: list[dict[str, Array]] = []
        if kind in SYNAPSES:
            for seed in range(1, chips + 1):
                shown = one.redrawn(bench.chip(kind, seed))
                runs += _settled(shown, bench.stimulus, bench.weights, protocol)
                watch("emulating chips", done + seed, total)
        else:  # a column is a chip, and sees one sample after the other
            shown = many.redrawn(*(bench.chip(kind, seed) for seed in range(1, chips + 1)))
            order = np.repeat(bench.stimulus.order.T, chips, axis=1)
            stimulus = attrs.evolve(bench.stimulus, order=order)
            runs = _settled(shown, stimulus, bench.weights, protocol)
        done += chips
        for signal, y in base.items():
            statistics[kind, signal] = _statistics(y, np.array([run[signal] for run in runs]))
    watch("emulating chips", total, total)
    return [_with_emulated(row, statistics[row.imperfection, row.signal]) for row in rows]


def _with_emulated(row: Row, found: Mapping[str, float]) -> Row:
    return attrs.evolve(
        row,
        emulated_shift=found["shift"],
        emulated_spread=found["spread"],
        emulated_angle=found["angle"] if row.signal == UPDATE else np.nan,
        emulated_error=found["error"],
    )


def _statistics(y: Array, runs: Array) -> dict[str, float]:
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


def _protocol(bench: _Bench) -> Protocol:
    """Long enough for the slowest mode of the plain chip, with a margin for those that are slower."""
    loop = loop_stability(
        bench.spec, bench.weights, inputs=bench.inputs, desired=bench.desired, deviations=bench.plain
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
    chip: VirtualChip, stimulus: Stimulus, weights: Weights, protocol: Protocol
) -> list[dict[str, Array]]:
    """The signals at the end of long presentations, as vectors: of one chip whose columns are samples, or, where
    there are several presentations, of as many chips as there are columns."""
    passage = chip.show(
        stimulus,
        weights=weights,
        protocol=protocol,
        learning=False,
        noise=False,
        droop=False,
        traced=(0, stimulus.n_presentations),
        trace_steps=protocol.period - 1,
    ).or_interrupt()
    volts = float(chip.chip.voltage_unit)
    presentations = stimulus.n_presentations

    def last(part: str, variable: str) -> Array:
        """(chips, samples, units), of the last step of each presentation."""
        values = np.asarray(passage.traces[part][variable].values[:, 1::2])  # (columns, presentations, units)
        return values if presentations > 1 else values.transpose(1, 0, 2)

    found = {"output": last("controller", "output") / volts}
    inputs = np.stack([stimulus.shown(p) for p in range(presentations)])  # (presentations, columns, n_0)
    before = inputs.transpose(1, 0, 2) if presentations > 1 else inputs
    update: list[Array] = []
    for l in range(1, chip.spec.network.depth + 1):
        layer = f"layer_{l}"
        found[f"displacement_{l}"] = (last(layer, "soma") - last(layer, "basal")) / volts
        post = last(layer, "post")
        change = np.einsum("csi,csj->cij", post, before) / post.shape[1]
        update += [change.reshape(len(post), -1), post.mean(1)]
        before = last(layer, "rate")
    found[UPDATE] = np.concatenate(update, axis=1)
    return [{name: values[c].ravel() for name, values in found.items()} for c in range(len(found["output"]))]


def as_result(spec: Spec, budget: Budget) -> Result:
    """The budget as a result file holds it."""
    return Result(
        spec=write_spec(spec), seed=spec.run.seed, backend=spec.run.backend, budget=budget_numbers(budget)
    )


def budget_numbers(budget: Budget) -> dict[str, dict[str, dict[str, float]]]:
    """By signal and imperfection: every number of a row."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in budget.rows:
        numbers = {k: v for k, v in attrs.asdict(row).items() if k not in ("imperfection", "signal")}
        found.setdefault(row.signal, {})[row.imperfection] = numbers
    return found
