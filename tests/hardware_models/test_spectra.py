"""Noise as it is stepped, against its theory: spectra over four decades, variances, independence."""

from __future__ import annotations

from functools import cache

import attrs
import numpy as np
import pytest
from brian2 import pfarad
from scipy.signal import lfilter, welch
from scipy.stats import chi2

from hardware_models import Chip, load_preset
from hardware_models.noise import Relaxations, flicker_relaxations, leaky_integrator_variance
from neurosim.equations.controller import output_group, output_stages
from neurosim.equations.layer import LayerDesign, layer_code, layer_group
from neurosim.equations.model import Group
from neurosim.equations.noises import APICAL_WHITE, SOMA_WHITE
from neurosim.equations.wander import Term, wander_of
from neurosim.spec.streams import stream
from tests.hardware_models.circuits import Array, run
from tests.systems.nets import spec_of

CHIP = attrs.evolve(load_preset("subthreshold_180nm").chip, mismatch=False)
SPEC = spec_of([3, 8, 10])
NETWORK = SPEC.network
CONFIDENCE = 0.999
"""That all the bands of one spectrum hold together; half of the rest above and half below."""
ALIKE = (4 / 9, 1 / 36)
"""Squared correlation of a Hann-windowed spectrum with its first and second neighbour."""


@attrs.frozen
class Bands:
    """A spectrum over its theory, in bands that are even on the logarithmic axis."""

    frequency: Array
    ratio: Array
    low: Array
    high: Array
    """Where the ratio is to be with `CONFIDENCE`, (n_bands,) all."""

    def hold(self, error: float = 0.0) -> bool:
        """Whether all are in, for a theory that is right but for a relative error."""
        return bool(((self.ratio > self.low - error) & (self.ratio < self.high + error)).all())


