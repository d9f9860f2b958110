"""Parts of a chip in time and frequency, on the emulation's engine, against what their equations solve to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import amp, hertz, mvolt, namp, nS, second, umetre, volt
from scipy.linalg import expm
from scipy.optimize import brentq

from hardware_models import load_preset
from hardware_models.compartment import Dendrite
from hardware_models.coupling import OperatingPoint
from hardware_models.ekv import REFERENCE, Mos, Transistor
from hardware_models.ota import Ota
from neurosim.equations.model import Group
from tests.hardware_models.circuits import DRAWN, TAU, UNIT, Array, controller, fitted, part, run, soma, times

CHIP = load_preset("subthreshold_180nm").chip
ROUNDING = 1e-12
"""Of full scale: each step rounds to 1e-16, and a lag sums some 1e3 to 1e4 of them."""
FULL_SCALE = 1e-3
FREQUENCIES = np.logspace(-2, 2, 13)
"""ω over that of the slowest pole."""


def is_a_lag(trace: Array, final: Any, rate: Any, dt: float) -> bool:
    """v = final (1 − (1 − h·rate)^k) to rounding; 1 − e^{−rate·t} to x/2e of full scale, x = h·rate: the largest
    e^{−y} x y/2 over y = rate·t; x/5 leaves room for x²."""
    t = times(trace, dt)
    x, seen = dt * rate, trace / final
    stepped, continuous = 1 - (1 - x) ** np.round(t / dt), 1 - np.exp(-rate * t)
    return bool((abs(seen - stepped) < ROUNDING).all() and (abs(seen - continuous) < np.asarray(x) / 5).all())


@pytest.mark.parametrize(("drawn", "apical"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_soma_is_a_lag(drawn: bool, apical: bool) -> None:
    """(γ_b v_b + γ_a v_a + V_os)/λ with λ/τ; as designed v_b + v_a with 1/τ. h = τ/1000: full scale · 3e-4."""
    leak = np.array([0.7, 1.0, 1.5])
    group = soma({"leak": leak, "basal": 20 * mvolt}, drawn=drawn, apical=apical)
    trace = run([group], "part.soma", dt=1e-6, steps=6000)
    basal, side = (1.1 * 20e-3 + 2e-3, 0.9 * 5e-3) if drawn else (20e-3, 5e-3)
    rate = leak if drawn else np.ones(3)
    assert is_a_lag(trace, (basal + side * apical) / rate, rate / TAU, 1e-6)


@pytest.mark.parametrize("tau", [0.0, TAU])
def test_a_dendrite_is_a_lag_of_its_current(tau: float) -> None:
    """γI/g; at once where it has no time constant. The group must have some differential equation, as layers do."""
    gain = np.array([0.8, 1.0, 1.2])
    conductance = {"conductance": 30 * nS, "tau": tau * second}
    fragment = Dendrite().fragment("apical", "gain*incoming", noisy=False, **conductance)
    group = part(fragment, {"gain": gain, "incoming": 0.6 * namp}, sources="dage/dt = 1 : second")
    trace = run([group], "part.apical", dt=1e-6, steps=4000)
    final = gain * 0.6e-9 / 30e-9
    if tau:
        assert is_a_lag(trace, final, 1 / tau, 1e-6)
    else:
        np.testing.assert_allclose(trace, np.tile(final, (4000, 1)), rtol=1e-15)


@pytest.mark.parametrize("saturating", [False, True])
@pytest.mark.parametrize("tau", [0.0, TAU])
def test_a_dendrite_behind_a_real_conductance_rests_where_its_current_is_taken(
    tau: float, saturating: bool
) -> None:
    """R atanh(I/(γ g R)) − V_os, or I/(γ g) − V_os where it is linear; at the rail beyond γ g R = 1.6 to 2.4 nA.
    Twenty of the slowest time constants leave e^−20 of it; without one it is there at once."""
    leak, offset, r, limit = np.array([0.8, 1.0, 1.2])[:, None], 5e-3, 66e-3, 150e-3
    current = np.array([-0.9, 0.2, 1.5, 3.0]) * 1e-9
    point = {"conductance": 30 * nS, "tau": tau * second}
    switches = {"drawn": True, "saturating": saturating, "limited": True}
    fragment = Dendrite().fragment("basal", "incoming", noisy=False, **point, **switches)
    given = {
        "basal_leak": np.repeat(leak, 4),
        "basal_offset": offset * volt,
        "basal_limit": limit * volt,
        "incoming": np.tile(current, 3) * amp,
        **({"basal_range": r * volt} if saturating else {}),
    }
    sources = "" if tau else "dage/dt = 1 : second"
    # the slope of S at the largest state that is at no rail, 1.5 nA at γ = 0.8, is 1/11
    trace = run([part(fragment, given, sources=sources)], "part.basal", dt=2e-5, steps=12000 if tau else 3)
    rest = current / (leak * 30e-9)
    if saturating:
        rest = np.where(abs(rest) < r, r * np.arctanh(np.clip(rest / r, -1 + 1e-15, 1 - 1e-15)), limit)
    expected = np.clip(rest, -limit, limit) - offset
    np.testing.assert_allclose(trace[-1], expected.ravel(), rtol=1e-8 if tau else 1e-13)


@pytest.mark.parametrize("saturating", [False, True])
def test_a_leaky_integrator_is_a_lag(saturating: bool) -> None:
    """γ S(V_unit e)/(αλ + 1/A_0); a saturating input takes nothing from that while the error stands still."""
    gain_leak = np.array([1 / 3000, 0.01, 0.14, 1.0])
    given = {"leak_ratio": np.array([0.0, 0.1, 0.3, 0.0]), "gain_leak": gain_leak, "target": 1.2}
    group = controller({**given, "input_range": 25 * mvolt}, saturating=saturating)
    trace = run([group], "part.integrator", dt=1e-6, steps=6000)
    pushed = UNIT * (1.2 + 0.03)
    pushed = 25e-3 * np.tanh(pushed / 25e-3) if saturating else pushed
    leak = given["leak_ratio"] * 1.2 + gain_leak
    assert is_a_lag(trace, 0.9 * pushed / leak, leak / TAU, 1e-6)


def control_system(switches: Mapping[str, bool], given: Mapping[str, float]) -> tuple[Array, Array]:
    """Generator of (integrator, filtered, drooped, delivered, 1) in V_unit and 1/τ, and the row that reads u."""
    d = {"integral": 1.0, "leak": 1.0, "gain_leak": 0.0, "proportional": 1.0, "error_offset": 0.0}
    d |= DRAWN if switches["drawn"] else {}
    error = np.array([0, 0, -float(switches["drooping"]), 0, given["target"] + d["error_offset"]])
    unit = np.eye(5)
    demand = unit[0] + 0.5 * d["proportional"] * error
    if switches["derivative"]:
        demand = demand + given["derivative_ratio"] * (error - unit[1])
    generator = np.zeros((5, 5))
    generator[0] = d["integral"] * error - (0.3 * d["leak"] + d["gain_leak"]) * unit[0]
    generator[1] = (error - unit[1]) * TAU / given["tau_derivative"]
    generator[2, 4] = given["droop_rate"] * TAU
    offset = given["output_offset"] / UNIT * unit[4] if switches["drawn"] else 0.0
    generator[3] = (demand - unit[3] + offset) * TAU / given["tau_output"]
    return generator, unit[3] if switches["staged"] else demand


@pytest.mark.parametrize(
    "flags", [(False, True, True, True), *itertools.product([True], *([False, True],) * 3)]
)
def test_step_response_of_every_linear_controller(flags: tuple[bool, ...]) -> None:
    """u of (I + hM)^k to rounding, and of e^{Mt} to 1e-3 of the largest u: h/2e over the fastest time constant,
    τ/10, is 4e-4 with h = τ/5000; the derivative's pole in a row with the output's adds as much at most."""
    switches = dict(zip(("drawn", "derivative", "staged", "drooping"), flags, strict=True))
    taus = {"tau_derivative": 0.15 * TAU * second, "tau_output": 0.1 * TAU * second}
    given = {**taus, "droop_rate": 80 * hertz, "target": 1.2, "derivative_ratio": 0.4}
    given |= {"output_offset": 4 * mvolt} if switches["staged"] else {}
    group = controller(given, **switches)
    h = 2e-4  # of τ
    trace = run([group], "part.output", dt=h * TAU, steps=2501)[:, 0] / UNIT  # row k: u of the state at k·h
    generator, row = control_system(
        switches, {"output_offset": 0.0} | {k: float(v) for k, v in given.items()}
    )
    start = np.eye(5)[4]
    for k in (0, 1, 2, 10, 100, 500, 1000, 2500):
        stepped = row @ np.linalg.matrix_power(np.eye(5) + h * generator, k) @ start
        continuous = row @ expm(k * h * generator) @ start
        assert abs(trace[k] - stepped) < ROUNDING * abs(trace).max()
        assert abs(trace[k] - continuous) < FULL_SCALE * abs(trace).max()


def response_agrees(group: Group, state: str, transfer: Any, omega: Array, h: float, lasting: float) -> None:
    """The Euler map is H with (z − 1)/h in the place of jω: to 1e-6 of |H|, where what is left of the start is
    e^{−20}; and that is H(jω) to ω²h/2 |dH/ds|, which is below 1e-3 of H(0) with the steps that are taken here."""
    steps, every = round(25 * lasting / h), 10
    trace = run([group], f"part.{state}", dt=h, steps=steps, every=every)
    got = fitted(trace, omega, h, every)
    stepped, continuous = transfer((np.exp(1j * omega * h) - 1) / h), transfer(1j * omega)
    np.testing.assert_allclose(abs(got - stepped) / abs(stepped), 0, atol=1e-6)
    assert abs(got - continuous).max() < FULL_SCALE * abs(transfer(0j))


def test_frequency_response_of_a_soma() -> None:
    """γ/(λ + sτ): off by λh/2τ of full scale at most."""
    omega = FREQUENCIES * 1.3 / TAU
    given = {"leak": 1.3, "offset": 0 * volt, "apical": 0 * volt, "omega": omega * hertz, "V": 20 * mvolt}
    group = soma(given, sources="basal = V*sin(omega*t) : volt")
    response_agrees(group, "soma", lambda s: 22e-3 / (1.3 + s * TAU), omega, 1e-6, TAU / 1.3)


@pytest.mark.parametrize("gain", [3.0, 40.0])
def test_frequency_response_of_an_integrator_with_finite_gain(gain: float) -> None:
    """γ/(1/A_0 + sτ) without a leak: off by h/2τA_0 of full scale at most."""
    slow = gain * TAU
    omega = FREQUENCIES / slow
    given = {"leak_ratio": 0.0, "gain_leak": 1 / gain, "error_offset": 0.0, "omega": omega * hertz}
    group = controller(given, sources="target = sin(omega*t) : 1")
    response_agrees(
        group, "integrator", lambda s: 0.9 * UNIT / (1 / gain + s * TAU), omega, 1e-3 * slow, slow
    )


def test_frequency_response_of_a_controller_with_its_output_stage() -> None:
    """(K_I γ/(αλ + 1/A_0 + sτ) + k_p)/(1 + sτ_o), αλ + 1/A_0 = 1: off by (h/2)(K_I γ/τ + k_p/τ_o) at most, 8e-4
    of full scale."""
    omega, slow = FREQUENCIES / TAU, 0.1 * TAU
    given = {"integral_gain": 2.0, "gain_leak": 0.64, "error_offset": 0.0, "tau_output": slow * second}
    given["output_offset"] = 0 * volt
    group = controller({**given, "omega": omega * hertz}, sources="target = sin(omega*t) : 1", staged=True)

    def transfer(s: Array) -> Array:
        return UNIT * (1.8 / (1 + s * TAU) + 0.55) / (1 + s * slow)

    response_agrees(group, "delivered", transfer, omega, 5e-4 * TAU, TAU)


@pytest.mark.parametrize("what", ["output stage", "input"])
def test_slewing(what: str) -> None:
    """τ du/dt = R tanh((u_in − u)/R): sinh((u_in − u)/R) = sinh(u_in/R) e^{−t/τ}, from a tenth of R to ten times.
    Euler's error is (h/2)∫|u''|dt = (h/2)(u'(0) − u'(∞)) at most, since the flow contracts: h/2τ of u_in.
    """
    step, limit, h = np.array([0.1, 1.0, 3.0, 10.0]), 20e-3, 2e-3 * TAU
    wanted, ranges = step * limit, {"input_range": limit * volt, "output_range": limit * volt}
    given = {"target": wanted / UNIT, "leak_ratio": 0.0, "tau_output": TAU * second, **ranges}
    if what == "input":  # its own output is what is measured
        sources = "output_rate = integrator/V_unit : 1"
        group = controller(given, sources=sources, drawn=False, saturating=True)
        trace = run([group], "part.integrator", dt=h, steps=7000)
    else:
        given |= {"integral_gain": 0.0, "proportional_gain": 1.0}
        group = controller(given, drawn=False, saturating=True, staged=True)
        trace = run([group], "part.delivered", dt=h, steps=7000)
    missing = limit * np.arcsinh(np.sinh(step) * np.exp(-times(trace, h) / TAU))
    assert (abs(wanted - missing - trace) / wanted).max() < FULL_SCALE


def test_rails_of_the_controller() -> None:
    """A ramp stops at the rail, and leaves it in the very step in which the error turns: exactly."""
    limit, h, half = 40e-3, 2e-3 * TAU, 1500
    given = {"V_limit": limit * volt, "leak_ratio": 0.0, "turn": (half - 0.5) * h * second}
    sources = "target = 1 - 2*int(t > turn) : 1"
    group = controller(given, sources=sources, drawn=False, railed=True)
    k = np.arange(2 * half + 1)
    up = np.minimum(k * UNIT * 2e-3, limit)
    integrator = np.where(k <= half, up, np.maximum(limit - (k - half) * UNIT * 2e-3, -limit))
    trace = run([group], "part.integrator", dt=h, steps=2 * half)[:, 0]
    np.testing.assert_allclose(trace, integrator[1:], atol=ROUNDING * limit)
    trace = run([group], "part.output", dt=h, steps=2 * half)[:, 0]
    output = np.clip(integrator + 0.5 * UNIT * np.where(k < half, 1, -1), -limit, limit)
    np.testing.assert_allclose(trace, output[:-1], atol=ROUNDING * limit)


def test_rails_of_the_soma() -> None:
    """A lag that stops at the rail, exactly."""
    group = soma({"leak": 1.0, "basal": np.array([20, 60]) * mvolt, "soma_limit": 50 * mvolt}, railed=True)
    trace = run([group], "part.soma", dt=1e-6, steps=5000)
    k = np.round(times(trace, 1.0))
    lag = (1.1 * np.array([20e-3, 60e-3]) + 6.5e-3) * (1 - (1 - 1e-3) ** k)
    assert lag.max() > 60e-3
    np.testing.assert_allclose(trace, np.minimum(lag, 50e-3), atol=ROUNDING * 50e-3)


def test_a_saturating_soma() -> None:
    """dy/ds = d − tanh y with y = v/R, s = λt/τ: s = (d y + ln(cosh y − sinh y/d))/(d² − 1). Below d = 1 it rests
    where tanh y = d, above it slews away. Euler: h/2·(v'(0) − v'(∞)), h/2τ of R·λ at most."""
    limit, leak, h = 20e-3, 1.3, 1e-3 * TAU
    basal = np.array([2.0, 15.0, 30.0, 120.0]) * 1e-3
    given = {"leak": leak, "basal": basal * volt, "V_linear": limit * volt, "apical": 3 * mvolt}
    group = soma(given, saturating=True)
    trace = run([group], "part.soma", dt=h, steps=5000)
    drive = (1.1 * np.tanh(basal / limit) + 0.9 * np.tanh(3e-3 / limit) + 2e-3 / limit) / leak
    for d, v in zip(drive, trace.T, strict=True):
        y = np.linspace(0, min(np.arctanh(d) if d < 1 else np.inf, 6.0), 200001)[:-1]
        s = (d * y + np.log(np.cosh(y) - np.sinh(y) / d)) / (d**2 - 1)
        expected = limit * np.interp(times(trace, h)[:, 0] * leak / TAU, s, y)
        assert abs(v - expected).max() < FULL_SCALE * limit
    resting = run([group], "part.soma", dt=20 * h, steps=10000)[-1, drive < 1]
    np.testing.assert_allclose(resting, limit * np.arctanh(drive[drive < 1]), rtol=1e-9)  # e^{−λ(1−d²)t/τ}


@pytest.mark.parametrize("engaged", [0.0, 1.0])
def test_what_is_held_droops_in_time(engaged: float) -> None:
    """I_off/C = I_s e^{−κV_T/U_T}/C, linear in time while the controller is engaged; k/q of 2014, 1e-6 × κV_T/U_T."""
    rate = float(CHIP.hold.droop(CHIP.conditions)) / UNIT
    mos, thermal = CHIP.process.n, 1.380649e-23 * 300.15 / 1.602176634e-19
    off = float(mos.specific_current) * np.exp(-mos.kappa * float(mos.threshold) / thermal)
    assert rate == pytest.approx(off / 10e-12 / UNIT, rel=1e-4)
    given = {"integral_gain": 0.0, "droop_rate": rate * hertz, "target": 1.2, "engaged": engaged}
    group = controller(given, drawn=False, drooping=True)
    fallen = engaged * rate * 1e-5 * np.arange(3001)
    trace = run([group], "part.drooped", dt=1e-5, steps=3000)[:, 0]
    np.testing.assert_allclose(trace, fallen[1:], atol=ROUNDING)
    trace = run([group], "part.output", dt=1e-5, steps=3000)[:, 0]
    np.testing.assert_allclose(trace, 0.5 * UNIT * (engaged * 1.2 - fallen[:-1]), atol=ROUNDING * UNIT)


def pair_of(coefficient: float) -> tuple[Ota, OperatingPoint, Mos]:
    """An OTA whose input devices stand at an inversion coefficient, I_b/2 each; with what its pair is made of,
    trusted also where one side carries all of I_b and more."""
    conditions = attrs.evolve(CHIP.conditions, saturating=True)
    mos = conditions.process.n
    q = (np.sqrt(1 + 4 * coefficient) - 1) / 2
    load, tail = Transistor(kind="p", width=20 * umetre), Transistor(width=50 * umetre)
    ota = Ota(load=load, tail=tail, largest_inversion=10.0)
    conductance = mos.slope(REFERENCE) * mos.specific(ota.pair, REFERENCE) * q * (1 - 1e-12)
    return ota, ota.operate(conductance, conditions), attrs.evolve(mos, largest_inversion=100.0)


def gate(mos: Mos, device: Transistor, current: float) -> float:
    return float(mos.gate_voltage(current * amp, device, REFERENCE))


@pytest.mark.parametrize(
    ("coefficient", "percent"), [(1e-3, 0.01128), (0.1, 0.972), (1.0, 4.66), (10.0, 9.17)]
)
def test_a_differential_pair_of_real_devices(coefficient: float, percent: float) -> None:
    """Two EKV devices share I_b: I/I_b = s with 2(q_1 − q_2) + ln(q_1/q_2) = κΔV/U_T. In the first order of q that
    is tanh x + q(x − tanh x)/cosh² x with x = ΔV/R, so R tanh(ΔV/R) is off by .113 q of I_b at most; in strong
    inversion s = x√(1 − x²/4), and by 1 − tanh √2 = 11.2 %. What it is between, is `percent`, to its last digit."""
    ota, point, mos = pair_of(coefficient)
    bias, r = float(point.supply_current), float(point.linear_range)

    def apart(y: float) -> float:  # ΔV at I = I_b tanh y
        one, other = (gate(mos, ota.pair, bias / (1 + np.exp(2 * side))) for side in (-y, y))
        return one - other

    x = np.linspace(0, 5, 101)
    real = np.array([np.tanh(brentq(lambda y, u=u: apart(y) - u * r, 0, 60, xtol=1e-14)) for u in x])
    error = real - np.tanh(x)
    assert 100 * abs(error).max() == pytest.approx(percent, rel=2e-3)
    q = (np.sqrt(1 + 4 * coefficient) - 1) / 2
    assert abs(error).max() <= min(0.1129 * q, 1 - np.tanh(np.sqrt(2)))
    assert abs(error - q * (x - np.tanh(x)) / np.cosh(x) ** 2).max() < q**2
    assert r * float(point.conductance) == pytest.approx(bias, rel=1e-14)


@pytest.mark.parametrize("coefficient", [1e-3, 0.1, 1.0])
def test_offset_of_real_devices(coefficient: float) -> None:
    """ΔV at which an OTA with unlike devices gives no current, solved whole: V_P(I_1) = V_P'(I_2), I_1 + I_2 = I_b.
    The root of the squares of its slopes in both pairs' thresholds and gains, times their σ; slopes to 1e-4."""
    ota, point, mos = pair_of(coefficient)
    load, bias = attrs.evolve(CHIP.process.p, largest_inversion=100.0), float(point.supply_current)

    def offset(pair: float = 0, pair_beta: float = 0, mirror: float = 0, mirror_beta: float = 0) -> float:
        def unlike(i: float) -> float:
            copied = gate(load, ota.load, (bias - i) / (1 + mirror_beta)) + mirror
            return gate(load, ota.load, i) - copied

        i = brentq(unlike, 0.4 * bias, 0.6 * bias, xtol=1e-13 * bias)
        return gate(mos, ota.pair, i) - gate(mos, ota.pair, (bias - i) / (1 + pair_beta)) - pair

    sigmas = {"pair": float(mos.sigma_vt(ota.pair)), "pair_beta": mos.sigma_beta(ota.pair)}
    sigmas |= {"mirror": float(load.sigma_vt(ota.load)), "mirror_beta": load.sigma_beta(ota.load)}
    parts = [s * (offset(**{n: 1e-4}) - offset(**{n: -1e-4})) / 2e-4 for n, s in sigmas.items()]
    assert float(point.offset_spread) == pytest.approx(np.linalg.norm(parts), rel=1e-4)
