"""1/f noise, telegraph noise and the controller's white noise as they are stepped, against their theory over four
decades: one run of a layer and a controller, of which three variables are looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import attrs
import numpy as np
import pytest
from brian2 import Quantity, amp, metre, second, umetre, volt
from scipy.optimize import curve_fit
from scipy.signal import welch

from hardware_models import Chip, QuantityError, load_preset
from hardware_models.current_noise import CurrentNoise, integrator_current_noise, soma_current_noise
from hardware_models.ekv import Transistor
from hardware_models.noise import Relaxations, Telegraph
from hardware_models.traps import TrapDraw, Traps, draw_traps
from neurosim.backend import Stimulus, build_emulator
from neurosim.backend.compiler import missing_tools
from neurosim.equations.controller import controller_group
from neurosim.equations.layer import LayerDesign, layer_code, layer_group
from neurosim.equations.model import SCHEDULE, GatedCode, Model, Program
from neurosim.equations.noises import APICAL_WHITE, SOMA_WHITE
from neurosim.equations.operations import Finish, Record
from neurosim.equations.wander import Term, Wander, wander_of
from neurosim.spec.streams import stream
from tests.hardware_models.circuits import SCHEDULE_GROUP, Array
from tests.hardware_models.test_spectra import Bands, compared
from tests.systems.nets import spec_of

FLICKER = 1e-7 * volt**2 * umetre**2
"""Some 400 times that of the preset: 1/f and white noise of a soma are alike at 1.5 kHz, of the controller at .1."""


def _chip() -> Chip:
    chip = attrs.evolve(load_preset("subthreshold_180nm").chip, mismatch=False)
    n, p = (attrs.evolve(mos, flicker=FLICKER) for mos in (chip.process.n, chip.process.p))
    return attrs.evolve(chip, process=attrs.evolve(chip.process, n=n, p=p))


CHIP = _chip()
SPEC = spec_of([3, 8], network={"tau_basal_ratio": 0.1}, method={"leak": 0.3})
NETWORK = SPEC.network
TAU = NETWORK.tau_soma_ratio * CHIP.time_base
STEP = 0.05 * TAU
STEPS, STARTED = 44000, 4000
"""The controller starts at 0 and has forgotten it after 12 of its time constants: e^−12."""
TRAP = Telegraph(step=1e-12, tau_capture=3e-3, tau_emission=1e-3)
"""Corner at 212 Hz."""
SOMA = soma_current_noise(CHIP, TAU, inputs=2)
CONTROL = integrator_current_noise(CHIP, SPEC.method.leak)
NONE = Relaxations(amplitudes=np.zeros(0), taus=np.zeros(0))


def wanders() -> tuple[Wander, Wander]:
    """Of the layer, a soma with 1/f noise and a dendrite with one trap a unit, and of the controller."""
    h = float(STEP)
    traps = TrapDraw(
        current=np.full((8, 1), TRAP.step) * amp,
        capture=np.full((8, 1), TRAP.tau_capture),
        emission=np.full((8, 1), TRAP.tau_emission),
    )
    slowest = CHIP.slowest_noise
    return (
        wander_of(
            "layer_1",
            [
                Term(
                    name="soma",
                    relaxations=SOMA.relaxations(slowest, STEP),
                    traps=None,
                    step=h,
                    white=(SOMA_WHITE, APICAL_WHITE),
                ),
                Term(name="basal", relaxations=NONE, traps=traps, step=h),
            ],
        ),
        wander_of(
            "controller",
            [Term(name="integrator", relaxations=CONTROL.relaxations(slowest, STEP), traps=None, step=h)],
        ),
    )


@cache
def recorded() -> dict[str, Array]:
    """8 units in 16 columns, (128, 40000) of soma and integrator, V, and of the current of the traps, A."""
    layer_wander, control_wander = wanders()
    draw = CHIP.draw(NETWORK.layers, lambda name: stream(1, "chip", name), tau_soma=TAU)
    assert draw is not None
    kind = LayerDesign(wander=layer_wander)
    layer = layer_group(NETWORK, CHIP, draw.layers[0], index=1, columns=16, kind=kind)
    control = controller_group(NETWORK, SPEC.method, CHIP, draw, columns=16, wander=control_wander)
    layer = attrs.evolve(layer, equations=f"{layer.equations}\nstored : amp")
    store = GatedCode(
        name="store", group="layer_1", code="stored = basal_wander", gate="always", slot="end", order=0
    )
    sources = ("layer_1.soma", "layer_1.stored", "controller.integrator")
    white = [
        code
        for code in layer_code(NETWORK, CHIP, draw.layers[0], index=1, kind=kind)
        if code.name == "layer_1_white"
    ]
    record = Record(name="trace", sources=sources, sizes=(128,) * 3, gate="trace")
    model = Model(
        groups=(SCHEDULE_GROUP, layer, control),
        code=(*layer_wander.code, *control_wander.code, *white, store),
        programs=(Program(name="end", operations=(record, Finish()), slot="end", order=5),),
        dt=float(STEP),
        layers=(3, 8),
        n_columns=16,
        traced={},
        endings=(),
    )
    schedule = {"period": STEPS, "settle_steps": STEPS, "plastic_from": STEPS, "presentations": 1}
    schedule |= {"trace_first": 0, "trace_last": 1, "trace_stride": 1}
    generator = np.random.default_rng(11)
    starts = {
        f"{group.name}.{state}": generator.standard_normal(128)
        for group in (layer, control)
        for state, start in group.wander.items()
        if start == "normal"
    }
    nothing = Stimulus(inputs=np.zeros((1, 1)), desired=np.zeros((1, 1)), order=np.zeros((1, 16), np.int32))
    values = {f"{SCHEDULE}.{name}": float(value) for name, value in schedule.items()} | {
        "layer_1.noise_key": 5.0,
        "controller.noise_key": 6.0,
        "controller.engaged": 1.0,
        "layer_1.basal_gain": 0.0,  # what is in the dendrite stays there
        "controller.error_offset": 0.0,
        "controller.droop_rate": 0.0,
        "layer_1.offset": 0.0,
    }
    engine = "numpy" if missing_tools() else "cpp"  # the same to rounding, see `test_backends_agree`
    trace = build_emulator(model, engine).run(nothing, values={**values, **starts}, outputs=()).files["trace"]
    kept = np.ascontiguousarray(trace[STARTED:].T)
    return dict(zip(("soma", "traps", "integrator"), np.split(kept, 3), strict=True))


def frequencies() -> Array:
    """Of the spectra, Hz; the first, where no law holds and no band is, is taken as the second."""
    f = np.fft.rfftfreq(STEPS - STARTED, float(STEP))
    f[0] = f[1]
    return f


def seen(density: Callable[[Array], Array]) -> Array:
    """What a Hann window shows of a density: in the lowest forty frequencies, where it is steep, its mean over the
    window's lobe, |sin(πx)/(πx(1 − x²))|² in units of their distance; elsewhere itself."""
    f = frequencies()
    shown = density(f)
    x = np.concatenate([-np.geomspace(1e-4, 60, 20000)[::-1], np.geomspace(1e-4, 60, 20000)])
    power = density(abs(x) * f[1]) * np.gradient(x)
    for j in range(1, 40):
        away = j - x
        away = np.where(abs(abs(away) - 1) < 1e-9, away + 1e-6, away)
        lobe = (np.sinc(away) / (1 - away**2)) ** 2
        shown[j] = (lobe * power).sum() / (lobe * np.gradient(x)).sum()
    return shown


