"""The time steps with which a pair of layers can be simulated, from its spectrum; simulates nothing.

Explicit Euler steps x and u at once; semi-implicit Euler steps u first, and x with the new u.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial import Polynomial

from neurosim.errors import SpecError, UnstableError, nearest
from neurosim.reference.inversion.pair import Pair
from neurosim.reference.inversion.pair_stability import constants, is_stable, modes, rates, remaining_rates


def gain_limit_explicit(dt: float, *, leak: float) -> float:
    """With an eigenvalue −k of WB explicit Euler diverges for k > (1+α)/dt − α; τ = 1.

    For k below, down to −α, it decays as long as dt < 2/max(1, α).
    """
    return (1.0 + leak) / dt - leak


def gain_limit_semi_implicit(dt: float, *, leak: float) -> float:
    """As before for semi-implicit Euler: k < (4 − 2dt − 2α dt + α dt²)/dt²; τ = 1, dt < 2/max(1, α)."""
    return (4.0 - 2.0 * dt - 2.0 * leak * dt + leak * dt**2) / dt**2


def step_limit_explicit(gain: float, *, leak: float) -> float:
    """The dt below which explicit Euler decays for the eigenvalue −k of WB, k = `gain` > −α; τ = 1.

    (1+α)/(k+α) if the modes oscillate; if not, 2/|λ| of the faster one, which is less.
    """
    discriminant = (1.0 - leak) ** 2 - 4.0 * gain
    if discriminant < 0:
        return (1.0 + leak) / (gain + leak)
    return 4.0 / (1.0 + leak + math.sqrt(discriminant))


def step_limit_semi_implicit(gain: float, *, leak: float) -> float:
    """4/(1 + α + √((1−α)² + 4k)): `gain_limit_semi_implicit` solved for dt; k = `gain` ≥ 0, τ = 1."""
    return 4.0 / (1.0 + leak + math.sqrt((1.0 - leak) ** 2 + 4.0 * gain))


def largest_step(pair: Pair, *, scheme: str) -> float:
    """Every dt below it lets the scheme decay, whatever the spectrum of WB; 0 for an unstable pair.

    dt has the unit of τ_v and τ_u. scheme : "explicit" or "semi-implicit".

    Raises
    ------
    SpecError : an unknown scheme.
    """
    if scheme not in _LIMITS:
        raise SpecError(
            f'unknown scheme "{scheme}"',
            expected="one of " + ", ".join(_LIMITS),
            remedy=nearest(scheme, _LIMITS),
        )
    return _LIMITS[scheme](pair) if is_stable(pair) else 0.0


def check_step(pair: Pair, dt: float, *, scheme: str, where: str = "pair") -> None:
    """Refuse a dt that the spectrum forbids. `where` names the pair in errors.

    Raises
    ------
    UnstableError : with the largest step that works, or that none does.
    SpecError : an unknown scheme.
    """
    largest = largest_step(pair, scheme=scheme)
    if largest == 0:
        raise UnstableError(
            "the pair does not settle with any time step",
            where=where,
            expected="every mode to decay",
            got=f"a mode with the real part {modes(pair).real.max():.3g}",
            remedy="raise the leak α, swap the leaks of an expanding layer, or draw a stable feedback",
        )
    if not 0 < dt < largest:
        raise UnstableError(
            f"the spectrum of WB forbids this time step with {scheme} Euler",
            where=where,
            expected=f"above 0 and below {largest:.6g}",
            got=f"{dt:g}",
            remedy=f"set dt to {0.9 * largest:.2g}, or scale the feedback weights down",
        )


def _largest_explicit(pair: Pair) -> float:
    """|1 + λ dt| < 1, that is dt < −2 Re λ/|λ|², for every mode."""
    values = modes(pair)
    return float((-2.0 * values.real / np.abs(values) ** 2).min())


def _largest_semi_implicit(pair: Pair) -> float:
    a, c = rates(pair)
    limits = [2.0 / rate for rate in remaining_rates(pair)]
    limits += [_first_failure(a, c, complex(q)) for q in constants(pair)]
    return min(limits)


def _first_failure(a: float, c: float, q: complex) -> float:
    """The least dt > 0 at which the step of two stable modes, λ² + (a+c)λ + q = 0, stops to decay.

    One step has the characteristic polynomial z² − Tz + D, D = (1 − a dt)(1 − c dt), T = 1 + D − q dt².
    Both roots lie within the unit circle iff |D| < 1 and (Re T/(1+D))² + (Im T/(1−D))² < 1. Multiplied out
    and divided by dt⁴: (p − ac dt)² Re q (2(1+D) − Re q dt²) > (Im q)² (1+D)², a quartic in dt.
    """
    p, product = a + c, a * c
    below, above = Polynomial([p, -product]), Polynomial([2.0, -p, product])  # (1 − D)/dt, 1 + D
    quartic = below**2 * q.real * (2.0 * above - Polynomial([0.0, 0.0, q.real])) - q.imag**2 * above**2
    # For real q in closed form: there the quartic has a double root, which is found to half the digits only.
    ends = [4.0 / (p + math.sqrt(max(0.0, (a - c) ** 2 + 4.0 * (q.real - product))))]
    if product > 0:
        ends.append(p / product)
    ends += [float(x) for x in quartic.roots().real if x > 0]
    ends = sorted(set(ends))
    # Candidates too many do no harm, for the criterion decides between each two of them.
    for start, end in zip([0.0, *ends], [*ends, 2.0 * ends[-1]], strict=True):
        middle = 0.5 * (start + end)
        if not (quartic(middle) > 0 and below(middle) > 0 and above(middle) > 0):
            return start
    return ends[-1]


_LIMITS: dict[str, Callable[[Pair], float]] = {
    "explicit": _largest_explicit,
    "semi-implicit": _largest_semi_implicit,
}
