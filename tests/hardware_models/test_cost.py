"""What single parts take and cover, against numbers worked out by hand from the constants of the process."""

from __future__ import annotations

import attrs
import pytest
from brian2 import farad, kelvin, metre, msecond, namp, nS, pfarad, second, volt

from hardware_models import Chip, ChipError, QuantityError, load_preset
from hardware_models.converter import Converter
from hardware_models.cost import (
    PartCost,
    comparator_cost,
    controller_cost,
    converter_cost,
    dendrite_cost,
    hold_cost,
    integrator_cost,
    line_cost,
    rate_cost,
    soma_cost,
    synapse_cost,
)

CHIP = load_preset("ideal").chip
"""1 nA, 30 mV, 1 ms, 1.8 V, 27 °C, GF180MCU; somata of 1 pF and 10 µm devices, controllers of 5 pF and 20 µm."""
ROUNDING = 1e-12
"""A few dozen operations in double precision."""
BY_HAND = 1e-4
"""Numbers written with five digits."""
TAU = 0.2 * msecond


def test_a_soma_by_hand() -> None:
    """g = 1 pF/.2 ms = 5 nS. In weak inversion I_b = 2 g U_T/κ = 2 · 5 nS · 25.865 mV/.696 = 371.62 pA; the OTA's
    pair has q = g/(κ/U_T · 147.8 nA) = 1.2572e-3, which makes it 1 + q of that: 372.09 pA.
    Area: 3 OTAs of 6 devices of 100 µm², a switch of 4 µm², 1 pF/(1.99 fF/µm²) = 502.51 µm²."""
    cost = soma_cost(CHIP, TAU, inputs=2)
    assert float(cost.power) == pytest.approx(3 * 372.09e-12 * 1.8, rel=BY_HAND)
    assert float(cost.devices) == pytest.approx(1804e-12, rel=ROUNDING)
    assert float(cost.capacitors) == pytest.approx(502.51e-12, rel=BY_HAND)
    assert float(cost.area) == pytest.approx(2306.51e-12, rel=BY_HAND)


def test_a_controller_by_hand() -> None:
    """g = 5 pF/1 ms = 5 nS, as the soma's, in pairs of 20 µm × 20 µm: 372.09 pA for the input, as much for the
    proportional path, α of it for the leak. The output stage of 100 nS: I_b = 2 · 100 nS · 25.865 mV/.696 · (1 + q),
    q = .025144: 7.6193 nA. Each OTA 6 · 400 µm²."""
    plain = controller_cost(CHIP, leak=0.1)
    assert float(plain.power) == pytest.approx(2.1 * 372.09e-12 * 1.8, rel=BY_HAND)
    assert float(plain.devices) == pytest.approx(3 * 2400e-12, rel=ROUNDING)
    assert float(plain.capacitors) == pytest.approx(5 * 502.51e-12, rel=BY_HAND)
    stage = attrs.evolve(CHIP.controller.output_stage, present=True, conductance=100 * nS)
    staged = attrs.evolve(CHIP, controller=attrs.evolve(CHIP.controller, output_stage=stage))
    more = controller_cost(staged, leak=0.1)
    assert float(more.power - plain.power) == pytest.approx(7.6193e-9 * 1.8, rel=BY_HAND)
    assert float(more.devices - plain.devices) == pytest.approx(2400e-12, rel=ROUNDING)
    assert float(more.capacitors) == float(
        plain.capacitors
    )  # the line to the neurons is no capacitor of ours


def test_paths_that_a_controller_lacks_cost_nothing() -> None:
    one = float(controller_cost(CHIP, leak=0.0, proportional=False).power)
    assert one == pytest.approx(float(integrator_cost(CHIP, leak=0.0).power), rel=ROUNDING)
    assert float(controller_cost(CHIP, leak=0.0).power) == pytest.approx(2 * one, rel=ROUNDING)
    derived = controller_cost(CHIP, leak=0.0, derivative_ratio=0.1)
    assert float(derived.power) == pytest.approx(12 * one, rel=ROUNDING)  # a filter ten times as fast
    assert float(derived.capacitors) == pytest.approx(2 * 5 * 502.51e-12, rel=BY_HAND)


