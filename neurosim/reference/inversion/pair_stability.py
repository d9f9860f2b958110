"""Whether a pair of layers settles, from the spectrum of WB; knows no time step.

In rates a = κ/τ_v, c = γ/τ_u every eigenvalue μ of the smaller one of WB and BW gives two modes,
λ² + pλ + q = 0 with p = a + c, q = ac − μ/(τ_v τ_u). What the larger layer has more decays with a or c.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from neurosim.reference.inversion.pair import Pair

Complex = NDArray[np.complex128]


def loop_eigenvalues(pair: Pair) -> Complex:
    """The eigenvalues μ of WB or of BW, whichever is smaller, (min(n_l, n_{l−1}),)."""
    product = pair.feedback @ pair.forward if pair.expands else pair.forward @ pair.feedback
    return np.asarray(torch.linalg.eigvals(product).numpy(), dtype=np.complex128)


def is_stable(pair: Pair) -> bool:
    """Exact: p² Re q > (Im q)² for every μ; for τ = 1 it reads (1+α)²(α − Re μ) > (Im μ)².

    The units that the larger layer has more must have a leak as well.
    """
    a, c = rates(pair)
    q = constants(pair)
    loops = bool(np.all((a + c) ** 2 * q.real > q.imag**2))
    return loops and all(rate > 0 for rate in remaining_rates(pair))


def modes(pair: Pair) -> Complex:
    """All eigenvalues of the system matrix, λ = [−p ± √(p² − 4q)]/2, (n_l + n_{l−1},), unordered.

    For τ = 1 it reads λ = [−(1+α) ± √((1−α)² + 4μ)]/2.
    """
    a, c = rates(pair)
    root = np.sqrt((a - c) ** 2 + 4.0 * loop_eigenvalues(pair) / (pair.tau_state * pair.tau_control))
    slower, faster = (-(a + c) + root) / 2.0, (-(a + c) - root) / 2.0
    # λ₊ = q/λ₋ where −p + √ would lose the digits of a slow mode.
    usable = faster != 0
    slower = np.where(usable, constants(pair) / np.where(usable, faster, 1.0), slower)
    return np.concatenate([slower, faster, -np.array(remaining_rates(pair), dtype=np.complex128)])


def rates(pair: Pair) -> tuple[float, float]:
    """a = κ/τ_v and c = γ/τ_u."""
    return pair.state_leak / pair.tau_state, pair.control_leak / pair.tau_control


def constants(pair: Pair) -> Complex:
    """q = ac − μ/(τ_v τ_u) of every μ, (min(n_l, n_{l−1}),)."""
    a, c = rates(pair)
    return np.asarray(a * c - loop_eigenvalues(pair) / (pair.tau_state * pair.tau_control))


def remaining_rates(pair: Pair) -> list[float]:
    """The decay rates of the units that the larger layer has more, (|n_l − n_{l−1}|,)."""
    a, c = rates(pair)
    n_control, n_state = pair.forward.shape
    return [c if pair.expands else a] * abs(n_control - n_state)
