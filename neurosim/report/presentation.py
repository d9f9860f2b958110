"""One presentation as its traces show it: compartments, controller, outputs; knows nothing of training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.report.engineering import engineering
from neurosim.report.measures import number_of
from neurosim.report.phases import Phases, phases_of, shade
from neurosim.report.style import (
    COLOURS,
    INK,
    SMALL,
    finite,
    frame,
    label_ends,
    last_finite,
    prefixed,
    say,
)
from neurosim.result import Result, Trace

COMPARTMENTS = ("soma", "basal", "apical")
FEW_UNITS, FEW_OUTPUTS = 3, 4
"""How many units and outputs are drawn: more lines than that hide one another."""


def draw_compartments(area: Any, result: Result, part: str = "layer_1") -> None:
    """Soma, basal and apical of the units that feel the feedback most, one above the other."""
    title = f"b  Compartments of {part}"
    traces = {name: result.traces.get(part, {}).get(name) for name in COMPARTMENTS}
    known = {name: trace for name, trace in traces.items() if trace is not None and _has_samples(trace)}
    if not known:
        say(area.subplots(), why_no_traces(result), title=title)
        return
    last = list(known)[-1]
    units = _liveliest(known[last].values[0], FEW_UNITS)
    stacked = area.subplots(len(known), 1, squeeze=False)[:, 0]
    for axes, (name, trace) in zip(stacked, known.items(), strict=True):
        phases, top = phases_of(result, trace), axes is stacked[0]
        unit = _draw_units(axes, trace, phases, units, called="unit" if top else "", gap=0.14)
        shade(axes, phases, named=top)
        frame(axes, title=title if top else "", y=f"{name} ({unit or 1})")
        axes.tick_params(labelbottom=name == last)
    lacking = "".join(f"; no trace of {name}" for name in COMPARTMENTS if name not in known)
    shown = _shown(units, known[last], "units, where the feedback moves most") + lacking
    stacked[-1].set_xlabel(_time_label(phases, shown), fontsize=SMALL)
    area.align_ylabels(stacked)


def draw_controller(axes: Any, result: Result) -> None:
    """What the controller puts out, and when it has come to rest."""
    title = "c  Controller output"
    trace = result.traces.get("controller", {}).get("output")
    if trace is None or not _has_samples(trace):
        say(axes, why_no_traces(result), title=title)
        return
    phases = phases_of(result, trace)
    units, how = _outputs(result, trace)
    unit = _draw_units(axes, trace, phases, units, called="output", gap=0.045)
    shade(axes, phases, named=True)
    label = _time_label(phases, _shown(units, trace, how))
    frame(axes, title=title, x=label, y=f"controller output ({unit or 1})")
    rest = number_of(result, "settle_time")
    if math.isfinite(rest) and math.isfinite(phases.learn_from):
        _mark_rest(axes, phases, rest)


def draw_outputs(axes: Any, result: Result) -> None:
    """Rates of the last layer, and from the learn phase on the targets they are driven to."""
    title = "d  Output rates and their targets"
    rate = _last_rate(result)
    if rate is None or not _has_samples(rate):
        say(axes, why_no_traces(result), title=title)
        return
    phases = phases_of(result, rate)
    target = _target(result, rate, phases)
    note = "; no targets recorded" if target is None else "; dashed: target"
    units, how = _outputs(result, rate)
    _draw_units(axes, rate, phases, units, called="output", gap=0.045, also=target)
    if target is not None:
        times = phases.times[phases.learn_sample :] / phases.scale[0]
        for colour, unit in zip(COLOURS, units, strict=False):
            axes.plot(times, target[:, unit], color=colour, linewidth=1.4, linestyle=(0, (4, 2)))
    shade(axes, phases, named=True)
    frame(axes, title=title, x=_time_label(phases, _shown(units, rate, how) + note), y="rate (1)")


def why_no_traces(result: Result) -> str:
    """Words for a picture that lacks its traces."""
    if result.backend == "torch":
        return "No traces: this method\nhas no dynamics."
    if not result.status.good:
        return f"No traces: the run ended as\n“{result.status.kind}” before any were kept."
    return "The result holds no traces\nof this."


def _draw_units(
    axes: Any,
    trace: Trace,
    phases: Phases,
    units: list[int],
    *,
    called: str,
    gap: float,
    also: NDArray[np.float64] | None = None,
) -> str:
    """Lines of some units of column 0, named at their ends; the unit of the axis. It has room for `also`."""
    values, unit = prefixed(trace.values[0, : phases.count][:, units], trace.unit)
    second, _ = phases.scale
    axes.set_xlim(0, phases.end / second)
    for number in range(len(units)):
        axes.plot(phases.times / second, values[:, number], color=COLOURS[number], linewidth=1.5)
    shown = np.concatenate([values, also[:, units]]) if also is not None else values
    if np.isfinite(shown).any():
        low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
        margin = 0.08 * (high - low) or max(abs(high), 1.0) * 0.1
        axes.set_ylim(low - margin, high + 2.5 * margin)  # room for the names of the phases
    if called:
        ends = [(last_finite(values[:, i]), f"{called} {u}", COLOURS[i]) for i, u in enumerate(units)]
        label_ends(axes, ends, gap=gap)
    return unit


def _mark_rest(axes: Any, phases: Phases, rest: float) -> None:
    """A line at the settle time, and what it means below the axis, where no trace is in the way."""
    second, _ = phases.scale
    axes.axvline((phases.learn_from + rest) / second, ymax=0.9, color=INK, linewidth=1, linestyle=":")
    meaning = f"dotted: within 1 % {engineering(rest, 's')} into learning (mean over samples, noise off)"
    axes.set_xlabel(f"{axes.get_xlabel()}\n{meaning}", fontsize=SMALL)


def _outputs(result: Result, trace: Trace) -> tuple[list[int], str]:
    """Which outputs to draw, the same in all panels: those furthest from their targets as learning begins."""
    rate = _last_rate(result)
    if rate is not None and _has_samples(rate) and rate.values.shape[2] == trace.values.shape[2]:
        phases = phases_of(result, rate)
        target = _target(result, rate, phases)
        if target is not None:
            way = np.abs(target[0] - finite(rate.values[0, phases.learn_sample]))
            return _largest(way, FEW_OUTPUTS), "outputs, those furthest from target"
    return _liveliest(trace.values[0], FEW_OUTPUTS), "outputs, those that move most"


def _last_rate(result: Result) -> Trace | None:
    layers = [part for part in result.traces if part.removeprefix("layer_").isdigit()]
    last = max(layers, key=lambda part: int(part.removeprefix("layer_")), default="")
    return result.traces.get(last, {}).get("rate")


def _target(result: Result, rate: Trace, phases: Phases) -> NDArray[np.float64] | None:
    """Targets of column 0 in the learn phase, (n_times, n_outputs); before it the trace holds none."""
    target = result.traces.get("controller", {}).get("target")
    if target is None or target.values.shape != rate.values.shape or phases.learn_sample >= phases.count:
        return None
    return finite(target.values[0, phases.learn_sample : phases.count])


def _shown(units: list[int], trace: Trace, how: str) -> str:
    return f"{len(units)} of {trace.values.shape[2]} {how}"


def _time_label(phases: Phases, shown: str) -> str:
    return f"time ({phases.scale[1]})\n{shown}"


def _has_samples(trace: Trace | None) -> bool:
    return trace is not None and trace.values.ndim == 3 and trace.values.size > 0


def _liveliest(values: NDArray[np.float64], few: int) -> list[int]:
    """The units, of (n_times, n_units), that move most; at most a few, in their own order."""
    drawn = np.nan_to_num(finite(values))
    return _largest(np.ptp(drawn, axis=0), few)


def _largest(sizes: NDArray[np.float64], few: int) -> list[int]:
    return sorted(int(i) for i in np.argsort(-np.nan_to_num(sizes), kind="stable")[:few])
