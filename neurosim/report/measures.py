"""The few numbers a run comes to, found in a Result, as plain data; knows nothing of how they are shown."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurosim.result import Check, Result, Series

LAST_OF = ("train_loss", "test_loss", "test_accuracy", "settling")
"""Measures along training of which the last value counts."""
FACTS = (
    "max_real_eigenvalue",
    "largest_step",
    "settle_time",
    "build_seconds",
    "wall_seconds",
)
"""Numbers that a run leaves in the provenance: 1/τ_u, dt/τ_u, s, s, s."""


def last_of(series: Series | None) -> float:
    """The last value of a measure; NaN where there is none, or more than one number a point."""
    if series is None or np.ndim(series.values) != 1 or not len(series.values):
        return float("nan")
    return float(series.values[-1])


def number_of(result: Result, name: str) -> float:
    """A number of the provenance; NaN where it is missing or none."""
    value = result.provenance.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        return float("nan")
    return float(value)


def final_numbers(result: Result) -> dict[str, float]:
    """What a run came to, by name; NaN for what it does not have.

    Losses and test_accuracy (0 to 1) at the end of training, settling, the `FACTS`, and the fraction of
    presentations that ended at a rail.
    """
    numbers = {name: last_of(result.learning.get(name)) for name in LAST_OF}
    numbers |= {name: number_of(result, name) for name in FACTS}
    waited = result.learning.get("wall_seconds")
    if math.isnan(numbers["wall_seconds"]) and waited is not None and len(waited.values):
        numbers["wall_seconds"] = float(np.nansum(waited.values))
    return {**numbers, "saturated": float(result.status.saturated)}


def fell_short(checks: Sequence[Check]) -> list[Check]:
    """The gating checks that did not pass."""
    return [check for check in checks if check.gating and not check.passed]


def chip_name(result: Result) -> str:
    """The chip's name, from the provenance or else the spec; empty when neither tells."""
    return str(result.provenance.get("chip") or setting_of(result, "chip", "name", ""))


def method_name(result: Result) -> str:
    """The method's name in the spec; empty when it does not tell."""
    return str(setting_of(result, "method", "name", ""))


def setting_of(result: Result, table: str, key: str, default: Any) -> Any:
    """`table.key` of the spec that the result holds, or `default` where the spec does not tell."""
    try:
        found = tomllib.loads(result.spec).get(table, {})
    except tomllib.TOMLDecodeError:  # a result of another hand
        return default
    return found.get(key, default) if isinstance(found, dict) else default


def checks_as_json(checks: Sequence[Check], facts: Mapping[str, float] | None = None) -> dict[str, Any]:
    """A verification as plain data for `json.dumps`: passed, checks, facts; null for what is no number."""
    listed = [
        {
            "name": check.name,
            "value": check.value,
            "tolerance": check.tolerance,
            "passed": check.passed,
            "gating": check.gating,
            "detail": check.detail,
        }
        for check in checks
    ]
    document = {"passed": bool(checks) and not fell_short(checks), "checks": listed, "facts": facts or {}}
    return {key: _plain(value) for key, value in document.items()}


def as_json(result: Result) -> dict[str, Any]:
    """A result without its arrays, as plain data for `json.dumps`; null for NaN, infinity and what it lacks.

    Keys: status, verified (null when nothing was held to a tolerance), checks, final, seed, backend, chip, method,
    provenance.
    """
    status = result.status
    told = ("kind", "good", "message", "part", "unit", "column", "step", "time", "saturated")
    document = {
        "status": {name: getattr(status, name) for name in told},
        "verified": result.verified if any(check.gating for check in result.verification) else None,
        "checks": checks_as_json(result.verification)["checks"],
        "final": final_numbers(result),
        "seed": result.seed,
        "backend": result.backend,
        "chip": chip_name(result),
        "method": method_name(result),
        "provenance": dict(result.provenance),
    }
    return {key: _plain(value) for key, value in document.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def given_weights(result: Result) -> str:
    """The file that a network's first weights are of, and what is not as it is there; empty where they were drawn."""
    if "weights_file" not in result.provenance:
        return ""
    lines = [str(result.provenance["weights_file"])]
    if "weights_without" in result.provenance:
        lines.append(f"which has no {result.provenance['weights_without']}: 0")
    clipped = number_of(result, "weights_clipped")
    if clipped > 0:
        lines.append(f"{100 * clipped:.3g} % are beyond the chip's full scale and were clipped")
    return "\n".join(lines)
