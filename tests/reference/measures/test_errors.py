"""Errors of regressions and of decoders against their definitions."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError
from neurosim.reference import feedforward
from neurosim.reference.measures import (
    normalised_error,
    reconstruction_errors,
    squared_error,
    unexplained_variance,
)
from neurosim.reference.training import Shown
from neurosim.spec import MethodSettings

from ..cases import make_data, make_network, make_parameters


def test_the_normalised_error_starts_at_one() -> None:
    draw = np.random.default_rng(0)
    output, desired = draw.standard_normal((20, 3)), draw.standard_normal((20, 3))
    start = squared_error(output, desired)
    assert start == pytest.approx(float(((output - desired) ** 2).sum()), rel=1e-14)
    assert normalised_error(output, desired, reference=start) == 1.0
    halved = desired + 0.5 * (output - desired)
    assert normalised_error(halved, desired, reference=start) == pytest.approx(0.25, rel=1e-14)
    with pytest.raises(DataError, match="reference"):
        normalised_error(output, desired, reference=0.0)
    with pytest.raises(DataError, match="desired"):
        squared_error(output, desired[:, :2])


def test_a_constant_leaves_all_the_variance_unexplained() -> None:
    """However small the normalised error of the mean is."""
    draw = np.random.default_rng(0)
    desired = 5.0 + 0.01 * draw.standard_normal((50, 3))
    constant = np.tile(desired.mean(0), (50, 1))
    assert unexplained_variance(constant, desired) == pytest.approx(1.0, rel=1e-12)
    assert normalised_error(constant, desired, reference=squared_error(0 * desired, desired)) < 1e-5
    assert unexplained_variance(desired, desired) == 0.0
    shrunk = constant + 0.9 * (desired - constant)
    assert unexplained_variance(shrunk, desired) == pytest.approx(0.01, rel=1e-10)
    assert math.isnan(unexplained_variance(np.ones((4, 2)), np.full((4, 2), 0.1)))
    assert math.isnan(unexplained_variance(np.ones((0, 2)), np.ones((0, 2))))


def test_decoders_are_measured_by_what_they_give_back() -> None:
    network = make_network(4, 5, 4, 3)
    parameters = make_parameters(network)
    draw = torch.Generator().manual_seed(0)
    decoders = tuple(torch.randn(n, m, generator=draw, dtype=torch.float64) for n, m in ((5, 4), (4, 3)))
    parameters = attrs.evolve(parameters, feedback=decoders)
    inputs, desired = make_data(network, "squared_error")
    method = MethodSettings(name="DTP")
    shown = Shown.of(network, parameters, method, inputs, desired, loss="squared_error")
    got = reconstruction_errors(shown)
    soma = feedforward(network, parameters, inputs).soma
    for l, decoder in enumerate(decoders):
        for k in range(len(inputs)):
            missed = soma[l][k] - decoder @ torch.tanh(soma[l + 1][k])
            expected = float(missed.square().sum() / soma[l][k].square().sum())
            assert float(got[l, k]) == pytest.approx(expected, rel=1e-12)
    blank = attrs.evolve(shown, parameters=attrs.evolve(parameters, feedback=tuple(0 * d for d in decoders)))
    assert (reconstruction_errors(blank) == 1.0).all()