def stepped(relaxations: Relaxations, f: Array) -> Array:
    """One-sided density of relaxations that are held for 1, 5, 50 or 500 steps, a tenth of τ at most: that of the
    samples, 2a²nh(1 − ρ²)/|1 − ρe^(−2πjfnh)|², times |sin(πfnh)/(n sin(πfh))|² of the hold."""
    h, total = float(STEP), np.zeros_like(f)
    for a, tau in zip(relaxations.amplitudes, relaxations.taus, strict=True):
        n = max(hold for hold in (1, 5, 50, 500) if tau / h > 9.999 * hold or hold == 1)
        rho = np.exp(-n * h / tau)
        samples = 2 * a**2 * n * h * (1 - rho**2) / abs(1 - rho * np.exp(-2j * np.pi * f * n * h)) ** 2
        total += samples * (np.sin(np.pi * f * n * h) / (n * np.sin(np.pi * f * h))) ** 2
    return total


def through(conductance: float, capacitance: float, f: Array) -> Array:
    """1/|g + C(e^(2πjfh) − 1)/h|² of an Euler step."""
    h = float(STEP)
    return np.asarray(1 / abs(conductance + capacitance * (np.exp(2j * np.pi * f * h) - 1) / h) ** 2)


def soma_filter(f: Array) -> Array:
    """With what three inputs of finite gain leak, 320/4 each."""
    c = float(CHIP.soma.capacitance)
    return through(c / float(TAU) * (1 + 3 / 80), c, f)


