"""What a noise amounts to, said without units."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.spec.noise_source import NoiseSource


def source(*, amplitudes: list[float], steps: list[list[float]], white: float = 0.0) -> NoiseSource:
    jumps = np.array(steps, float)
    return NoiseSource(
        white=white,
        amplitudes=np.array(amplitudes),
        taus=np.ones(len(amplitudes)),
        steps=jumps,
        capture=np.full_like(jumps, 3.0),
        emission=np.ones_like(jumps),
    )


def test_the_variance_is_that_of_what_remembers() -> None:
    """Σ a², and of a trap that is up a quarter of the time Δ²·3/16, mean over units."""
    found = source(amplitudes=[3.0, 4.0], steps=[[4.0, 0.0], [0.0, 8.0]], white=5.0)
    assert found.variance == pytest.approx(25 + (16 + 64) * 3 / 16 / 2, rel=1e-15)
    assert found.wandering


def test_white_noise_remembers_nothing() -> None:
    quiet = source(amplitudes=[], steps=[[]], white=2.0)
    assert not quiet.wandering
    assert quiet.variance == 0
    assert source(amplitudes=[], steps=[[1.0]]).wandering
