"""Feedback weights B that make the loop of dynamic inversion stable at the start; knows no engine.

A chain is the loop u → B → δ_1 → W_2 → ⋯ → W_L → u of time constants τ_v and τ_u = 1; with a single matrix it
is a pair of layers. Rates are in 1/τ_u.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

import attrs
import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from neurosim.errors import SpecError, UnstableError

Array = NDArray[np.float64]

_MARGIN = 0.1
"""Of the loop's gain and of what a chain can reach. Chosen."""
_MOST_STEPS = 300
"""Of the descent. Chosen; ten are usual."""
_FIRST_STEP = 0.1
"""Of the norm of B. Chosen."""
_LENGTHEN, _SHORTEN = 1.5, 0.5
"""Factors on the length of the step after a good and a bad one. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class SmoothedAbscissa:
    """α̃_ε(M): the s above max Re λ(M) with tr P(s) = 1/ε, (M − sI)P + P(M − sI)ᵀ = −I

    ∂α̃_ε/∂M = QP/tr(QP) with (M − sI)ᵀQ + Q(M − sI) = −I (Vanbiervliet et al. 2009). It lies between
    max Re λ + ε/2 and the largest eigenvalue of (M + Mᵀ)/2 + nε/2.
    """

    value: float
    gradient: Array
    """(n, n), like M."""


def smoothed_abscissa(matrix: Array, *, smoothing: float) -> SmoothedAbscissa:
    """α̃_ε and its gradient for M (n, n), ε = `smoothing` > 0, in the unit of M's eigenvalues.

    Raises
    ------
    SpecError : a matrix that is not square or not finite, or ε ≤ 0.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise SpecError("no spectrum", where="matrix", expected="(n, n), finite", got=str(matrix.shape))
    if not smoothing > 0:
        raise SpecError("bad value", where="smoothing", expected="a number > 0", got=repr(smoothing))
    triangle, basis = scipy.linalg.schur(matrix, output="real")

    def excess(s: float) -> float:
        # 1/tr P is nearly linear in s, tr P has a pole.
        return float(1.0 / np.trace(_lyapunov(triangle, s)) - smoothing)

    least = _abscissa(matrix) + 0.5 * smoothing
    most = float(np.linalg.eigvalsh(matrix + matrix.T)[-1] + len(matrix) * smoothing) / 2.0
    # The bounds are attained by multiples of the identity; rounding must not push the root out.
    slack = 1e-6 * smoothing
    value = float(scipy.optimize.brentq(excess, least - slack, most + slack, xtol=1e-12 * smoothing))
    p, q = _lyapunov(triangle, value), _lyapunov(triangle, value, transposed=True)
    return SmoothedAbscissa(value=value, gradient=basis @ (q @ p) @ basis.T / np.trace(q @ p))


def loop_matrix(forward: Sequence[Array], feedback: Array, *, leak: float, tau_soma: float = 1.0) -> Array:
    """M of d(δ_1, …, δ_{L−1}, u)/dt of the linear chain; for one matrix [[−I, B]/τ_v, [W, −αI]].

    forward : W_2..W_L, each (n_l, n_{l−1}); feedback : B (n_1, n_L); leak : α; tau_soma : τ_v/τ_u.
    """
    wanted = _path(forward).T.shape
    if feedback.shape != wanted:
        raise SpecError(
            "feedback weights B do not fit the forward weights",
            where="feedback weights",
            expected=f"{wanted} for forward weights {[w.shape for w in forward]}",
            got=str(feedback.shape),
            remedy="give B as (n_1, n_L), from the last layer to the first",
        )
    sizes = [forward[0].shape[1], *(w.shape[0] for w in forward)]
    ends = np.cumsum(sizes)
    blocks = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    matrix = -np.eye(ends[-1])
    matrix[blocks[0], blocks[-1]] = feedback
    for row, column, weights in zip(blocks[1:], blocks[:-1], forward, strict=True):
        matrix[row, column] = weights
    matrix[: ends[-2]] /= tau_soma
    matrix[blocks[-1], blocks[-1]] *= leak
    return matrix


