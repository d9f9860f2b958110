"""When the phases of a traced presentation begin and end, and how that is drawn; knows no variable."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.report.engineering import PREFIXES, power_of
from neurosim.report.measures import number_of, setting_of
from neurosim.report.style import FAINT, LEARN_SHADE, SETTLE_SHADE, SMALL
from neurosim.result import Result, Trace
from neurosim.spec import Run


@attrs.frozen(kw_only=True)
class Phases:
    """When the phases of the first traced presentation begin and end."""

    learn_from: float
    """s from the start of the presentation; NaN: the spec does not tell."""
    end: float
    """s."""
    count: int
    """Samples of a trace that belong to the presentation."""
    learn_sample: int
    """The first of them in the learn phase."""
    dt: float
    """Between samples, s."""

    @property
    def times(self) -> NDArray[np.float64]:
        """Of the samples, (count,), s."""
        return self.dt * np.arange(self.count, dtype=np.float64)

    @property
    def scale(self) -> tuple[float, str]:
        """By what to divide seconds so that the presentation reads well, and the unit that gives."""
        power = power_of(self.end)
        return 10.0**power, f"{PREFIXES[power]}s"


def phases_of(result: Result, trace: Trace) -> Phases:
    """The phases, from the spec in the result; without one the trace's own length is all that is known."""
    n_times = trace.values.shape[1]
    ratio = setting_of(result, "run", "dt_ratio", math.nan)
    settle = setting_of(result, "run", "settle_duration", math.nan)
    learn = setting_of(result, "run", "learn_duration", math.nan)
    if not all(isinstance(x, (int, float)) and x > 0 for x in (ratio, settle, learn)):
        return Phases(learn_from=math.nan, end=n_times * trace.dt, count=n_times, learn_sample=0, dt=trace.dt)
    protocol = Run(dt_ratio=ratio, settle_duration=settle, learn_duration=learn).protocol
    dt = ratio * number_of(result, "time_base_second")
    if math.isnan(dt):
        dt = trace.dt / max(1, setting_of(result, "run", "trace_steps", 1))
    stride = max(1, round(trace.dt / dt))
    return Phases(
        learn_from=protocol.settle_steps * dt,
        end=protocol.period * dt,
        count=min(n_times, -(-protocol.period // stride)),
        learn_sample=-(-protocol.settle_steps // stride),
        dt=trace.dt,
    )


def shade(axes: Any, phases: Phases, *, named: bool) -> None:
    """The settle and learn phases as bands behind the lines."""
    second, _ = phases.scale
    axes.set_xlim(0, phases.end / second)
    if math.isnan(phases.learn_from):
        return
    for start, stop, colour, name in (
        (0.0, phases.learn_from, SETTLE_SHADE, "settle"),
        (phases.learn_from, phases.end, LEARN_SHADE, "learn"),
    ):
        axes.axvspan(start / second, stop / second, color=colour, linewidth=0, zorder=0)
        if named:
            axes.text(
                (start + stop) / 2 / second,
                0.97,
                name,
                transform=axes.get_xaxis_transform(),
                fontsize=SMALL,
                color=FAINT,
                ha="center",
                va="top",
            )
