"""Noise of an emulated chip against the theory of the linear stochastic equation that is stepped."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.emulate import VirtualChip, Weights
from neurosim.spec import Protocol, Spec
from tests.systems.nets import random_dataset, spec_of, stimulus_of

BATCH, STEPS, KEEP = 64, 4000, 5
WHITE = {kind: {"flicker": "0 V^2*um^2"} for kind in ("n", "p")}
"""Of what wanders more slowly than all that is measured here, see `test_wander`."""


def _spec(tau_apical: float) -> Spec:
    return spec_of(
        [3, 16, 4],
        network={"tau_apical_ratio": tau_apical},
        chip={"name": "subthreshold_180nm", "mismatch": False, "process": WHITE},
        task={"loss": "squared_error"},
        run={"batch": BATCH, "dt_ratio": 0.02, "trace_steps": KEEP},
    )


def _silent(spec: Spec) -> Weights:
    """No weights at all: every neuron is an Ornstein–Uhlenbeck process of its own."""
    weights = Weights.initial(spec)
    return attrs.evolve(
        weights,
        forward=tuple(0 * w for w in weights.forward),
        feedback=tuple(0 * q for q in weights.feedback),
    )


def _traces(spec: Spec, backend: str, variable: str) -> np.ndarray:
    chip = VirtualChip(spec, backend=backend)
    passage = chip.show(
        stimulus_of(random_dataset(spec, 1), BATCH),
        weights=_silent(spec),
        protocol=Protocol(dt_ratio=0.02, settle_steps=STEPS, learn_steps=0),
        learning=False,
        traced=(0, 1),
        trace_steps=KEEP,
    )
    values = passage.traces["layer_1"][variable].values / float(chip.chip.voltage_unit)
    started = 40  # 200 steps, 20 time constants: the start at 0 is forgotten
    return values[:, started:].transpose(0, 2, 1).reshape(-1, values.shape[1] - started)


def _autocovariance(series: np.ndarray, lags: int) -> np.ndarray:
    """(n_series, lags), the mean being known to be 0."""
    n = series.shape[1]
    return np.stack([(series[:, : n - lag] * series[:, lag:]).mean(1) for lag in range(lags)], axis=1)


def _agrees(measured: np.ndarray, theory: np.ndarray) -> bool:
    """Each lag within three standard errors, which the independent series give by themselves."""
    error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
    return bool((np.abs(measured.mean(axis=0) - theory) <= 3 * error).all())


@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_soma_noise_has_the_variance_and_memory_of_theory(backend: str) -> None:
    """Instantaneous apical compartment. The stepped process is AR(1): a = 1 − h·leak/τ, variance s²h/(1 − a²)."""
    spec = _spec(0.0)
    layer = VirtualChip(spec, backend="numpy").deviations.layers[0]
    tau, h = 0.2, 0.02
    decay = 1 - h * float(layer.leak[0]) / tau
    strength = layer.soma_noise[0] ** 2 + (layer.apical_noise[0] / tau) ** 2
    variance = strength * h / (1 - decay**2)
    measured = _autocovariance(_traces(spec, backend, "soma"), 6)
    assert _agrees(measured, variance * decay ** (KEEP * np.arange(6)))


def test_apical_noise_has_the_variance_and_memory_of_theory() -> None:
    """With a time constant the apical compartment is an Ornstein–Uhlenbeck process itself."""
    spec = _spec(0.1)
    layer = VirtualChip(spec, backend="numpy").deviations.layers[0]
    tau, h = 0.1, 0.02
    decay = 1 - h * float(layer.apical.leak[0]) / tau  # finite gain included
    variance = (layer.apical_noise[0] / tau) ** 2 * h / (1 - decay**2)
    measured = _autocovariance(_traces(spec, "numpy", "apical"), 6)
    assert _agrees(measured, variance * decay ** (KEEP * np.arange(6)))


def test_small_steps_approach_the_continuous_variance() -> None:
    """S/(4g'C) of white noise with g' = g·leak, finite gain included; a first-order error in h/τ, below 1 % here."""
    spec = _spec(0.0)
    chip = VirtualChip(spec, backend="numpy").chip
    layer = VirtualChip(spec, backend="numpy").deviations.layers[0]
    tau, h = 0.2, 0.002
    strength = layer.soma_noise[0] ** 2 + (layer.apical_noise[0] / tau) ** 2
    leak = float(layer.leak[0])
    stepped = strength * h / (1 - (1 - h * leak / tau) ** 2)
    point = chip.soma_point(tau * chip.time_base)
    continuous = (
        3 * point.white / (4 * leak * point.conductance * chip.soma.capacitance) / chip.voltage_unit**2
    )
    assert stepped == pytest.approx(float(continuous), rel=0.01)


def test_columns_units_layers_sites_and_passages_have_noise_of_their_own() -> None:
    """Every correlation and moment within four standard errors: there are some hundred of them."""
    from neurosim.backend.noise import standard_normal

    index = np.arange(200_000)
    draws = [standard_normal(key, site, step, index) for key in (1, 2) for site in (0, 1) for step in (7, 8)]
    draws.append(standard_normal(1, 0, 7, index + 1))
    correlations = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlations).max() < 4 / np.sqrt(index.size)
    moments = np.array([[d.mean(), d.var() - 1, (d**3).mean(), (d**4).mean() - 3] for d in draws])
    errors = np.sqrt(np.array([1, 2, 15, 96]) / index.size)
    assert (np.abs(moments) < 4 * errors).all()
