"""Settle times of traces whose settling is known."""

import warnings

import numpy as np
import pytest

from neurosim.analysis import settle_time
from neurosim.result import Trace

DT, N = 1e-3, 4000
TIMES = DT * np.arange(N)


def trace_of(*columns: np.ndarray) -> Trace:
    """Columns (n_times,) or (n_times, n_units)."""
    return Trace(values=np.stack([c.reshape(len(c), -1) for c in columns]), unit="V", dt=DT)


def first_inside(tau: float, within: float, n: int = N) -> float:
    """The first sample at which e^{−t/τ} is within a fraction of its excursion from its end."""
    end = np.exp(-(n - 1) * DT / tau)
    return float(np.ceil(-tau / DT * np.log(end + within * (1 - end))) * DT)


@pytest.mark.parametrize("within", [0.01, 0.1, 0.3])
def test_exponentials_settle_exactly(within: float) -> None:
    """To the very sample, whatever sign, size and offset."""
    taus = (0.05, 0.2, 0.31)
    columns = [7.0 - (-3.0) ** k * np.exp(-TIMES / tau) for k, tau in enumerate(taus)]
    np.testing.assert_allclose(
        settle_time(trace_of(*columns), within=within),
        [first_inside(tau, within) for tau in taus],
        rtol=1e-14,  # samples times dt
    )


@pytest.mark.parametrize("start", [1, 100, 1000])
def test_time_counts_from_the_start_that_is_given(start: int) -> None:
    before = np.random.default_rng(0).standard_normal(start)
    column = np.concatenate([before, np.exp(-TIMES / 0.1)])
    assert settle_time(trace_of(column), start=start)[0] == pytest.approx(first_inside(0.1, 0.01), rel=1e-14)


def test_the_slowest_unit_of_a_column_counts() -> None:
    column = np.stack([np.exp(-TIMES / tau) for tau in (0.05, 0.2, 0.1)], axis=1)
    assert settle_time(trace_of(column))[0] == pytest.approx(first_inside(0.2, 0.01), rel=1e-14)


def test_the_last_departure_counts() -> None:
    """A pulse at 2 s leaves again after it had come to rest."""
    column = np.where(TIMES < 0.1, 1.0, 0.0)
    column[2000:2010] = 0.5
    assert settle_time(trace_of(column))[0] == pytest.approx(2.010, rel=1e-14)


def test_rest_is_settled_from_the_start() -> None:
    assert settle_time(trace_of(np.full(N, 0.3)))[0] == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 2000, N - 1])
def test_what_never_settles_is_nan(bad: float, place: int) -> None:
    """A ramp, an oscillation and a run that went out of bounds; their neighbours are not affected."""
    broken = np.exp(-TIMES / 0.1)
    broken[place] = bad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times = settle_time(trace_of(TIMES, np.sin(40 * TIMES), broken, np.exp(-TIMES / 0.1)))
    assert np.isnan(times[:3]).all()
    assert times[3] == pytest.approx(first_inside(0.1, 0.01), rel=1e-14)
