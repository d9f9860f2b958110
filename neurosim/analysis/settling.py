"""When a trace has come to rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.result import Trace

FEWEST_SAMPLES = 10
"""A tenth of the trace must be at least one sample."""


def settle_time(trace: Trace, *, within: float = 0.01, start: int = 0) -> NDArray[np.float64]:
    """Time from sample `start` until a column stays within a fraction of its excursion from its end, s.

    Returns
    -------
    (n_columns,); NaN for a column that still moved that much in the last tenth of the trace, for one that is
    not finite throughout, and for fewer than FEWEST_SAMPLES samples.
    """
    values = trace.values[:, start:]
    if values.shape[1] < FEWEST_SAMPLES:
        return np.full(len(values), np.nan)
    finite = np.asarray(np.isfinite(values).all(axis=(1, 2)))
    values = np.where(finite[:, None, None], values, 0.0)
    distance = np.abs(values - values[:, -1:]).max(axis=2)
    excursion = distance.max(axis=1, keepdims=True)
    outside = distance > within * excursion
    n_times = values.shape[1]
    last_outside = n_times - 1 - np.argmax(outside[:, ::-1], axis=1)
    samples = np.where(outside.any(axis=1), last_outside + 1, 0)
    return np.where(finite & (samples <= 0.9 * n_times), samples * trace.dt, np.nan)