def smoothed_loop_abscissa(
    forward: Sequence[Array], feedback: Array, *, leak: float, smoothing: float, tau_soma: float = 1.0
) -> SmoothedAbscissa:
    """α̃_ε of `loop_matrix`, with the gradient with respect to B alone, (n_1, n_L)."""
    matrix = loop_matrix(forward, feedback, leak=leak, tau_soma=tau_soma)
    whole = smoothed_abscissa(matrix, smoothing=smoothing)
    n_first, n_control = feedback.shape
    return SmoothedAbscissa(value=whole.value, gradient=whole.gradient[:n_first, -n_control:] / tau_soma)


def transposed_feedback(forward: Sequence[Array]) -> Array:
    """B = −(W_L⋯W_2)ᵀ for W_2..W_L, −Wᵀ for one matrix (Tr-Init; Podlaski and Machens 2020, sec. 3.2)."""
    return np.asarray(-_path(forward).T)


def stable_pair_feedback(
    forward: Array,
    *,
    generator: np.random.Generator,
    leak: float = 0.0,
    tau_soma: float = 1.0,
    scale: float = 0.01,
    margin: float | None = None,
) -> Array:
    """Random B (n_{l−1}, n_l) for W (n_l, n_{l−1}); as `stable_chain_feedback` (R-Init)."""
    return stable_chain_feedback(
        (forward,), generator=generator, leak=leak, tau_soma=tau_soma, scale=scale, margin=margin
    )


def stable_chain_feedback(
    forward: Sequence[Array],
    *,
    generator: np.random.Generator,
    leak: float = 0.0,
    tau_soma: float = 1.0,
    scale: float = 0.01,
    margin: float | None = None,
) -> Array:
    """B (n_1, n_L), uniform within ±scale, moved until all modes that B can reach decay faster than `margin`.

    Those modes belong to the r = rank(W_L⋯W_2) eigenvalues of W_L⋯W_2 B that can differ from zero; the others
    decay with 1/τ_v or α whatever B is. Stable with one α, they are so with every larger one. Where the leak
    alone gives the margin B is what was drawn; with leak = 0 the margin must come from B, and then for two
    layers (1+α)²(α − Re μ) > (Im μ)² holds at every α ≥ 0 (τ_v = 1; μ those eigenvalues).

    forward : W_2..W_L. leak : α of the loop, or less. tau_soma : τ_v/τ_u.
    margin : in 1/τ_u; None: a tenth of ‖W_L⋯W_2‖₂‖B‖₂ as drawn, or, if that is less, of 1/(L τ_v), where the
        two slowest modes of a chain of L parts meet. Chosen.

    Raises
    ------
    SpecError : weights that do not fit each other, or a margin that no B can reach.
    UnstableError : the descent ended before the margin was reached.
    """
    path = _path(forward)
    drawn = generator.uniform(-scale, scale, (path.shape[1], path.shape[0]))
    parts = len(forward) + 1
    if margin is None:
        gain = float(np.linalg.norm(path, 2) * np.linalg.norm(drawn, 2))
        margin = _MARGIN * min(gain, 1.0 / (parts * tau_soma))
    if not np.any(path):
        return drawn
    _check_margin(margin, min(1.0 / tau_soma, ((parts - 1) / tau_soma + leak) / parts))
    # Of u only the range of the path takes part in the loop, and of B only what it does there.
    left, strengths, _ = np.linalg.svd(path, full_matrices=False)
    rank = int(np.sum(strengths > strengths[0] * max(path.shape) * np.finfo(float).eps))
    seen = left[:, :rank]
    seen_forward = (*forward[:-1], seen.T @ forward[-1])
    moved = _descend(seen_forward, drawn @ seen, leak=leak, tau_soma=tau_soma, margin=margin)
    return np.asarray(drawn + (moved - drawn @ seen) @ seen.T)