def control_filter(f: Array) -> Array:
    """g(α + 1/A_0)."""
    c = float(CHIP.controller.capacitance)
    return through(c / float(CHIP.time_base) * (SPEC.method.leak + 1 / 3000), c, f)


def chosen(bands: Bands, kept: Array) -> Bands:
    """Some of the bands."""
    return Bands(*(values[kept] for values in attrs.astuple(bands)))


@pytest.mark.parametrize("part", ["soma", "integrator"])
def test_spectrum_of_white_and_flicker_noise(part: str) -> None:
    """(S_white + S_1/f)/|g + C(…)|² over four decades within the band of the estimate, for what is stepped; and of
    K/f^x in place of it to 11 %, as relaxations alone are (7 % of ripple, up to 4 % folded back), and 2 % more of what
    is held."""
    noise, filtered = {"soma": (SOMA, soma_filter), "integrator": (CONTROL, control_filter)}[part]
    series, white = recorded()[part], float(noise.white)
    relaxations = noise.relaxations(CHIP.slowest_noise, STEP)
    bands = compared(series, float(STEP), seen(lambda f: (white + stepped(relaxations, f)) * filtered(f)))
    assert bands.frequency[-1] / bands.frequency[0] > 0.5e4  # middles of bands; the edges are 1e4 apart
    assert bands.hold()
    law = compared(
        series,
        float(STEP),
        seen(lambda f: (white + float(noise.flicker) / f**noise.exponent) * filtered(f)),
    )
    assert law.hold(error=0.13)


