"""What stored weights do to settled learning signals that are something else altogether now and then: to first order in
how many are, whatever one of them does.

A device that is dead takes a whole weight away. However seldom that is, its effect is not small, and derivatives say
little about it; so every change is followed to where the loop settles with it alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.sensitivity import MOST_COLUMNS, Effect, squares
from neurosim.reference.settled_loop import STORED, Loop

NEAR = 1e-10
"""Change of u over its largest element at which a loop counts as settled: far below the σ of anything. Chosen."""
MOST_STEPS = 50
"""After that many steps of Newton's, there is no settled state."""
_CHUNK = 256
"""Changes that are followed at once."""


def jump_effects(loop: Loop, changes: Tensor, chances: Tensor, *, seed: int = 0) -> dict[str, Effect]:
    """Of weights that change by themselves, each independently of the others, on every signal; by its name.

    Above `MOST_COLUMNS` weights as many, drawn at random, stand for all.

    Parameters
    ----------
    changes : what may be added to each weight, ordered as `STORED` has them, (outcomes, count); its mean is 0.
    chances : of the outcomes, (outcomes,) or (outcomes, count).
    seed : of which weights stand for all.

    Returns
    -------
    shift 0; curvature: the mean change; square, square_across: of changes about their mean.

    Raises
    ------
    SpecError : one of the changes leaves the loop without a settled state.
    """
    places, weight = _places(changes, seed)
    chances = torch.as_tensor(chances, dtype=changes.dtype).reshape(len(changes), -1).expand_as(changes)
    base = loop.signals().parts()
    mean = {name: torch.zeros_like(y) for name, y in base.items()}
    spreads = {name: torch.zeros(2, dtype=y.dtype) for name, y in base.items()}
    step = max(1, _CHUNK // len(changes))
    for chunk in places.split(step):
        found = _settled(loop, changes, chunk)
        p = chances[:, chunk, None]
        for name, y in base.items():
            moved = found[name].reshape(len(changes), len(chunk), -1) - y
            centre = (p * moved).sum(0)
            mean[name] += weight * centre.sum(0)
            around = squares((moved - centre).flatten(0, 1), y).reshape(2, len(changes), len(chunk))
            spreads[name] += weight * (p[..., 0] * around).sum((1, 2))
    return {
        name: Effect(
            shift=torch.zeros_like(y),
            curvature=mean[name],
            square=float(spreads[name][0]),
            square_across=float(spreads[name][1]),
        )
        for name, y in base.items()
    }


def _places(changes: Tensor, seed: int) -> tuple[Tensor, float]:
    """Weights to follow, and for how many each of them stands."""
    places = changes.ne(0).any(0).nonzero()[:, 0]
    if len(places) <= MOST_COLUMNS:
        return places, 1.0
    drawn = torch.randperm(len(places), generator=torch.Generator().manual_seed(seed))[:MOST_COLUMNS]
    return places[drawn], len(places) / MOST_COLUMNS


def _settled(loop: Loop, changes: Tensor, places: Tensor) -> dict[str, Tensor]:
    """Signals with every outcome at every place alone, (outcomes · places, size) each."""
    deltas = torch.zeros(len(changes), len(places), changes.shape[1], dtype=changes.dtype)
    deltas[:, torch.arange(len(places)), places] = changes[:, places]
    deltas = deltas.flatten(0, 1)
    outputs = loop.output.expand(len(deltas), *loop.output.shape)
    for _ in range(MOST_STEPS):
        moves = torch.func.vmap(lambda u, d: _newton(loop, u, d))(outputs, deltas)
        outputs = outputs + moves
        if bool(moves.abs().max() <= NEAR * outputs.abs().max()):
            break
    else:
        raise SpecError(
            "the loop has no settled state once one weight is another",
            where="chip.synapse.memory",
            expected="a loop that survives any one of its memory's faults",
            got=f"none after {MOST_STEPS} steps with at least one of {len(places)} weights",
            remedy="raise method.leak, or make faults rarer and smaller",
        )
    found = torch.func.vmap(lambda u, d: loop.signals({STORED: d}, output=u).parts())(outputs, deltas)
    return dict(found)


def _newton(loop: Loop, output: Tensor, delta: Tensor) -> Tensor:
    """−(∂R/∂u)⁻¹ R; samples do not know of each other, so that one direction of u serves all."""

    def missing(u: Tensor) -> Tensor:
        return loop.missing(u, {STORED: delta})

    def along(direction: Tensor) -> Tensor:
        return torch.func.jvp(missing, (output,), (torch.zeros_like(output) + direction,))[1]

    slope = torch.func.vmap(along, out_dims=-1)(torch.eye(output.shape[1], dtype=output.dtype))
    # what cannot be solved is not finite, and is told as not settled
    move, _ = torch.linalg.solve_ex(slope, -missing(output)[:, :, None])
    return move[:, :, 0]
