"""An iteration followed until it rests; knows not what is iterated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError

States = Sequence[Tensor]
"""(B, n) each."""

TOLERANCE = 1e-6
"""A step over the distance from the start of what is being displaced: some 1e-6 of the update. Chosen."""
MOST_STEPS = 30
"""Enough for a mode that shrinks by a third a step. Chosen: weaker modes belong to directions that an exact inverse
would blow up; on 15-10-10-5 a thousand steps took twenty times as long and learned worse."""


@attrs.frozen(kw_only=True, eq=False)
class Rested:
    """Where an iteration stopped; B samples."""

    states: tuple[Tensor, ...]
    """Its last states."""
    settled: Tensor
    """Whether the last step was small enough, (B,) bool."""
    usable: Tensor
    """Whether it settled, or only is slow: did not run away, (B,) bool."""


def iterate_until_rest(
    path: Iterator[States],
    *,
    origin: States,
    tolerance: float = TOLERANCE,
    most_steps: int = MOST_STEPS,
) -> Rested:
    """Follow the path until no entry of any sample moves by more than tolerance · |state − origin|.

    A sample that still moves after `most_steps` is slow and stays where it is, unless it moves by more than in
    its first step, or is not finite: then it ran away.

    Raises
    ------
    SpecError : most_steps < 1.
    """
    if most_steps < 1:
        raise SpecError("bad value", where="most_steps", expected="a whole number >= 1", got=repr(most_steps))
    before, after = next(path), next(path)
    move = first = _largest(after, before)
    for _ in range(most_steps - 1):
        settled = move <= tolerance * _largest(after, origin)
        if bool((settled | ~torch.isfinite(move)).all()):
            break
        before, after = after, next(path)
        move = _largest(after, before)
    settled = move <= tolerance * _largest(after, origin)
    return Rested(
        states=tuple(after),
        settled=settled,
        usable=settled | (torch.isfinite(move) & (move <= first)),
    )


def _largest(first: States, second: States) -> Tensor:
    """Of |first − second| of each sample, (B,)."""
    return torch.stack([(x - y).abs().amax(1) for x, y in zip(first, second, strict=True)]).amax(0)