def compared(series: Array, dt: float, theory: Array) -> Bands:
    """Independent series (n_series, n) as one Welch segment each, from the third frequency of it on to n/2, over
    `theory` at their frequencies (n//2 + 1,).

    The mean of m neighbours of K periodograms is chi-square/ν with ν = 2K/(mean of their correlations): 2K for
    one frequency, 2Km/1.94 for many.
    """
    n = series.shape[1]
    frequency, power = welch(series, fs=1 / dt, nperseg=n, noverlap=0)
    ratio = power.mean(axis=0) / theory
    edges = np.unique(np.geomspace(2, n // 2, round(4 * np.log10(n / 4)) + 1).astype(int))  # four a decade
    m = np.diff(edges)
    common = (1 + 2 * sum(c * np.maximum(1 - k / m, 0) for k, c in enumerate(ALIKE, start=1))) / m
    freedom = 2 * len(series) / common
    outside = (1 - CONFIDENCE) / len(m) / 2

    def mean(values: Array) -> Array:
        return np.add.reduceat(values[: edges[-1]], edges[:-1]) / m

    return Bands(
        frequency=np.exp(mean(np.log(np.maximum(frequency, frequency[1])))),
        ratio=mean(ratio),
        low=chi2.ppf(outside, freedom) / freedom,
        high=chi2.isf(outside, freedom) / freedom,
    )


STEP = 0.05
"""Of τ_soma: sampling goes up to 63 times the corner of the spectrum."""


def theory_of(chip: Chip) -> tuple[float, float, float]:
    """One-sided S of the soma's current noise in A²/Hz (leak, basal and apical transconductor, four devices at I_b/2
    each), g in S with what finite gain leaks, and C in F."""
    tau = NETWORK.tau_soma_ratio * chip.time_base
    capacitance, gain = float(chip.soma.capacitance), 320 / 4  # at the divided input
    conductance = capacitance / float(tau) * (1 + 3 / gain)
    return 3 * float(chip.soma_point(tau).white), conductance, capacitance


@cache
def soma_noise() -> Array:
    """128 somata of the preset without input, (128, 40000), V, a step apart, after 20 τ."""
    tau = NETWORK.tau_soma_ratio * CHIP.time_base
    draw = CHIP.draw(NETWORK.layers, lambda name: stream(1, "chip", name), tau_soma=tau)
    assert draw is not None
    none = Relaxations(amplitudes=np.zeros(0), taus=np.zeros(0))
    term = Term(
        name="soma", relaxations=none, traps=None, step=STEP * float(tau), white=(SOMA_WHITE, APICAL_WHITE)
    )
    kind = LayerDesign(wander=wander_of("layer_1", [term]))
    group = layer_group(NETWORK, CHIP, draw.layers[0], index=1, columns=16, kind=kind)
    codes = layer_code(NETWORK, CHIP, draw.layers[0], index=1, kind=kind)
    trace = run(
        [group],
        "layer_1.soma",
        dt=STEP * float(tau),
        steps=40400,
        code=[code for code in codes if code.name in ("layer_1_white", "layer_1_flicker")],
        values={"layer_1.noise_key": 5},
    )
    return np.ascontiguousarray(trace[400:].T)


def test_spectrum_of_a_soma() -> None:
    """S/(g² + (2πfC)²), where the step has (e^{2πjfh} − 1)/h for 2πjf: over four decades within the band of the
    estimate, 9 % (σ) for one frequency of 128 series and .1 % in the uppermost band. From the law of continuous time
    it is hg/C + (2πfh)²/12 away, 5.3 % below a fiftieth of the sampling frequency."""
    density, g, c = theory_of(CHIP)
    h = STEP * float(NETWORK.tau_soma_ratio * CHIP.time_base)
    series = soma_noise()
    f = np.fft.rfftfreq(series.shape[1], h)
    stepped = density / abs(g + c * (np.exp(2j * np.pi * f * h) - 1) / h) ** 2
    bands = compared(series, h, stepped)
    assert bands.frequency[-1] / bands.frequency[0] > 0.5e4  # middles of bands; the edges are 1e4 apart
    assert bands.hold()
    continuous = compared(series, h, density / (g**2 + (2 * np.pi * f * c) ** 2))
    slow = continuous.frequency < 0.02 / h
    kept = Bands(*(values[slow] for values in attrs.astuple(continuous)))
    assert kept.hold(error=0.053)


def test_variance_of_a_soma() -> None:
    """S/(4gC), and 1/(1 − hg/2C) more for the step; four standard errors of n correlated samples, of which there are
    n(1 − a²)/(1 + a²) with a = 1 − hg/C: 1.6 %."""
    density, g, c = theory_of(CHIP)
    x = STEP * float(NETWORK.tau_soma_ratio * CHIP.time_base) * g / c
    series, a = soma_noise(), 1 - x
    continuous = float(leaky_integrator_variance(density, g, c))
    error = np.sqrt(2 * (1 + a**2) / (1 - a**2) / series.size)
    assert error < 0.005
    assert series.var() * (1 - x / 2) == pytest.approx(continuous, rel=4 * error)


EXPONENTS = (0.9, 1.0, 1.1)
LOWEST, HIGHEST, SAMPLES = 3e-7, 0.3, 2**20
"""Corners of the relaxations, of the sampling frequency; a decade from both ends there are four decades."""


@cache
def flicker_noise() -> dict[float, Array]:
    """Sums of relaxations for each exponent, (8, n): φ_k+1 = ρφ_k + √(1 − ρ²) N is exact at any step."""
    draw = np.random.default_rng(7)
    sums = {x: flicker_relaxations(2e-10, lowest=LOWEST, highest=HIGHEST, exponent=x) for x in EXPONENTS}
    series = {x: np.zeros((8, SAMPLES)) for x in EXPONENTS}
    for k, tau in enumerate(sums[1.0].taus):
        rho = np.exp(-1 / tau)
        for row in range(8):
            drawn = draw.standard_normal(SAMPLES + 1)
            phi, _ = lfilter([np.sqrt(1 - rho**2)], [1, -rho], drawn[1:], zi=[rho * drawn[0]])
            for x in EXPONENTS:
                series[x][row] += sums[x].amplitudes[k] * phi
    return series


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_spectrum_of_flicker_noise(exponent: float) -> None:
    """Within the band of the estimate of what sampled relaxations have, Σ 2a²(1 − ρ²)/|1 − ρe^{−2πjf}|²; of
    density/f^x that is 7 % off by the ripple of one relaxation a decade, and up to 4 % by what is folded back
    from above the sampling frequency. The exponent, from four decades of bands weighted alike, to .05."""
    series = flicker_noise()[exponent]
    made = flicker_relaxations(2e-10, lowest=LOWEST, highest=HIGHEST, exponent=exponent)
    f = np.fft.rfftfreq(SAMPLES)
    f[0] = f[1]  # where no law holds, and no band is
    turn, rho = np.exp(2j * np.pi * f), np.exp(-1 / made.taus)[:, None]
    sampled = (2 * made.amplitudes[:, None] ** 2 * (1 - rho**2) / abs(turn - rho) ** 2).sum(axis=0)
    assert compared(series, 1.0, sampled).hold()
    law = 2e-10 / f**exponent
    bands = compared(series, 1.0, law)
    kept = (bands.frequency > 10 * LOWEST) & (bands.frequency < 0.1 * HIGHEST)
    inside = Bands(*(values[kept] for values in attrs.astuple(bands)))
    assert inside.frequency[-1] / inside.frequency[0] > 0.5e4  # middles of bands, whose edges are 1e4 apart
    assert inside.hold(error=0.11)
    slope = np.polyfit(np.log(inside.frequency), np.log(inside.ratio), 1)[0]
    assert abs(slope) < 0.05


def test_noise_of_sampling() -> None:
    """What the controller's hold draws at every sample: √(kT/C) at 10 pF, four standard errors, σ/√2n; and none of
    it is found in the next sample, the one after, or the next column's: four of 1/√n."""
    columns = 100
    group = output_group(NETWORK, SPEC.method, CHIP, columns=columns, mismatched=False)
    still = Group(name="layer_2", n_units=10, n_columns=columns, equations="rate : 1\nsoma : volt")
    hold = attrs.evolve(output_stages(NETWORK, "squared_error", CHIP, columns=columns)[0][0], gate="always")
    held = run(
        [still, group],
        "controller.held",
        dt=float(CHIP.time_base),
        steps=1000,
        code=[hold],
        values={"controller.noise_key": 3},
    )
    volts = held * float(CHIP.voltage_unit)
    capacitance = float(CHIP.hold.capacitance)
    assert capacitance == pytest.approx(float(10 * pfarad), rel=1e-15)
    sigma, error = np.sqrt(1.380649e-23 * 300.15 / capacitance), 4 / np.sqrt(volts.size)
    assert volts.std() == pytest.approx(sigma, rel=error / np.sqrt(2))
    assert abs(volts.mean()) < error * sigma
    seen = volts / sigma
    for one, other in ((seen[1:], seen[:-1]), (seen[2:], seen[:-2]), (seen[:, 1:], seen[:, :-1])):
        assert abs((one * other).mean()) < error * 1.001
