"""What small deviations do to settled learning signals: spreads to first order, means to second; knows no device.

The settled loop 0 = R(u; θ) gives du/dθ = −(∂R/∂u)⁻¹ ∂R/∂θ; every signal is a function of u and θ. Derivatives are
taken by forward-mode automatic differentiation of steps u ← u + S⁻¹R(u; θ) from the solved state with S = −∂R/∂u
there: after k of them u is right up to order k in θ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from neurosim.reference.settled_loop import STORED, Loop

MOST_COLUMNS = 1024
"""Deviations of a kind up to which each is differentiated for; above, `PROBES` random directions stand for them."""
PROBES = 256
"""The spread they give has a standard error of at most √(2/256)/2 = 4 %."""
_CHUNK = 128
"""Directions that are followed at once."""


@attrs.frozen(kw_only=True, eq=False)
class Effect:
    """On one signal y, of a deviation of a kind."""

    shift: Tensor
    """∂y/∂θ · (1, …, 1), of the size of y: what the same deviation 1 in all devices does."""
    curvature: Tensor
    """½ Σ_i ∂²y/∂θ_i², of the size of y: by how much independent deviations of σ = 1 move the mean."""
    square: float
    """Σ_i ‖∂y/∂θ_i‖²: mean square of what independent deviations of σ = 1 do."""
    square_across: float
    """The part of it that is orthogonal to y, and turns it."""


def effects(
    loop: Loop,
    kinds: Sequence[str],
    *,
    spread: Sequence[str] | None = None,
    stored: Mapping[str, Tensor] | None = None,
    seed: int = 0,
) -> dict[str, dict[str, Effect]]:
    """Of kinds of deviation on every signal: by kind, then by the signal's name.

    Parameters
    ----------
    spread : the kinds in which devices differ; of the others only the shift is worked out, and the rest is 0.
        None: all.
    stored : kinds of `STORED` under names of their own, and what a deviation of 1 is in each weight, (count,).
    seed : of the random directions that stand for more than `MOST_COLUMNS` devices.
    """
    own = {kind: scale for kind, scale in (stored or {}).items() if kind in kinds}
    counts = [loop.count(STORED if kind in own else kind) for kind in kinds]
    zero = torch.zeros(sum(counts), dtype=torch.float64)
    base = loop.signals().parts()

    def moved(delta: Tensor) -> dict[str, Tensor]:
        pieces = dict(zip(kinds, delta.split(counts), strict=True))
        added = [scale * pieces.pop(kind) for kind, scale in own.items()]
        return loop.signals(pieces | ({STORED: torch.stack(added).sum(0)} if added else {})).parts()

    def slope(delta: Tensor, direction: Tensor) -> dict[str, Tensor]:
        found = torch.func.jvp(moved, (delta,), (direction,))
        return dict(found[1])

    def both(direction: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        found = torch.func.jvp(lambda d: slope(d, direction), (zero,), (direction,))
        return dict(found[0]), dict(found[1])

    sums = {kind: {name: _Sum.empty(y) for name, y in base.items()} for kind in kinds}
    wanted = set(kinds if spread is None else spread)
    rows = list(_rows(kinds, counts, wanted, seed))
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        directions = torch.stack([row.direction(zero) for row in chunk])
        first, second = torch.func.vmap(both)(directions)
        for name, y in base.items():
            for place, row in enumerate(chunk):
                sums[row.kind][name].take(row, first[name][place], second[name][place], y)
    return {kind: {name: total.effect() for name, total in found.items()} for kind, found in sums.items()}


@attrs.frozen(kw_only=True, eq=False)
class _Row:
    """One direction to differentiate along."""

    kind: str
    start: int
    values: Tensor
    """Of the kind's devices, from `start` of all."""
    weight: float
    """Of its square; 0: it is that of the shift."""

    def direction(self, zero: Tensor) -> Tensor:
        """Among the devices of all kinds."""
        full = zero.clone()
        full[self.start : self.start + len(self.values)] = self.values
        return full


def _rows(kinds: Sequence[str], counts: Sequence[int], spread: set[str], seed: int) -> Iterator[_Row]:
    start = 0
    for kind, count in zip(kinds, counts, strict=True):
        ones = torch.ones(count, dtype=torch.float64)
        yield _Row(kind=kind, start=start, values=ones, weight=0.0)
        if kind in spread and count <= MOST_COLUMNS:
            for place in range(count):
                yield _Row(kind=kind, start=start + place, values=ones[:1], weight=1.0)
        elif kind in spread:
            generator = torch.Generator().manual_seed(seed)
            for drawn in torch.randn(PROBES, count, generator=generator, dtype=torch.float64):
                yield _Row(kind=kind, start=start, values=drawn, weight=1.0 / PROBES)
        start += count


@attrs.define(kw_only=True, eq=False)
class _Sum:
    """What adds up to an `Effect`."""

    shift: Tensor
    curvature: Tensor
    squares: Tensor

    @staticmethod
    def empty(y: Tensor) -> _Sum:
        return _Sum(shift=torch.zeros_like(y), curvature=torch.zeros_like(y), squares=y.new_zeros(2))

    def take(self, row: _Row, first: Tensor, second: Tensor, y: Tensor) -> None:
        if row.weight == 0:
            self.shift = first
            return
        self.squares += row.weight * squares(first, y)
        self.curvature += 0.5 * row.weight * second

    def effect(self) -> Effect:
        return Effect(
            shift=self.shift,
            curvature=self.curvature,
            square=float(self.squares[0]),
            square_across=float(self.squares[1]),
        )


def squares(change: Tensor, y: Tensor) -> Tensor:
    """(‖c‖², ‖c⊥‖²) of a change and of what is orthogonal to y in it, (2,); of changes (n, size), (2, n)."""
    along = change @ (y / torch.linalg.vector_norm(y).clamp(min=1e-300))
    whole = change.square().sum(-1)
    return torch.stack([whole, (whole - along.square()).clamp(min=0.0)])
