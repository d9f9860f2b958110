"""Auto-encoders, samples and independent computations for the tests of target propagation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from neurosim.reference.targetprop import Autoencoders, ForwardPass, fit_decoders, forward_pass, output_target

SQUARE = (20, 20, 20, 20, 20)
HIDDEN = ("tanh", "softplus")

SIGMA: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "softplus": lambda h: torch.log1p(torch.exp(h)),
    "linear": lambda h: h,
}
INVERSE: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.atanh,
    "softplus": lambda r: torch.log(torch.expm1(r)),
    "linear": lambda r: r,
}


def make_chain(
    hidden: str = "tanh",
    *,
    sizes: Sequence[int] = SQUARE,
    batch: int = 3,
    seed: int = 0,
    output: str = "linear",
) -> tuple[Autoencoders, Tensor]:
    """Well-conditioned layers with decoders fitted to 400 samples, and the first `batch` of these.

    Softplus without a decoder bias is undone only where it is nearly linear, so its units are kept well above
    zero there.
    """
    draw = torch.Generator().manual_seed(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    noise = [torch.randn(m, n, generator=draw, dtype=torch.float64) for m, n in shapes]
    biases = [0.05 * torch.randn(m, generator=draw, dtype=torch.float64) for m in sizes[1:]]
    samples = 2.0 * torch.rand(400, sizes[0], generator=draw, dtype=torch.float64) - 1.0
    if hidden == "softplus":
        forward = [torch.eye(*x.shape, dtype=x.dtype) + 0.3 * x / math.sqrt(x.shape[1]) for x in noise]
        inputs = 3.0 + samples
    else:
        forward = [_orthogonal(x) for x in noise]
        inputs = 0.3 * samples
    chain = fit_decoders(forward=forward, biases=biases, inputs=inputs, hidden=hidden, output=output)
    return chain, inputs[:batch]


def make_target(
    chain: Autoencoders, inputs: Tensor, *, stepsize: float, seed: int = 0
) -> tuple[ForwardPass, Tensor, Tensor]:
    """State, desired output about 1 away from the output, and τ_L of the squared error."""
    draw = torch.Generator().manual_seed(100 + seed)
    state = forward_pass(chain, inputs)
    away = torch.randn(state.output.shape, generator=draw, dtype=torch.float64)
    desired = state.output + away / torch.linalg.vector_norm(away, dim=1, keepdim=True)
    target = output_target(chain, state, desired=desired, loss="squared_error", stepsize=stepsize)
    return state, desired, target


def run_above(chain: Autoencoders, layer: int, soma: Tensor) -> Tensor:
    """h_L when h_l is `soma`, (…, n_l): written out anew, and differentiable."""
    for weights, bias in zip(chain.forward[layer:], chain.biases[layer:], strict=True):
        soma = SIGMA[chain.hidden](soma) @ weights.T + bias
    return soma


def invert_chain(chain: Autoencoders, output_target: Tensor) -> list[Tensor]:
    """τ_l = f_{l+1}^-1(τ_{l+1}) of square layers by inverse matrices and inverse functions."""
    targets = [output_target]
    for weights, bias in zip(reversed(chain.forward[1:]), reversed(chain.biases[1:]), strict=True):
        targets.append(INVERSE[chain.hidden](torch.linalg.solve(weights, (targets[-1] - bias).T).T))
    return targets[::-1]


def jacobian_above(chain: Autoencoders, layer: int, soma: Tensor) -> Tensor:
    """J_l = ∂h_L/∂h_l of each sample by automatic differentiation, (B, n_L, n_l)."""
    return torch.func.vmap(torch.func.jacrev(lambda h: run_above(chain, layer, h)))(soma)


def slope(stepsizes: Sequence[float], errors: Sequence[float]) -> float:
    """Of log error against log step."""
    return float(np.polyfit(np.log(stepsizes), np.log(errors), 1)[0])


def norm(x: Tensor) -> Tensor:
    """Of each row."""
    return torch.linalg.vector_norm(x, dim=-1)


def close(got: Tensor, wanted: Tensor, tolerance: float) -> None:
    """Largest difference within the tolerance, absolute up to 1 and relative to the largest entry above."""
    scale = max(1.0, float(wanted.abs().max()))
    assert got.shape == wanted.shape
    assert float((got - wanted).abs().max()) <= tolerance * scale


def _orthogonal(noise: Tensor) -> Tensor:
    left, _, right = torch.linalg.svd(noise, full_matrices=False)
    return left @ right
