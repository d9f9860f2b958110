"""How much memory a run takes, known before it starts, and how much there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from neurosim.backend.emulator import record_sizes
from neurosim.backend.precision import types_of
from neurosim.equations.model import SCHEDULE, Group, Model
from neurosim.errors import MemoryShortage

_BYTES = {"float64": 8, "float32": 4}
_ARRAY = re.compile(r"^\s*(?:d(\w+)/dt\s*=.*|(\w+))\s*:\s*[^=]*$")
"""A line of equations that makes a state or parameter of each element; `x = … : unit` makes none."""
_GROUPS = Path("/sys/fs/cgroup")
_STATES, _RECORDS = 3, 4
"""Copies there are at a time: of states the program's, what it is given and what is read back; of records what is read
and what is made of it. Seen at their most, for 10⁷ numbers: 2.1 and 2.8 of C++, 1.9 and 3.8 of numpy."""


def bytes_of_run(model: Model, values: Mapping[str, ArrayLike], presentations: int) -> tuple[int, int]:
    """At most, for states, and for what it records."""
    return _STATES * state_bytes(model), _RECORDS * record_bytes(model, values, presentations)


def state_bytes(model: Model) -> int:
    """Of all arrays that a built Model has."""
    return sum(_bytes_of_element(model, group) * group.n_units * group.n_columns for group in model.groups)


def _bytes_of_element(model: Model, group: Group) -> int:
    """Of all arrays of a group."""
    double, count = types_of(model, group), 0
    for line in group.equations.splitlines():
        found = _ARRAY.match(line)
        if found and not re.search(r"\((shared|linked)", line.rpartition(":")[2]):
            count += _BYTES["float64" if (found[1] or found[2]) in double else model.precision]
    return count


def record_bytes(model: Model, values: Mapping[str, ArrayLike], presentations: int) -> int:
    """Of what a run records: the endings of presentations, and traces."""
    schedule = {
        name: int(np.asarray(values.get(f"{SCHEDULE}.{name}", 0)).item())
        for name in ("period", "trace_first", "trace_last", "trace_stride")
    }
    traced = max(0, min(schedule["trace_last"], presentations) - schedule["trace_first"])
    steps = traced * -(-schedule["period"] // max(schedule["trace_stride"], 1))
    sizes = record_sizes(model)
    return _BYTES[model.precision] * sum(
        n * (steps if name in model.traced else presentations) for name, n in sizes.items()
    )


def free_bytes() -> int:
    """What the machine, and the group of processes that this one is in, have left; what files leave behind in memory
    is free."""
    left = [_machine()]
    for folder, limit, used, cached in (
        (_GROUPS, "memory.max", "memory.current", "inactive_file"),
        (_GROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, taken = (int((folder / name).read_text()) for name in (limit, used))
            statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            left.append(most - taken + int(statistics.get(cached, 0)))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return max(0, min(left))


def _machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return 1 << 62  # a system that does not say: nothing is refused


def check_room(needed: int, *, where: str, remedy: str, free: int | None = None) -> None:
    """Refuse what does not fit into what is free: of this machine's memory, if it is not said.

    Raises
    ------
    MemoryShortage : with what it takes, what is free, and what to do.
    """
    free = free_bytes() if free is None else free
    if needed > free:
        raise MemoryShortage(
            "the run does not fit into memory",
            where=where,
            expected=f"{in_words(needed)} free",
            got=f"{in_words(free)} free",
            remedy=remedy,
        )


def in_words(count: int) -> str:
    """Bytes as GB or MB of 10⁹ or 10⁶."""
    return f"{count / 1e9:.3g} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"