def test_an_integrator_like_a_soma_is_a_soma_of_two_couplings() -> None:
    """With a leak like its input."""
    integrator = integrator_cost(CHIP, leak=1.0, tau_soma=TAU)
    soma = soma_cost(CHIP, TAU, inputs=1)
    for name in ("power", "devices", "capacitors"):
        assert float(getattr(integrator, name)) == pytest.approx(float(getattr(soma, name)), rel=ROUNDING)


@pytest.mark.parametrize("name", ["basal", "apical"])
def test_a_dendrite_has_a_capacitor_where_it_has_a_time_constant(name: str) -> None:
    """g = 1 nA/30 mV; .3 ms of it is 10 pF, 5025.1 µm². The OTA has 6 devices of 4 µm²."""
    at_once, slow = (dendrite_cost(CHIP, name, tau) for tau in (0 * second, 0.3 * msecond))
    assert float(at_once.capacitors) == 0
    assert float(slow.capacitors) == pytest.approx(5025.1e-12, rel=BY_HAND)
    assert float(slow.devices) == float(at_once.devices) == pytest.approx(24e-12, rel=ROUNDING)
    assert float(slow.power) == float(at_once.power)


def test_currents_times_supply() -> None:
    """1 nA · 1.8 V for a pair; a mirror carries what is said to flow. Devices of 2 µm × 2 µm, two a mirror."""
    unit = 1.8e-9
    for cost, power, area in (
        (rate_cost(CHIP), unit, 16e-12),
        (comparator_cost(CHIP, activity=0.25), 1.25 * unit, 24e-12),
        (synapse_cost(CHIP, current=0.04), 0.04 * unit, 8e-12),
        (line_cost(CHIP, activity=0.25), 0.25 * unit, 0.0),
    ):
        assert float(cost.power) == pytest.approx(power, rel=ROUNDING)
        assert float(cost.area) == pytest.approx(area, rel=ROUNDING)


def test_a_hold_takes_a_charge_a_sample() -> None:
    """1 pF · 30 mV · 1.8 V = 54 fJ; nothing while it holds."""
    cost = hold_cost(CHIP)
    assert float(cost.energy) == pytest.approx(54e-15, rel=ROUNDING)
    assert float(cost.power) == 0
    assert float(cost.area) == pytest.approx(506.51e-12, rel=BY_HAND)


def test_a_converter_takes_its_figure_a_conversion() -> None:
    """8 bits, 22 (2.4 to 86) fJ a step: 256 of it."""
    cost = converter_cost(Converter(bits=8))
    figures = [cost.energy_low, cost.energy, cost.energy_high]
    assert [float(energy) * 1e15 for energy in figures] == pytest.approx(
        [2.4 * 256, 22 * 256, 86 * 256], rel=ROUNDING
    )
    assert float(converter_cost(Converter(bits=0)).area) == 0
    with pytest.raises(QuantityError):
        converter_cost(Converter(bits=3))


def test_energy_is_power_times_time_and_uses() -> None:
    cost = converter_cost(Converter(bits=8)) + soma_cost(CHIP, TAU, inputs=2)
    steady = float(soma_cost(CHIP, TAU, inputs=2).power) * 4e-3
    median, low, high = (float(energy) for energy in cost.over(4 * msecond, uses=10))
    assert median == pytest.approx(steady + 10 * 22e-15 * 256, rel=ROUNDING)
    assert low == pytest.approx(steady + 10 * 2.4e-15 * 256, rel=ROUNDING)
    assert high == pytest.approx(steady + 10 * 86e-15 * 256, rel=ROUNDING)


