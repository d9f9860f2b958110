"""Volts, amperes and seconds become the unit-free numbers that the reference reads."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.equations import Design, deviations_of
from neurosim.equations.deviations import layer_devices
from neurosim.spec import ControllerDeviations, Deviations
from neurosim.spec.deviations import named
from tests.equations.designs import REAL, make_design

BOLTZMANN = 1.380649e-23


def deviations(design: Design) -> Deviations:
    return deviations_of(design)


def test_the_ideal_chip_is_the_ideal_chip() -> None:
    """Bit for bit, all of it."""
    design = make_design()
    got, ideal = deviations(design), Deviations.ideal(design.network)
    for mine, theirs in zip(got.layers, ideal.layers, strict=True):
        numbers = named(theirs)
        for name, value in named(mine).items():
            np.testing.assert_array_equal(value, numbers[name])
    for field in attrs.fields(ControllerDeviations):
        np.testing.assert_array_equal(
            getattr(got.controller, field.name), getattr(ideal.controller, field.name)
        )
    for name in ("forward_gain", "feedback_gain"):
        for a, b in zip(getattr(got, name), getattr(ideal, name), strict=True):
            np.testing.assert_array_equal(a, b)
    assert got.auto_zero is ideal.auto_zero is False
    assert not got.noisy


def test_drawn_numbers_pass_through() -> None:
    design = make_design(chip={"name": REAL})
    got, draw = deviations(design), design.draw
    assert draw is not None
    for mine, drawn in zip(got.layers, draw.layers, strict=True):
        for name in ("leak", "basal_gain", "apical_gain", "slope", "comparator_offset"):
            assert getattr(mine, name) is getattr(drawn, name)
        for name in ("basal", "apical"):
            part, expected = getattr(mine, name), getattr(drawn, name)
            assert part.leak is expected.leak
            np.testing.assert_allclose(part.offset * 30e-3, np.asarray(expected.offset), rtol=1e-15)
            assert part.limit == pytest.approx(10, rel=1e-15)  # 300 mV over 30 mV
        np.testing.assert_allclose(mine.offset * 30e-3, np.asarray(drawn.offset), rtol=1e-15)
    assert got.controller.proportional is draw.proportional
    assert got.controller.leak is draw.leak
    assert got.controller.integral is draw.integral
    assert got.controller.gain_leak is draw.gain_leak
    assert got.controller.error_offset is draw.error_offset
    assert got.controller.output_offset is draw.output_offset
    assert got.controller.limit == pytest.approx(10, rel=1e-15)  # 300 mV over 30 mV
    assert got.forward_gain is draw.forward_gain
    assert got.feedback_gain is draw.feedback_gain
    assert got.auto_zero


@pytest.mark.parametrize(("tau_soma", "tau_apical"), [(0.2, 0.0), (0.05, 0.0), (0.2, 0.3), (0.05, 0.01)])
def test_noise_from_first_principles(tau_soma: float, tau_apical: float) -> None:
    """In activation units and τ_u: an OTA makes 2D kT/(κC V²) on a soma, D = 4 what its input is divided by.

    That is weak inversion; at inversion coefficients up to .005 it is up to half a percent less. Two count as the
    soma's; the third, from the apical input, as apical where that has no state. Where it has one, the third is
    the soma's too, and the apical compartment holds the same on its own C = gτ, undivided.
    Var = σ²τ/2 for dv = −v/τ dt + σ dB.
    """
    ratios = {"tau_soma_ratio": tau_soma, "tau_apical_ratio": tau_apical}
    layer = deviations(make_design(network=ratios, chip={"name": REAL, "mismatch": False})).layers[0]
    unit = BOLTZMANN * 300.15 / 0.696 / 30e-3**2  # kT/κ in F·V_unit²
    soma = layer.soma_noise**2 * tau_soma / 2
    n_couplings = 3 if tau_apical > 0 else 2
    np.testing.assert_allclose(soma, 4 * 2 * n_couplings * unit / 1e-12, rtol=5e-3)
    if tau_apical == 0:
        apical = (layer.apical_noise / tau_soma) ** 2 * tau_soma / 2
        capacitance = 1e-12
    else:
        apical = (layer.apical_noise / tau_apical) ** 2 * tau_apical / 2
        capacitance = 1e-9 / 30e-3 * tau_apical * 1e-3
    np.testing.assert_allclose(apical, 4 * 2 * unit / capacitance, rtol=2e-2)  # q = .01 at its larger bias


def test_a_longer_time_base_leaves_stationary_noise_alone() -> None:
    """kT/C knows no time; neither do unit-free numbers, in weak inversion."""
    fast, slow = (
        deviations(make_design(chip={"name": REAL, "mismatch": False, "time_base": text})).layers[0]
        for text in ("1 ms", "10 ms")
    )
    # a tenth of the bias is deeper in weak inversion, by q = .005
    np.testing.assert_allclose(fast.soma_noise, slow.soma_noise, rtol=3e-3)
    np.testing.assert_allclose(fast.apical_noise, slow.apical_noise, rtol=3e-3)


def test_noise_can_be_taken_away() -> None:
    noisy = deviations(make_design(chip={"name": REAL}))
    quiet = noisy.without_noise()
    assert noisy.noisy
    assert not quiet.noisy
    for a, b in zip(noisy.layers, quiet.layers, strict=True):
        assert a.leak is b.leak
        assert a.offset is b.offset


def test_the_same_numbers_by_part() -> None:
    design = make_design(chip={"name": REAL})
    parts = layer_devices(deviations(design))
    assert set(parts) == {"layer_1", "layer_2", "controller"}
    assert {len(values) for values in parts["layer_1"].values()} == {4}
    assert {len(values) for values in parts["controller"].values()} == {3}
    assert set(parts["layer_2"]) == set(named(deviations(make_design()).layers[1]))


def test_single_traps_are_among_them() -> None:
    """Of all states, those of every unit; nothing of them on a chip without."""
    traps = {"density": "2e-3 um^-2", "fastest": "0.1 ms", "slowest": "10 ms"}
    found = deviations(make_design(chip={"name": REAL, "process": {"traps": traps}}))
    parts = layer_devices(found)
    source = found.sources["layer_1.soma"]
    assert source.steps.shape[1] > 1
    for number in range(source.steps.shape[1]):
        for key, expected in (
            ("step", source.steps),
            ("capture", source.capture),
            ("emission", source.emission),
        ):
            values = parts["layer_1"][f"soma_trap_{number + 1}_{key}"]
            np.testing.assert_array_equal(values, expected[:, number])
    assert "integrator_trap_1_step" in parts["controller"]
    assert not any(
        "trap" in name for name in layer_devices(deviations(make_design(chip={"name": REAL})))["layer_1"]
    )


def test_what_limits_a_chip_in_activation_units() -> None:
    """300 mV over 30 mV; 2·4·U_T/κ = 297 mV and its plain form at the controller, a little more with q > 0;
    1 pF at 30 nS is .033 ms; droop is I_off/C."""
    design = make_design(chip={"name": REAL})
    got = deviations(design)
    thermal = BOLTZMANN * 300.15 / 1.602176634e-19
    for layer in got.layers:
        assert layer.limit == pytest.approx(10, rel=1e-12)
        assert layer.saturation == pytest.approx(8 * thermal / 0.696 / 30e-3, rel=0.01)
    control = got.controller
    assert control.saturation == pytest.approx(2 * thermal / 0.696 / 30e-3, rel=0.01)
    assert control.output_tau == pytest.approx(1e-12 / 30e-9 / 1e-3, rel=1e-9)
    off = 147.8e-9 * np.exp(-0.696 * 0.621 / thermal)
    np.testing.assert_allclose(
        control.droop, off / 10e-12 * 1e-3 / 30e-3, rtol=1e-4
    )  # CODATA, in an exponent
    assert not got.without_droop().controller.droop.any()


def test_the_ideal_chip_has_no_limits() -> None:
    got = deviations(make_design())
    assert got.controller.output_tau == 0
    assert not got.controller.droop.any()
    assert {got.layers[0].limit, got.layers[0].saturation, got.controller.saturation} == {np.inf}
