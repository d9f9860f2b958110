"""What a run leaves behind: arrays with units, status as data, provenance; knows no engine and no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

DONE = "done"
DIVERGED = "diverged"
NOT_SETTLED = "not settled"
INTERRUPTED = "interrupted"
UNFINISHED = "unfinished"
STATUSES = (DONE, DIVERGED, NOT_SETTLED, INTERRUPTED, UNFINISHED)


@attrs.frozen(kw_only=True)
class Status:
    """How a run ended, and where it went wrong if it did."""

    kind: str = attrs.field(default=DONE, validator=attrs.validators.in_(STATUSES))
    """done, diverged, not settled, interrupted; or unfinished: a checkpoint of a run that went on."""
    step: int = -1
    """Euler step, counted from the start of the run, at which it was seen; −1: none."""
    time: float = float("nan")
    """The same as time on the chip, s."""
    part: str = ""
    """Layer or controller at fault."""
    unit: int = -1
    """Unit of that part; −1: none."""
    column: int = -1
    """Column (sample of the batch) of that unit; −1: none."""
    message: str = ""
    """The same in words."""
    saturated: float = 0.0
    """Fraction of presentations that ended with a controller output at its rail."""

    @property
    def good(self) -> bool:
        """Whether the run did what it was asked to do."""
        return self.kind == DONE


@attrs.frozen(kw_only=True, eq=False)
class Trace:
    """One variable over time."""

    values: NDArray[np.float64]
    """(n_columns, n_times, n_units), in `unit`."""
    unit: str
    """SI unit as text, such as V; 1 for none."""
    dt: float
    """Interval between samples, s."""


@attrs.frozen(kw_only=True, eq=False)
class Spikes:
    """Of one part, in any order; all arrays (n_spikes,)."""

    times: NDArray[np.float64]
    """Since the start of the presentation, s."""
    units: NDArray[np.float64]
    """Which unit, from 0: whole numbers."""
    columns: NDArray[np.float64]
    """In which column: whole numbers."""


@attrs.frozen(kw_only=True, eq=False)
class Projection:
    """The weights between two populations, and what was drawn for each of their devices."""

    weights: NDArray[np.float64]
    """(n_post, n_pre): what the network computes with, device errors included."""
    source: str
    target: str
    kind: str = attrs.field(validator=attrs.validators.in_(("feedforward", "feedback")))
    unit: str = "1"
    biases: NDArray[np.float64] | None = None
    """(n_post,), where the projection has them."""
    device: Mapping[str, NDArray[np.float64]] = attrs.field(factory=dict)
    """Drawn parameters by name, each (n_post, n_pre); `stored` is the weight before device errors."""


@attrs.frozen(kw_only=True, eq=False)
class Series:
    """A measure along training."""

    values: NDArray[np.float64]
    """(n_points,) or (n_points, …)."""
    axis: str
    """What the points are: epoch, presentation."""
    unit: str = "1"


@attrs.frozen(kw_only=True)
class Check:
    """One number held against what it should be."""

    name: str
    value: float
    """The largest deviation found; NaN never passes."""
    tolerance: float
    detail: str = ""
    """What was compared with what, in words."""
    gating: bool = True
    """Whether falling short fails the verification; otherwise the number informs."""

    @property
    def passed(self) -> bool:
        """Whether the value is within tolerance."""
        return bool(self.value <= self.tolerance)


@attrs.frozen(kw_only=True, eq=False)
class Checkpoint:
    """What a run needs, beside its connectivity and learning curves, to go on as if it had never stopped."""

    epochs: int
    """Passes over the training set that are finished; the feedback was learned before the first."""
    nights: int = 0
    """Passes in which only feedback weights changed."""
    status: Status = attrs.field(factory=Status)
    """How the last epoch ended."""
    arrays: Mapping[str, Mapping[str, NDArray[np.float64]]] = attrs.field(factory=dict)
    """By kind, then name: biases as they are stored, cells of a memory, what optimisers and slow noise carry on."""


@attrs.frozen(kw_only=True, eq=False)
class Result:
    """Everything known after a run."""

    spec: str
    """The full spec as TOML, defaults filled in."""
    seed: int
    backend: str
    """Engine: numpy, cpp, or torch for methods without dynamics."""
    status: Status = attrs.field(factory=Status)
    connectivity: Mapping[str, Projection] = attrs.field(factory=dict)
    """By projection name, such as input_to_layer_1."""
    learning: Mapping[str, Series] = attrs.field(factory=dict)
    """By measure, such as train_loss."""
    traces: Mapping[str, Mapping[str, Trace]] = attrs.field(factory=dict)
    """By part, then variable: traces["layer_1"]["soma"]."""
    spikes: Mapping[str, Spikes] = attrs.field(factory=dict)
    """By part; none of neurons whose rates go along their synapses."""
    verification: tuple[Check, ...] = ()
    devices: Mapping[str, Mapping[str, NDArray[np.float64]]] = attrs.field(factory=dict)
    """What the chip drew for neurons and controllers: devices["layer_1"]["leak"], (n_units,), unit-free."""
    budget: Mapping[str, Mapping[str, Mapping[str, float]]] = attrs.field(factory=dict)
    """What each imperfection does: budget["update"]["offset"]["spread"], relative to the signal; angles in degrees."""
    checkpoint: Checkpoint | None = None
    """From which the run can go on; None where there is nothing to go on with."""
    provenance: Mapping[str, Any] = attrs.field(factory=dict)
    """Versions, scales of the chip (volt, ampere and second of a unit), wall time: strings and numbers."""

    @property
    def verified(self) -> bool:
        """Whether there were gating checks, and every one of them passed."""
        gating = [check for check in self.verification if check.gating]
        return bool(gating) and all(check.passed for check in gating)
