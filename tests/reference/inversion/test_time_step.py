"""Just below the largest time step everything decays, just above something grows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.errors import SpecError, UnstableError
from neurosim.reference.inversion import (
    Pair,
    PairState,
    check_step,
    gain_limit_explicit,
    gain_limit_semi_implicit,
    is_stable,
    largest_step,
    modes,
    settle_pair,
    step_limit_explicit,
    step_limit_semi_implicit,
)

from .cases import SHAPES, gain_pair, make_pair, normal

SCHEMES = ("explicit", "semi-implicit")
GAIN_LIMITS = {"explicit": gain_limit_explicit, "semi-implicit": gain_limit_semi_implicit}
STEP_LIMITS = {"explicit": step_limit_explicit, "semi-implicit": step_limit_semi_implicit}


def _spectral_radius(pair: Pair, dt: float, scheme: str) -> float:
    """Of one step, whose matrix is built from what the simulation does to unit vectors."""
    n_control, n_state = pair.forward.shape
    units = torch.eye(n_state + n_control, dtype=torch.float64)
    start = PairState(state=units[:, :n_state], control=units[:, n_state:])
    none = torch.zeros(n_state + n_control, n_control)
    end = settle_pair(pair, none, dt=dt, steps=1, scheme=scheme, start=start)
    return float(torch.linalg.eigvals(torch.cat([end.state, end.control], dim=1)).abs().max())


def _growth(pair: Pair, dt: float, scheme: str) -> float:
    """Size after 1000 steps from 1, without error."""
    start = PairState(state=torch.ones(1, 1), control=torch.ones(1, 1))
    end = settle_pair(pair, [[0.0]], dt=dt, steps=1000, scheme=scheme, start=start)
    return float(torch.maximum(end.state.abs(), end.control.abs()))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dt", [0.5, 1.5])
@pytest.mark.parametrize("leak", [0.0, 0.01, 0.5])
def test_gain_limits_of_the_facts(scheme: str, dt: float, leak: float) -> None:
    """2 % off the limit |z| is off 1 by 4e-3 or more, so 1000 steps change the size by e⁴ at the least."""
    limit = GAIN_LIMITS[scheme](dt, leak=leak)
    below = _growth(gain_pair(0.98 * limit, leak=leak), dt, scheme)
    above = _growth(gain_pair(1.02 * limit, leak=leak), dt, scheme)
    assert below < np.exp(-2)
    assert not above < np.exp(2)  # or no number any more


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("gain", [0.01, 0.2, 1.0, 30.0])
@pytest.mark.parametrize("leak", [0.0, 0.01, 0.5, 3.0])
def test_step_limits_of_one_gain(scheme: str, gain: float, leak: float) -> None:
    """The closed form is the general one, and the spectral radius crosses 1 there; 1e-6 is far above rounding."""
    pair = gain_pair(gain, leak=leak)
    limit = STEP_LIMITS[scheme](gain, leak=leak)
    assert largest_step(pair, scheme=scheme) == pytest.approx(limit, rel=1e-12)
    assert _spectral_radius(pair, (1 - 1e-6) * limit, scheme) < 1
    assert _spectral_radius(pair, (1 + 1e-6) * limit, scheme) > 1


@pytest.mark.parametrize("leak", [0.0, 0.01, 0.5])
def test_step_limits_invert_the_gain_limits(leak: float) -> None:
    for gain in (0.3, 2.0, 50.0):
        dt = step_limit_semi_implicit(gain, leak=leak)
        assert gain_limit_semi_implicit(dt, leak=leak) == pytest.approx(gain, rel=1e-12)
        dt = step_limit_explicit(gain, leak=leak)
        assert gain_limit_explicit(dt, leak=leak) == pytest.approx(gain, rel=1e-12)


def test_the_explicit_gain_limit_alone_is_not_enough_for_large_steps() -> None:
    """Modes that do not oscillate need dt < 2/|λ| as well: k = 0.01 passes (1+α)/dt − α at dt = 2.5."""
    assert gain_limit_explicit(2.5, leak=0.01) > 0.01
    # Grown beyond bounds, or no number any more.
    assert not _growth(gain_pair(0.01, leak=0.01), 2.5, "explicit") < 1e10
    assert step_limit_explicit(0.01, leak=0.01) < 2.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("swapped", [False, True])
def test_any_spectrum(scheme: str, shape: tuple[int, int], swapped: bool) -> None:
    """Complex eigenvalues, any time constants: below the limit every step decays, right above it grows."""
    draw = np.random.default_rng(0)
    found = 0
    for _ in range(40):
        taus = {"tau_state": 10.0 ** draw.uniform(-1, 1), "tau_control": 10.0 ** draw.uniform(-1, 1)}
        pair = make_pair(draw, shape, leak=10.0 ** draw.uniform(-2, 0.5), swapped=swapped, **taus)
        if not is_stable(pair):
            continue
        found += 1
        limit = largest_step(pair, scheme=scheme)
        # Near the border |z| is 1 − O(1e-6), and rounding of the eigenvalues 1e-13.
        for part in (0.02, 0.2, 0.5, 0.8, 0.95, 1 - 1e-6):
            assert _spectral_radius(pair, part * limit, scheme) < 1
        assert _spectral_radius(pair, (1 + 1e-6) * limit, scheme) > 1
    assert found > 10
    assert np.abs(modes(pair).imag).max() > 0


def test_positive_eigenvalues_below_the_leak_are_covered() -> None:
    """0 < μ < α slows a stable pair down; the limits hold there too."""
    for leak in (0.5, 1.0, 2.0):
        pair = gain_pair(-0.4 * leak, leak=leak)
        assert is_stable(pair)
        for scheme in SCHEMES:
            limit = largest_step(pair, scheme=scheme)
            assert _spectral_radius(pair, (1 - 1e-6) * limit, scheme) < 1
            assert _spectral_radius(pair, (1 + 1e-6) * limit, scheme) > 1


def test_units_outside_the_loop_have_a_limit_too() -> None:
    """With μ = 0.4α the loop would take dt = 2.1, but the second unit of x decays with 1 and takes 2."""
    root = 0.36**0.5
    pair = Pair(forward=[[root, 0.0]], feedback=[[root], [0.0]], leak=0.9)
    assert largest_step(gain_pair(-0.36, leak=0.9), scheme="semi-implicit") > 2.05
    assert largest_step(pair, scheme="semi-implicit") == pytest.approx(2.0, rel=1e-12)
    assert _spectral_radius(pair, 2.0 + 1e-6, "semi-implicit") > 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_forbidden_step_is_refused_with_one_that_works(scheme: str) -> None:
    pair = make_pair(np.random.default_rng(1), (4, 6), leak=0.2)
    assert is_stable(pair)
    limit = largest_step(pair, scheme=scheme)
    check_step(pair, 0.999 * limit, scheme=scheme)
    for dt in (limit, 1.5 * limit, 0.0, -0.1, float("nan")):
        with pytest.raises(UnstableError) as caught:
            check_step(pair, dt, scheme=scheme, where="layer 3")
        assert caught.value.where == "layer 3"
        assert f"{limit:.6g}" in caught.value.expected
    check_step(pair, float(caught.value.remedy.split()[3].strip(",")), scheme=scheme)


def test_an_unstable_pair_is_refused_at_any_step() -> None:
    w = normal(np.random.default_rng(2), 4, 6)
    pair = Pair(forward=w, feedback=w.T, leak=0.01)
    for scheme in SCHEMES:
        assert largest_step(pair, scheme=scheme) == 0
        with pytest.raises(UnstableError, match="any time step"):
            check_step(pair, 1e-3, scheme=scheme)
    with pytest.raises(SpecError, match="explicit"):
        check_step(pair, 1e-3, scheme="implicit")
