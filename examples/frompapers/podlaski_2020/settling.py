"""Dynamic inversion simulated for several networks side by side, Euler step after Euler step; knows no task.

The same steps as `neurosim.reference.inversion.settle_pair` and `simulate_loop` take for one network; R networks
and one operation a step instead of a dozen make 1000 steps an example affordable.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

DT, STEPS = 0.5, 1000
"""Of the paper (section 5), in the unit of both time constants."""


def settle_pairs(
    forward: Tensor, feedback: Tensor, delta: Tensor, *, leak: Tensor, dt: float = DT, steps: int = STEPS
) -> Tensor:
    """x after the Euler steps of ẋ = −x + Bu,  u̇ = −αu + Wx − δ from zero (eq. 5 and 8), (R, S, n_{l−1}).

    They are taken in the smaller of the two layers, on which the larger one depends linearly at every step:
    ż = −z + w,  ẇ = −αw + Gz − d,  with G = WB, d = δ and x = Bz for a contracting layer, since all that B
    drives starts at zero; with G = BW, d = Bδ, w = Bu and x = z for an expanding one.

    forward : W, (R, n_l, n_{l−1}); feedback : B, (R, n_{l−1}, n_l); delta : δ, (R, S, n_l); leak : α, (R,).
    """
    contracting = forward.shape[1] <= forward.shape[2]
    loop = forward @ feedback if contracting else feedback @ forward
    drive = delta if contracting else delta @ feedback.mT
    end = _step_linear(loop, drive, leak=leak, dt=dt, steps=steps)
    return end @ feedback.mT if contracting else end


def _step_linear(loop: Tensor, drive: Tensor, *, leak: Tensor, dt: float, steps: int) -> Tensor:
    """z of ż = −z + w,  ẇ = −αw + Gz − d; (z, w) ← (z, w) Mᵀ + c is one Euler step. G (R, n, n), d (R, S, n)."""
    count, n = loop.shape[0], loop.shape[1]
    unit = torch.eye(n, dtype=loop.dtype, device=loop.device).expand(count, n, n)
    upper = torch.cat([(1.0 - dt) * unit, dt * unit], dim=2)
    lower = torch.cat([dt * loop, (1.0 - dt * leak)[:, None, None] * unit], dim=2)
    step = torch.cat([upper, lower], dim=1).mT.contiguous()
    constant = torch.cat([torch.zeros_like(drive), -dt * drive], dim=2)
    state = torch.zeros_like(constant)
    for _ in range(steps):
        state = torch.baddbmm(constant, state, step)
    return state[:, :, :n]


def settle_loops(
    forward: Sequence[Tensor],
    feedback: Tensor,
    delta: Tensor,
    *,
    leak: Tensor,
    dt: float = DT,
    steps: int = STEPS,
) -> tuple[Tensor, ...]:
    """δ_1..δ_{L−1} after the Euler steps of the single loop with φ = tanh from zero, each (R, S, n_l).

    δ̇_1 = −δ_1 + Bu,  δ̇_l = −δ_l + W_l φ(δ_{l−1}),  u̇ = −αu + W_L φ(δ_{L−1}) − δ_L   (eq. 14, figure 2c)

    forward : W_2..W_L, each (R, n_l, n_{l−1}); feedback : B, (R, n_1, n_L); delta : δ_L, (R, S, n_L); leak : (R,).
    """
    sizes = [forward[0].shape[2], *(w.shape[1] for w in forward)]
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    blocks = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    count, total, n_hidden = len(delta), ends[-1], ends[-2]
    connections = torch.zeros(count, total, total, dtype=delta.dtype, device=delta.device)
    connections[:, blocks[0], blocks[-1]] = feedback
    for row, column, weights in zip(blocks[1:], blocks[:-1], forward, strict=True):
        connections[:, row, column] = weights
    step = dt * connections.mT.contiguous()
    kept = torch.full((count, 1, total), 1.0 - dt, dtype=delta.dtype, device=delta.device)
    kept[:, :, blocks[-1]] = (1.0 - dt * leak)[:, None, None]
    constant = torch.zeros(count, delta.shape[1], total, dtype=delta.dtype, device=delta.device)
    constant[:, :, blocks[-1]] = -dt * delta
    state = torch.zeros_like(constant)
    sent = torch.zeros_like(constant)
    for _ in range(steps):
        torch.tanh(state, out=sent)
        sent[:, :, n_hidden:] = state[:, :, n_hidden:]  # the control passes as it is
        state = torch.addcmul(torch.baddbmm(constant, sent, step), state, kept)
    return tuple(state[:, :, block] for block in blocks[:-1])