def _descend(forward: Sequence[Array], start: Array, *, leak: float, tau_soma: float, margin: float) -> Array:
    """From `start` straight down the smoothed abscissa, until the abscissa itself is at most −margin."""
    first, inward = _first_units(forward[0], start)
    path = (first, *forward[1:])
    feedback = inward.T @ start
    # With r equal slow modes the smoothed abscissa lies rε/2 above them: half a margin.
    smoothing = margin / start.shape[1]
    length = _FIRST_STEP * float(np.linalg.norm(feedback))
    here: SmoothedAbscissa | None = None
    for _ in range(_MOST_STEPS):
        slowest = _abscissa(loop_matrix(path, feedback, leak=leak, tau_soma=tau_soma))
        if slowest <= -margin:
            return np.asarray(start + inward @ (feedback - inward.T @ start))
        if here is None:
            here = smoothed_loop_abscissa(path, feedback, leak=leak, smoothing=smoothing, tau_soma=tau_soma)
        trial = feedback - length * here.gradient / np.linalg.norm(here.gradient)
        there = smoothed_loop_abscissa(path, trial, leak=leak, smoothing=smoothing, tau_soma=tau_soma)
        if there.value < here.value:
            feedback, here, length = trial, there, _LENGTHEN * length
        else:
            length *= _SHORTEN
    raise UnstableError(
        f"found no stable random feedback in {_MOST_STEPS} steps",
        where="feedback weights",
        expected=f"every mode to decay faster than {margin:.3g}",
        got=f"a slowest rate of {-slowest:.3g}",
        remedy="raise the leak α, lower the margin, or start from the negative transpose",
    )


def _check_margin(margin: float, reach: float) -> None:
    if not 0 < margin < reach:
        raise SpecError(
            "no feedback reaches this margin",
            where="margin",
            expected=f"above 0 and below {reach:.4g}, the mean decay rate of the modes",
            got=f"{margin:g}",
            remedy="lower the margin, or raise the leak α",
        )


def _first_units(first: Array, feedback: Array) -> tuple[Array, Array]:
    """W_2 on the directions of δ_1 that B drives or W_2 reads, and these directions, (n_1, k).

    All others decay on their own, and the gradient vanishes there.
    """
    n_second, n_first = first.shape
    if n_second + feedback.shape[1] >= n_first:
        return first, np.eye(n_first)
    inward, _ = np.linalg.qr(np.hstack([first.T, feedback]))
    return first @ inward, inward


def _lyapunov(triangle: Array, s: float, *, transposed: bool = False) -> Array:
    """P of (T − sI)P + P(T − sI)ᵀ = −I, or of the transposed equation, for T from a Schur decomposition."""
    shifted = triangle - s * np.eye(len(triangle))
    trana, tranb = ("T", "N") if transposed else ("N", "T")
    solution, factor, _ = scipy.linalg.lapack.dtrsyl(
        shifted, shifted, -np.eye(len(triangle)), trana=trana, tranb=tranb
    )
    return np.asarray(solution * factor)


def _abscissa(matrix: Array) -> float:
    return float(np.linalg.eigvals(matrix).real.max())


def _path(forward: Sequence[Array]) -> Array:
    """W_L⋯W_2; SpecError if they do not follow each other."""
    shapes = [w.shape for w in forward]
    good = bool(shapes) and all(len(shape) == 2 for shape in shapes)
    if not good or any(after[1] != before[0] for before, after in pairwise(shapes)):
        raise SpecError(
            "forward weights do not follow each other",
            where="forward weights",
            expected="W_2..W_L, each (n_l, n_{l−1})",
            got=str(shapes),
            remedy="leave W_1 out",
        )
    return reduce(np.matmul, reversed(forward))
