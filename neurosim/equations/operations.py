"""The dense operations of a step and its input and output, as data; each backend interprets them.

A reference is "group.variable". Matrices are (units, columns) or (n_post, n_pre), row by row. Where several chips
stand side by side, columns are those of the first chip, then those of the second, …, and every number of a weight
matrix is there once for each chip: (units, chips · columns) and (n_post, n_pre, chips), n_columns being those of one.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Product:
    """target = weights · source + bias,  (n_post, columns) = (n_post, n_pre)(n_pre, columns), chip by chip."""

    target: str
    weights: str
    source: str
    bias: str
    """(n_post,) added to every column; empty: none."""
    n_post: int
    n_pre: int
    n_columns: int
    gate: str = "always"
    chips: int = 1


@attrs.frozen(kw_only=True)
class Outer:
    """target (+)= post · preᵀ,  (n_post, n_pre) = (n_post, columns)(columns, n_pre), chip by chip."""

    target: str
    post: str
    pre: str
    n_post: int
    n_pre: int
    n_columns: int
    accumulate: bool
    gate: str
    chips: int = 1


@attrs.frozen(kw_only=True)
class RowSum:
    """target (+)= Σ_columns source,  (n_units,), chip by chip."""

    target: str
    source: str
    n_units: int
    n_columns: int
    accumulate: bool
    gate: str
    chips: int = 1


@attrs.frozen(kw_only=True)
class Add:
    """target += source, all (size,)."""

    target: str
    source: str
    size: int
    gate: str


@attrs.frozen(kw_only=True)
class Square:
    """target = source², all (size,)."""

    target: str
    source: str
    size: int
    gate: str


@attrs.frozen(kw_only=True)
class Scatter:
    """target += √variance · normals, all (size,)."""

    target: str
    variance: str
    normals: str
    size: int
    gate: str


@attrs.frozen(kw_only=True)
class Fill:
    """target = 0, (size,)."""

    target: str
    size: int
    gate: str


@attrs.frozen(kw_only=True)
class ColumnReduce:
    """target[:, c] = max or sum over the units of source[:, c], written to every unit of the target."""

    target: str
    source: str
    how: str
    n_units: int
    n_columns: int
    gate: str
    n_targets: int = 0
    """Units of the target; 0: as many as the source has."""


@attrs.frozen(kw_only=True)
class Feed:
    """target[unit, c] = scale · data[order[p, c], unit] for presentation p, from the stimulus `name`.

    An order with fewer columns holds for every chip: the chips see the same.
    """

    target: str
    name: str
    n_units: int
    n_columns: int
    gate: str = "begin"


@attrs.frozen(kw_only=True)
class Record:
    """Append the sources, one after the other, to the recording `name`."""

    name: str
    sources: tuple[str, ...]
    sizes: tuple[int, ...]
    gate: str


@attrs.frozen(kw_only=True)
class Guard:
    """Tell when a watched variable of a chip is not finite or larger than `bound`, where first; stop the run when
    that has happened to every chip."""

    sources: tuple[str, ...]
    sizes: tuple[int, ...]
    bound: float
    """In SI units of the sources."""
    n_columns: int
    gate: str = "always"
    chips: int = 1


@attrs.frozen(kw_only=True)
class Repeat:
    """target *= how many steps this one stands for, (size,): see `Rest`."""

    target: str
    size: int
    gate: str


REST_EVERY = 8
"""Steps between two looks whether states rest; chosen: a look costs about as much as the step of a small net."""


@attrs.frozen(kw_only=True)
class Rest:
    """Let the next step stand for all that are left of a phase, once none of the sources would still move by
    `schedule.rest_below` times its scale in them at the rate of its last step. 0: never; not while traces are kept.

    A phase ends where a gate opens. What is summed over steps counts the one that stands for many by `Repeat`.
    """

    sources: tuple[str, ...]
    sizes: tuple[int, ...]
    scales: tuple[float, ...]
    """Activity 1 in SI units of the sources."""
    sums: bool
    """Whether plastic steps do no more than sum up; else all of them are taken."""
    gate: str = "always"


@attrs.frozen(kw_only=True)
class Meet:
    """target = Σ of the target over all runs that share weights, each of which shows some of the columns; they wait
    for one another here."""

    targets: tuple[str, ...]
    sizes: tuple[int, ...]
    parts: int
    gate: str = "last"


@attrs.frozen(kw_only=True)
class Finish:
    """Stop the run after the last presentation."""

    gate: str = "last"


Operation = (
    Product
    | Outer
    | RowSum
    | Add
    | Square
    | Scatter
    | Fill
    | ColumnReduce
    | Feed
    | Record
    | Guard
    | Repeat
    | Rest
    | Meet
    | Finish
)
