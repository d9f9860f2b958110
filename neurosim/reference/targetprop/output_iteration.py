"""Targets corrected at the output of the decoders, in all layers at once; knows no other correction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from neurosim.errors import SpecError, nearest
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.forward import ForwardPass
from neurosim.reference.targetprop.propagation import propagate
from neurosim.reference.targetprop.settled import Settled
from neurosim.reference.tensors import shaped

Start = Literal["decoded", "forward"]


def check_start(start: str) -> None:
    """SpecError unless it is one of the two places where the iteration can start."""
    known = ("decoded", "forward")
    if start not in known:
        raise SpecError(
            f'unknown start "{start}"',
            where="start",
            expected="one of " + ", ".join(known),
            remedy=nearest(start, known),
        )


def check_steps(steps: int) -> None:
    """SpecError for a negative number of steps."""
    if steps < 0:
        raise SpecError(
            "negative number of steps", where="steps", expected="0 or more", got=str(steps), remedy="take 10"
        )


def relax_once(autoencoders: Autoencoders, targets: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """τ_{l−1} ← τ_{l−1} + g_l(τ_l) − g_l(f_l(τ_{l−1})) with the old τ_l, for all l at once (section 6)."""
    moved = []
    for layer, (here, above) in enumerate(pairwise(targets), start=2):
        again = autoencoders.decode(layer, autoencoders.encode(layer, here))
        # The difference first: a target at rest then stays to the last bit.
        moved.append(here + (autoencoders.decode(layer, above) - again))
    return (*moved, targets[-1])


def relaxation(
    autoencoders: Autoencoders, state: ForwardPass, *, output_target: Any, start: Start = "decoded"
) -> Iterator[tuple[Tensor, ...]]:
    """τ_1..τ_L after 0, 1, 2, … steps, without end; each (B, n_l) (section 9, Algorithm).

    start : "decoded" from τ_{l−1} = g_l(τ_l) top-down, as the Algorithm; "forward" from τ_l = h_l below L,
        which is where the anytime rule begins and what keeps targets near h where a layer has fewer units
        than the one below.
    output_target : τ_L, (B, n_L).

    Each layer's error shrinks by Lip(id − g_l∘f_l) a step, once the layers above have settled.

    Raises
    ------
    SpecError : an unknown start. DataError : τ_L of another shape.
    """
    check_start(start)
    top = shaped(output_target, shape=tuple(state.soma[-1].shape), name="output_target")
    first = propagate(autoencoders, top) if start == "decoded" else (*state.soma[:-1], top)
    return _continue(autoencoders, first)


def _continue(autoencoders: Autoencoders, targets: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    while True:
        yield targets
        targets = relax_once(autoencoders, targets)


def relax(
    autoencoders: Autoencoders,
    state: ForwardPass,
    *,
    output_target: Any,
    steps: int,
    start: Start = "decoded",
) -> tuple[Tensor, ...]:
    """τ_1..τ_L after so many steps of `relaxation`, each (B, n_l); SpecError for a negative number."""
    check_steps(steps)
    path = relaxation(autoencoders, state, output_target=output_target, start=start)
    return next(islice(path, steps, None))


def relax_until_settled(
    autoencoders: Autoencoders,
    state: ForwardPass,
    *,
    output_target: Any,
    start: Start = "decoded",
    tolerance: float = 1e-13,
    max_steps: int = 10_000,
) -> Settled:
    """`relaxation` until no target moves by more than the tolerance, absolute up to |τ| = 1, relative above.

    Its fixed points are described at `solve_output_iteration`. A sample that diverges or is too slow is
    marked, not raised.
    """
    path = relaxation(autoencoders, state, output_target=output_target, start=start)
    targets = next(path)
    for steps in range(max_steps + 1):
        after = next(path)
        residual, goal = _largest_move(targets, after), tolerance * _size(after)
        # What is not finite never comes back.
        if not ((residual > goal) & torch.isfinite(residual)).any() or steps == max_steps:
            break
        targets = after
    return Settled(
        targets=targets,
        decoder_inputs=(),
        residual=residual,
        converged=(residual <= goal) & torch.isfinite(residual),
        steps=steps,
    )


def _largest_move(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    return torch.stack([(x - y).abs().amax(1) for x, y in zip(after, before, strict=True)]).amax(0)


def _size(targets: Sequence[Tensor]) -> Tensor:
    return torch.stack([x.abs().amax(1) for x in targets]).amax(0).clamp(min=1.0)
