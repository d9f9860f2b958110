"""What a budget consists of, and how a result file holds it; computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from hardware_models.spreads import Spread
from neurosim.result import Result
from neurosim.spec import Spec, write_spec

ALL = "all together"
"""Stands for every imperfection at once that differs from chip to chip."""
NOISE = "all noise together"
"""Stands for every kind of noise at once."""
TOTALS = (ALL, NOISE)
UPDATE = "update"
"""The signal that learning is about."""


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
    """Of the mean square of all imperfections of this signal, closed form; 1 for all of them together."""
    emulated_shift: float = float("nan")
    """The same from emulated chips, without what chance adds to it, spread²/chips; NaN: none."""
    emulated_spread: float = float("nan")
    emulated_angle: float = float("nan")
    emulated_error: float = float("nan")
    """Standard error of the emulated spread."""

    @property
    def square(self) -> float:
        """Mean square change, relative."""
        return self.shift**2 + self.spread**2


@attrs.frozen(kw_only=True, eq=False)
class Budget:
    """All rows, the worst of each signal first."""

    rows: tuple[Row, ...]
    chips: int
    """Emulated with each imperfection, and presentations with each kind of noise."""
    samples: int
    facts: Mapping[str, Any]
    """Version, the chip and its numbers, and where given weights come from."""
    spreads: Mapping[str, Spread]
    """What each imperfection amounts to on this chip; of a memory: root mean squares over all weights; of noise, see
    `amounts_of`."""

    def of(self, signal: str) -> list[Row]:
        """The rows of one signal."""
        return [row for row in self.rows if row.signal == signal]


def turned(across: float, norm: float) -> float:
    """Degrees by which a mean square change orthogonal to a vector of this norm turns it."""
    return float(np.degrees(np.arctan(np.sqrt(across) / norm)))


def ranked(rows: Sequence[Row]) -> list[Row]:
    """With their shares; signals in the order they come, of each the worst first and the totals last."""
    found = []
    for signal in dict.fromkeys(row.signal for row in rows):
        own = [row for row in rows if row.signal == signal]
        single = [row for row in own if row.imperfection not in TOTALS]
        everything = sum(row.square for row in single)
        if everything > 0:
            single = [attrs.evolve(row, share=row.square / everything) for row in single]
        found += sorted(single, key=lambda row: -row.share)
        found += sorted((row for row in own if row.imperfection in TOTALS), key=lambda row: row.imperfection)
    return found


def as_result(spec: Spec, budget: Budget) -> Result:
    """The budget as a result file holds it."""
    return Result(
        spec=write_spec(spec),
        seed=spec.run.seed,
        backend=spec.run.backend,
        budget=budget_numbers(budget),
        provenance=budget.facts,
    )


def budget_numbers(budget: Budget) -> dict[str, dict[str, dict[str, float]]]:
    """By signal and imperfection: every number of a row."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in budget.rows:
        numbers = {k: v for k, v in attrs.asdict(row).items() if k not in ("imperfection", "signal")}
        found.setdefault(row.signal, {})[row.imperfection] = numbers
    return found
