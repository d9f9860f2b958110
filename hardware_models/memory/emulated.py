"""What a memory does in an emulation, said twice: as statements for its equations, and in numpy; knows no memory.

Statements, in the `after` of their fragments, are about one cell. x is what was written, 1 full scale, `age` the time
since then in s, `fate` a standard normal of the cell; they make `kept`, of that `conducted` and `sigma`, and `changed`
of `kept` and what is `wanted`.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from brian2 import Quantity, second

from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells
from hardware_models.memory.curve import Array
from hardware_models.memory.moments import Moments
from hardware_models.memory.update_law import UpdateLaw

NO_FATE, OF_DEVICE, OF_WRITING = "none", "device", "writing"
"""What a fate belongs to: to a device for life, or to each writing of it."""
Normals = tuple[str, str]
"""Texts of two independent standard normals of a cell and a step."""


@attrs.frozen(kw_only=True, eq=False)
class Keeping:
    """What time leaves of stored weights."""

    statements: Fragment = attrs.field(factory=lambda: Fragment(equations="", after="kept = x"))
    """`kept` from x, age, fate."""
    kept: Callable[[Array, Array, Array], Array] = lambda x, age, fate: np.asarray(x, float)
    """The same in numpy; ages in s."""
    moments: Callable[[Array, Array], Moments] = lambda x, age: Moments.certain(x)
    """Of `kept` over all fates; from x and age."""
    fate: str = NO_FATE
    until: Quantity = attrs.field(factory=lambda: np.inf * second)
    """Age up to which it was measured."""
    loses: bool = False
    """Whether time does anything."""


@attrs.frozen(kw_only=True, eq=False)
class Conduction:
    """What stored weights conduct; analog cells what they keep."""

    statements: Fragment = attrs.field(factory=lambda: Fragment(equations="", after="conducted = kept"))
    """`conducted` from kept."""
    conducted: Callable[[Array], Array] = lambda x: np.asarray(x, float)


@attrs.frozen(kw_only=True, eq=False)
class Answer:
    """How a stored weight answers to a wanted change."""

    statements: Callable[[Normals], Fragment]
    """`changed` from kept and wanted."""
    changed: Callable[[Array, Array], Array]
    """The same without what is random."""
    random: bool = False
    """Whether normals are used."""


def answer_of(law: UpdateLaw, cells: Cells) -> Answer:
    """Of analog cells that follow a law."""
    random = law.smallest_step > 0 and law.cycle_spread > 0
    step = Parameter(value=cells.step.ravel(), meaning="factor on a cell's steps; 0: it is dead")

    def statements(normals: Normals) -> Fragment:
        own = law.fragment(normals[0] if random else "")
        return Fragment(equations="", after=own.after, parameters={"step": step, **own.parameters})

    def changed(x: Array, wanted: Array) -> Array:
        return law.apply(x, wanted, device_factor=cells.step)

    return Answer(statements=statements, changed=changed, random=random)