def test_where_nothing_was_surveyed_low_and_high_are_the_energy() -> None:
    median, low, high = hold_cost(CHIP).over(1 * second, uses=3)
    assert float(median) == float(low) == float(high) > 0


def test_sums_and_multiples() -> None:
    soma, hold = soma_cost(CHIP, TAU, inputs=2), hold_cost(CHIP)
    both = soma.times(3) + hold
    for name in attrs.fields_dict(PartCost):
        expected = 3 * float(getattr(soma, name)) + float(getattr(hold, name))
        assert float(getattr(both, name)) == pytest.approx(expected, rel=ROUNDING)


def _with_capacitors(**changes: object) -> Chip:
    process = CHIP.process
    return attrs.evolve(
        CHIP, process=attrs.evolve(process, capacitor=attrs.evolve(process.capacitor, **changes))
    )


def test_capacitors_shrink_with_density_and_with_fringe() -> None:
    """Twice the density, half the area. With .5 fF/µm of rim a square of side s has 1.99 s² + 2 s fF = 1 pF:
    s = 21.919 µm, 480.43 µm²."""
    dense = _with_capacitors(density=2 * CHIP.process.capacitor.density)
    area = float(soma_cost(CHIP, TAU, inputs=2).capacitors)
    assert float(soma_cost(dense, TAU, inputs=2).capacitors) == pytest.approx(area / 2, rel=ROUNDING)
    rimmed = soma_cost(_with_capacitors(fringe=0.5e-9 * farad / metre), TAU, inputs=2)
    assert float(rimmed.capacitors) == pytest.approx(480.43e-12, rel=BY_HAND)


def test_what_is_drawn_does_not_change_with_lot_and_temperature() -> None:
    warm = attrs.evolve(CHIP, corner="ff", temperature=350 * kelvin)
    assert float(soma_cost(warm, TAU, inputs=2).area) == float(soma_cost(CHIP, TAU, inputs=2).area)


def test_power_follows_supply_current_unit_and_speed() -> None:
    """Synapses follow I_unit; twice as fast a soma needs twice the bias, and a little more above weak inversion."""
    high = attrs.evolve(CHIP, supply=3.6 * volt)
    power = float(soma_cost(CHIP, TAU, inputs=2).power)
    assert float(soma_cost(high, TAU, inputs=2).power) == pytest.approx(2 * power, rel=ROUNDING)
    strong = attrs.evolve(CHIP, current_unit=2 * namp)
    twice = 2 * float(synapse_cost(CHIP, current=1).power)
    assert float(synapse_cost(strong, current=1).power) == pytest.approx(twice, rel=ROUNDING)
    ratio = float(soma_cost(CHIP, TAU / 2, inputs=2).power) / power
    assert ratio == pytest.approx(
        2 * (1 + 1.2572e-3), rel=1e-5
    )  # (1 + 2q)/(1 + q) to first order; q² is 2e-6


def test_a_bias_that_no_device_gives_is_refused() -> None:
    with pytest.raises(ChipError, match="bias"):
        soma_cost(CHIP, 1e6 * second, inputs=2)
    tiny = attrs.evolve(
        CHIP, hold=attrs.evolve(CHIP.hold, capacitance=1e-3 * pfarad), current_unit=1e-6 * namp
    )
    with pytest.raises(ChipError, match="bias"):
        dendrite_cost(tiny, "basal", 0 * second)


def test_a_chip_of_measured_parts_has_their_area() -> None:
    board = load_preset("board_opamp").chip
    assert float(synapse_cost(board, current=0).area) == pytest.approx(4e-6, rel=ROUNDING)
    coupling = board.soma.coupling
    expected = float(coupling.supply_current) * float(board.supply)  # three resistors at one op-amp
    assert float(soma_cost(board, 2 * msecond, inputs=2).power) == pytest.approx(expected, rel=ROUNDING)