def test_exponent_of_flicker_noise() -> None:
    """Of white + K/f^x, fitted to a soma's spectrum over its filter, with the white noise known: x to .05, the
    ripple being under .01 over so many decades, and K, at the middle of where it is seen, to 11 %."""
    f = frequencies()
    known = float(SOMA.white)
    _, power = welch(recorded()["soma"], fs=1 / float(STEP), nperseg=STEPS - STARTED, noverlap=0)
    edges = np.unique(np.geomspace(2, len(f) // 2, 30).astype(int))
    density = (power.mean(axis=0) / soma_filter(f))[: edges[-1]]
    mean = np.add.reduceat(density, edges[:-1]) / np.diff(edges) / known
    middle = np.exp(np.add.reduceat(np.log(f[: edges[-1]]), edges[:-1]) / np.diff(edges))
    mean, middle, edges = (
        mean[2:],
        middle[2:],
        edges[2:],
    )  # the lowest are seen through the window, see `seen`
    deviation = mean / np.sqrt(128 * np.diff(edges))

    def law(at: Array, log_k: float, x: float) -> Array:
        return 1 + np.exp(log_k) / (at / 100) ** x

    (log_k, x), _ = curve_fit(law, middle, mean, p0=(1.0, 1.0), sigma=deviation)
    assert abs(x - SOMA.exponent) < 0.05
    assert np.exp(log_k) * known == pytest.approx(float(SOMA.flicker) / 100**SOMA.exponent, rel=0.11)


def test_spectrum_of_telegraph_noise() -> None:
    """Of samples of a two-state chain, 2Δ²p(1 − p)h(1 − ρ²)/|1 − ρe^(−2πjfh)|², over four decades within the band of
    the estimate, but for what the number of jumps, some 26000, is off: all high frequencies are ∝ it, four standard
    errors, 2.5 %. And Machlup's Lorentzian, of which the samples are 2 % off below a fiftieth of their frequency."""
    f, series, h = frequencies(), recorded()["traps"], float(STEP)
    levels = np.unique(series)
    assert levels.size == 2
    assert levels[1] - levels[0] == pytest.approx(TRAP.step, rel=1e-12)
    p, rho = TRAP.occupancy, np.exp(-h / TRAP.tau)
    sampled = (
        2 * TRAP.step**2 * p * (1 - p) * h * (1 - rho**2) / abs(1 - rho * np.exp(-2j * np.pi * f * h)) ** 2
    )
    jumps = series.size * 2 * p * (1 - p) * (1 - rho)
    assert compared(series, h, sampled).hold(error=4 / np.sqrt(jumps))
    lorentzian = compared(series, h, TRAP.density(f))
    assert chosen(lorentzian, lorentzian.frequency < 0.02 / h).hold(error=0.02 + 4 / np.sqrt(jumps))
    # correlated samples: σ²·(1 + ρ)/(1 − ρ)/n, four standard errors; the mean is taken off
    error = 4 * np.sqrt(p * (1 - p) * (1 + rho) / (1 - rho) / series.size) * TRAP.step
    assert abs(series.mean()) < error


def test_relaxations_are_the_same_whatever_the_noise() -> None:
    """One a decade from the slowest down to the last that lasts a step; only their size is that of the noise."""
    small = CurrentNoise(white=SOMA.white, flicker=SOMA.flicker / 1e6, exponent=1.2)
    one, other = (x.relaxations(1e4 * second, 20e-6 * second) for x in (SOMA, small))
    np.testing.assert_allclose(one.taus, 10.0 ** np.arange(4, -5, -1), rtol=1e-12)
    np.testing.assert_array_equal(one.taus, other.taus)
    assert other.variance < 1e-4 * one.variance
    none = attrs.evolve(SOMA, flicker=0 * SOMA.flicker).relaxations(1e4 * second, 1e-5 * second)
    assert none.taus.size == 0
    assert SOMA.relaxations(1e-6 * second, 1e-5 * second).taus.size == 1
    with pytest.raises(QuantityError) as caught:
        SOMA.relaxations(1e9 * second, 1e-9 * second)
    assert "14 decades" in caught.value.expected


def test_transconductors_are_independent() -> None:
    """Densities add; a leak of α has α of the white noise of the input and α² of its 1/f noise, ∝ g and g²."""
    point = CHIP.soma_point(TAU)
    assert float(SOMA.white) == pytest.approx(3 * float(point.white), rel=1e-12)
    assert float(SOMA.flicker) == pytest.approx(3 * float(point.flicker), rel=1e-12)
    control = CHIP.controller_point()
    assert float(CONTROL.white) == pytest.approx(1.3 * float(control.white), rel=1e-12)
    assert float(CONTROL.flicker) == pytest.approx(1.09 * float(control.flicker), rel=1e-12)


def test_traps_of_a_lot() -> None:
    """Number Poisson with density × area, four standard errors of 4000 units; times log-uniform: mean of the
    logarithm in the middle, σ = range/√12; step q/(C_ox W L) = 9.3 µV on 4 µm²; places do not depend on the draw."""
    traps = Traps(density=0.02 / umetre**2, fastest=1e-3 * second, slowest=10 * second)
    device = Transistor(width=2 * umetre, length=2 * umetre)
    assert traps.number(device) == pytest.approx(0.08, rel=1e-12)
    assert float(traps.step(device) / volt) == pytest.approx(1.602e-19 / (4.3e-3 * 4e-12), rel=1e-3)
    kinds = [(0.16, 1e-12 * amp), (0.08, 3e-12 * amp)]
    drawn = [draw_traps(traps, kinds, 4000, np.random.default_rng(seed)) for seed in (1, 2)]
    assert drawn[0] is not None
    assert drawn[1] is not None
    assert drawn[0].capture.shape == drawn[1].capture.shape
    current = np.asarray(drawn[0].current / amp)
    present = np.count_nonzero(current, axis=1)
    assert present.mean() == pytest.approx(0.24, abs=4 * np.sqrt(0.24 / 4000))
    assert present.var() == pytest.approx(0.24, rel=0.15)
    strong = (abs(current) > 2e-12).sum() / np.count_nonzero(current)
    assert strong == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / np.count_nonzero(current)))
    assert abs(np.sign(current).sum()) < 4 * np.sqrt(np.count_nonzero(current))
    logs = np.log10(np.concatenate([drawn[0].capture.ravel(), drawn[0].emission.ravel()]))
    assert logs.mean() == pytest.approx(-1, abs=4 * 4 / np.sqrt(12 * logs.size))
    assert logs.min() > -3
    assert logs.max() < 1


def test_too_many_traps_are_flicker_noise() -> None:
    with pytest.raises(QuantityError, match="density"):
        draw_traps(Traps(density=1 / umetre**2), [(40.0, 1e-12 * amp)], 4, np.random.default_rng(1))
    assert draw_traps(Traps(), [], 4, np.random.default_rng(1)) is None
    assert float(Traps(density=Quantity(3.0) / metre**2).density) == 3.0
