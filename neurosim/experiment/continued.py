"""An earlier run to go on with: whether a spec continues it, and its epochs out of its result; knows no learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError, SpecError
from neurosim.experiment.lessons import Exam, Lesson
from neurosim.result import DONE, NOT_SETTLED, Checkpoint, Result, Series
from neurosim.spec import Spec, read_spec_text

FREE = frozenset(
    {
        "run.epochs",
        "run.backend",
        "run.precision",
        "run.cores",
        "run.fast_forward",
        "run.verify_samples",
        "run.measure_every",
        "run.measure_samples",
        "run.trace_steps",
        "method.learning_rate",
    }
)
"""What a run may go on with otherwise: how long, with which engine, how fast. All else is what it is a run of."""


SPEC_SOURCE, CHIP_NUMBERS = "spec_source", "chip_numbers"
"""What the provenance of a run calls the file its spec came from, and all numbers of its chip."""


def spec_of(earlier: Result, *, where: str, overrides: Sequence[str] = ()) -> Spec:
    """The spec of an earlier run with some keys changed; files it names are looked for where they were then.

    Raises
    ------
    SpecError : what is wrong with it; `where` names it.
    """
    spec = read_spec_text(earlier.spec, source=where, overrides=overrides)
    source = earlier.provenance.get(SPEC_SOURCE)
    return attrs.evolve(spec, source=source) if isinstance(source, str) else spec


def check_chip(earlier: Result, now: Mapping[str, Any]) -> None:
    """Whether the chip of an earlier run is as it was, by its provenance and the one of now; SpecError if not."""
    before = earlier.provenance.get(CHIP_NUMBERS)
    if before is not None and before != now.get(CHIP_NUMBERS):
        raise SpecError(
            "the chip has other numbers now",
            where="chip",
            expected="those that the earlier run's result has in /provenance",
            remedy="restore the chip's file, or start a new run",
        )


def check_continues(spec: Spec, earlier: Result) -> None:
    """Whether a spec differs from that of an earlier run in `FREE` keys alone, and leaves something to do.

    Raises
    ------
    SpecError : the key that is another, or that nothing is left.
    DataError : the earlier run left nothing to go on with.
    """
    checkpoint = checkpoint_of(earlier)
    before, now = _keys(read_spec_text(earlier.spec, source="spec in the result")), _keys(spec)
    changed = sorted(key for key in {*before, *now} - FREE if before.get(key) != now.get(key))
    if changed:
        raise SpecError(
            "cannot be changed while a run goes on",
            where=changed[0],
            expected=str(before.get(changed[0], "no such key")),
            got=str(now.get(changed[0], "no such key")),
            remedy="leave it, or start a new run",
        )
    verified = earlier.verification or spec.run.verify_samples == 0
    ended = earlier.status.kind in (DONE, NOT_SETTLED)
    if checkpoint.epochs >= spec.run.epochs and verified and ended:
        raise SpecError(
            "nothing is left to do",
            where="run.epochs",
            expected=f"more than the {checkpoint.epochs} epochs that are done",
            got=str(spec.run.epochs),
            remedy=f"add --set run.epochs={2 * checkpoint.epochs}",
        )


def checkpoint_of(earlier: Result) -> Checkpoint:
    """Its checkpoint, DataError if there is none, or one that is none."""
    checkpoint = earlier.checkpoint
    if checkpoint is None or checkpoint.epochs < 0 or checkpoint.nights < 0:
        raise DataError(
            "holds nothing to go on with",
            where="/checkpoint",
            expected="the result of a run that came to its first test",
            got="no checkpoint" if checkpoint is None else "one that counts below 0",
            remedy="start a new run",
        )
    return checkpoint


def lessons_in(curves: Mapping[str, Series], checkpoint: Checkpoint) -> list[Lesson]:
    """One for each finished epoch; DataError where curves are shorter or longer."""
    count = checkpoint.epochs
    columns = [_curve(curves, name, (count,)) for name in ("train_loss", "settling", "wall_seconds")]
    lessons = [Lesson(loss=a, settling=b, seconds=c) for a, b, c in zip(*columns, strict=True)]
    if lessons:
        lessons[-1] = attrs.evolve(lessons[-1], status=checkpoint.status)
    return lessons


def exams_in(curves: Mapping[str, Series], checkpoint: Checkpoint) -> list[Exam]:
    """One before the first epoch and one after each, but for the last where a run was stopped before it."""
    shapes = (checkpoint.epochs + 1,), (checkpoint.epochs,)
    columns = [_curve(curves, name, *shapes) for name in ("test_loss", "test_accuracy")]
    return [Exam(loss=a, accuracy=b) for a, b in zip(*columns, strict=False)]


def _curve(curves: Mapping[str, Series], name: str, *shapes: tuple[int, ...]) -> list[float]:
    """Values of a curve of one of these shapes; NaN where there is none, as none is written that is NaN throughout."""
    values: NDArray[np.float64] = curves[name].values if name in curves else np.full(shapes[0], np.nan)
    if values.shape not in shapes:
        raise DataError(
            "has the wrong shape",
            where=f"/learning/{name}",
            expected=" or ".join(map(str, shapes)),
            got=str(values.shape),
            remedy="go on from a file that neurosim wrote",
        )
    return [float(value) for value in values]


def _keys(spec: Spec) -> dict[str, Any]:
    """Every key of a spec with its value, "table.key"."""
    return dict(_flat("", {**attrs.asdict(spec), "source": ""}))


def _flat(path: str, table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        found += _flat(name, value) if isinstance(value, Mapping) else [(name, value)]
    return found
