"""The Model: all that will run, as plain data that can be printed, hashed, compared and pickled."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.equations.operations import Operation

GATES = ("always", "begin", "hold", "learn", "plastic", "last", "trace")
"""When a stage runs, with k the step within a presentation:
always; begin k = 0; hold k = settle_steps; learn k ≥ settle_steps; plastic k ≥ plastic_from;
window_i k = settle_steps + i · window_steps, any i ≥ 1, not in this list; last k = period − 1;
every_n k = 0, and every n steps, n//2 steps away from k = settle_steps, any n ≥ 1, not in this list;
trace: every trace_stride-th step of the presentations trace_first ≤ p < trace_last."""

_DIFFERENTIAL = re.compile(r"^d(?P<name>\w+)/dt = .*: *(?P<unit>\S+)", re.MULTILINE)

SCHEDULE = "schedule"
"""The group that holds the numbers the gates refer to."""

SCHEDULE_VARIABLES = (
    "period",
    "settle_steps",
    "window_steps",
    "plastic_from",
    "presentations",
    "trace_first",
    "trace_last",
    "trace_stride",
    "stride",
)


@attrs.frozen(kw_only=True, eq=False)
class ModelParameter:
    """A number in the equations."""

    value: float | NDArray[np.float64]
    """In SI units; (n_units,) where each unit has its own."""
    unit: str
    """As Brian2 writes it: volt, amp, siemens, …; 1 for none."""
    meaning: str
    integer: bool = False

    @property
    def shared(self) -> bool:
        """Whether all units have the same."""
        return np.ndim(self.value) == 0


@attrs.frozen(kw_only=True)
class Updater:
    """When the differential equations of a group are integrated, and what runs in the same loop."""

    slot: str
    order: int
    before: str = ""
    after: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Group:
    """n_units × n_columns copies of some equations; state index = unit · n_columns + column."""

    name: str
    n_units: int
    n_columns: int
    equations: str
    parameters: Mapping[str, ModelParameter] = attrs.field(factory=dict)
    links: Mapping[str, str] = attrs.field(factory=dict)
    """Variables that are another group's: name → "group.variable"."""
    updater: Updater | None = None
    wander: Mapping[str, str] = attrs.field(factory=dict)
    """States of noise that go on from run to run: name → what they start as: "normal", the parameter that is the
    chance of a 1, or "now", a step of the run."""
    idle: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Code that need not run while some parameters of the group are all 0: its name → these. Of no effect on what
    else a run gives, so no part of the structure."""
    index: str = "i"
    """What tells its elements' noise apart."""
    lasting: bool = False
    """Whether its variables last longer than a presentation and change little by little: in a Model of single
    precision they are double, but for those that dense operations use."""

    @property
    def states(self) -> dict[str, str]:
        """What differential equations move: name → unit, as Brian2 writes it."""
        return {found["name"]: found["unit"] for found in _DIFFERENTIAL.finditer(self.equations)}

    def size_of(self, variable: str) -> int:
        """Of how many numbers it consists."""
        return 1 if self.shares(variable) else self.n_units * self.n_columns

    def shares(self, variable: str) -> bool:
        """Whether all its elements have one number."""
        return variable in self._shared

    @cached_property
    def _shared(self) -> frozenset[str]:
        lines = (line for line in self.equations.splitlines() if "(shared" in line)
        return frozenset(line.partition(" :")[0] for line in lines)


@attrs.frozen(kw_only=True)
class GatedCode:
    """Statements on the variables of a group that run at the steps of a gate."""

    name: str
    group: str
    code: str
    gate: str
    slot: str
    order: int


@attrs.frozen(kw_only=True)
class Program:
    """Dense operations that run one after the other in one place of a step."""

    name: str
    operations: tuple[Operation, ...]
    slot: str
    order: int


@attrs.frozen(kw_only=True, eq=False)
class Model:
    """Groups, what runs on them and when, and the time step."""

    groups: tuple[Group, ...]
    code: tuple[GatedCode, ...]
    programs: tuple[Program, ...]
    dt: float
    """s."""
    layers: tuple[int, ...]
    """Sizes n_0..n_L."""
    n_columns: int
    traced: Mapping[str, tuple[tuple[str, int, str], ...]]
    """What each trace recording holds: file → (reference, n_units, unit)."""
    endings: tuple[tuple[str, int, str], ...]
    """What is kept at the end of every presentation: (reference, n_units, unit)."""
    precision: str = "float64"
    """Of what changes in every step: float64 or float32."""
    chips: int = 1
    """How many stand side by side; n_columns are those of all of them."""

    def group(self, name: str) -> Group:
        """The group of that name."""
        return next(group for group in self.groups if group.name == name)

    @property
    def structure(self) -> dict[str, Any]:
        """All that a compiled program depends on; values of parameters are not among it."""
        return {
            "groups": [
                {
                    "name": g.name,
                    "size": [g.n_units, g.n_columns],
                    "equations": g.equations,
                    "parameters": {
                        name: [p.unit, p.shared, p.integer] for name, p in sorted(g.parameters.items())
                    },
                    "links": dict(g.links),
                    "index": g.index,
                    "lasting": g.lasting,
                    "updater": attrs.asdict(g.updater) if g.updater else None,
                }
                for g in self.groups
            ],
            "code": [attrs.asdict(c) for c in self.code],
            "programs": [
                {
                    "name": p.name,
                    "operations": [[type(o).__name__, attrs.asdict(o)] for o in p.operations],
                    "place": [p.slot, p.order],
                }
                for p in self.programs
            ],
            "dt": repr(self.dt),
            "precision": self.precision,
        }

    @property
    def hash(self) -> str:
        """Of the structure: models with the same hash can share one compiled program."""
        text = json.dumps(self.structure, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]
