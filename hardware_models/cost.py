"""What the parts of a chip take from the supply and what area they cover; knows no network and no neurosim.

Areas are those of devices and capacitors as they are drawn, at the typical corner: no wires, wells or spacing.
Currents are those of the chip's temperature and corner. Bias generators, which a whole chip shares, are not counted.
"""

from __future__ import annotations

import attrs
from brian2 import Quantity, joule, metre, watt

from hardware_models.chip import Chip
from hardware_models.converter import Converter
from hardware_models.coupling import OperatingPoint
from hardware_models.mirror import mirror_area


@attrs.frozen(kw_only=True, eq=False)
class PartCost:
    """E(T) = P T + n E_use in a time T with n uses, and area = devices + capacitors."""

    power: Quantity = 0 * watt
    """P, while it is on, W."""
    energy: Quantity = 0 * joule
    """E_use, of a sample or a conversion, J."""
    energy_low: Quantity = attrs.field(default=attrs.Factory(lambda self: self.energy, takes_self=True))
    """E_use of the best tenth of what was published; E_use itself where nothing was surveyed."""
    energy_high: Quantity = attrs.field(default=attrs.Factory(lambda self: self.energy, takes_self=True))
    """E_use of the worst tenth."""
    devices: Quantity = 0 * metre**2
    capacitors: Quantity = 0 * metre**2

    @property
    def area(self) -> Quantity:
        """m²."""
        return self.devices + self.capacitors

    def over(
        self, time: Quantity, *, uses: float = 0, on: float = 1.0
    ) -> tuple[Quantity, Quantity, Quantity]:
        """E(T) with so many uses, on for the part `on` of T: median, best tenth, worst tenth; J."""
        steady = Quantity(self.power * (on * time))
        return (
            steady + uses * self.energy,
            steady + uses * self.energy_low,
            steady + uses * self.energy_high,
        )

    def __add__(self, other: PartCost) -> PartCost:
        return PartCost(**{name: getattr(self, name) + getattr(other, name) for name in _FIELDS})

    def times(self, factor: float) -> PartCost:
        """So many of it."""
        return PartCost(**{name: getattr(self, name) * factor for name in _FIELDS})


_FIELDS = tuple(attrs.fields_dict(PartCost))


def soma_cost(chip: Chip, tau_soma: Quantity, *, inputs: int) -> PartCost:
    """A soma: transconductors of the leak and of each input (basal, apical), C, the switch that resets it.

    Raises
    ------
    ChipError : no transconductor of that geometry gives that time constant; as from every function here.
    """
    soma = chip.soma
    point = chip.soma_point(tau_soma)
    return _transconductors(chip, point, 1 + inputs) + PartCost(
        devices=soma.switch.area, capacitors=_capacitor(chip, soma.capacitance)
    )


def dendrite_cost(chip: Chip, name: str, tau: Quantity) -> PartCost:
    """The compartment "basal" or "apical": its conductance I_unit/V_unit and, with a time constant, C = g τ."""
    cost = _transconductors(chip, chip.dendrite_point(name), 1)
    if float(tau) == 0:
        return cost
    return cost + PartCost(capacitors=_capacitor(chip, chip.unit_conductance * tau))


def rate_cost(chip: Chip) -> PartCost:
    """A voltage turned into a rate's current: a pair whose tail is I_unit, whatever the rate is.

    The chip does not state its geometry, so it covers what four devices of the comparator's mirror do: the pair and
    the mirror of its tail.
    """
    return PartCost(power=chip.supply * chip.current_unit, devices=2 * mirror_area(chip.comparator.mirror))


def comparator_cost(chip: Chip, *, activity: float) -> PartCost:
    """post = φ(v) − φ(v_ff): a second pair for φ(v_ff), and the mirror that turns its mean current round.

    Parameters
    ----------
    activity : mean |rate|.
    """
    mirror = PartCost(
        power=chip.supply * chip.current_unit * activity,
        devices=mirror_area(chip.comparator.mirror),
    )
    return rate_cost(chip) + mirror


def synapse_cost(chip: Chip, *, current: float) -> PartCost:
    """A synapse of two devices that carries a current, stated in I_unit: |w r|.

    What flows into the mirror's first device is the neuron's output, and counts there.
    """
    return PartCost(
        power=chip.supply * chip.current_unit * current,
        devices=mirror_area(chip.synapse.mirror),
    )


def line_cost(chip: Chip, *, activity: float) -> PartCost:
    """An input's line, which brings I_unit times its rate; what makes the current counts as a converter."""
    return PartCost(power=chip.supply * chip.current_unit * activity)


def controller_cost(
    chip: Chip, *, leak: float, proportional: bool = True, derivative_ratio: float = 0.0
) -> PartCost:
    """A controller: integrator, proportional path, output stage if it is there, derivative path if it is there.

    The integrator has a transconductor for its input and, with α > 0, one of the same geometry and α of its current
    for the leak; the proportional path one like the input's; a derivative path a filter like the integrator's with
    τ_u/τ_d of its current. The load of the output stage is wire, and covers nothing here.

    Parameters
    ----------
    leak : α.
    derivative_ratio : τ_d/τ_u; 0: no derivative path.
    """
    part, point = chip.controller, chip.controller_point()
    cost = integrator_cost(chip, leak=leak)
    if proportional:
        cost += _transconductors(chip, point, 1)
    if derivative_ratio > 0:
        cost += _transconductors(chip, point, 1, share=1 / derivative_ratio)
        cost += PartCost(capacitors=_capacitor(chip, part.capacitance))
    if part.output_stage.present:
        cost += _transconductors(chip, chip.output_point(), 1)
    return cost


def integrator_cost(chip: Chip, *, leak: float, tau_soma: Quantity | None = None) -> PartCost:
    """An integrator like the controller's, or with `tau_soma` one built like a soma: input, leak, capacitor.

    Parameters
    ----------
    leak : over the conductance of its input; 0: it has none.
    """
    point = chip.controller_point() if tau_soma is None else chip.soma_point(tau_soma)
    capacitance = chip.controller.capacitance if tau_soma is None else chip.soma.capacitance
    cost = _transconductors(chip, point, 1) + PartCost(capacitors=_capacitor(chip, capacitance))
    if leak > 0:
        cost += _transconductors(chip, point, 1, share=leak)
    return cost if tau_soma is None else cost + PartCost(devices=chip.soma.switch.area)


def hold_cost(chip: Chip) -> PartCost:
    """A sample-and-hold. Each sample moves the capacitor by about one unit of activity: E = C V_unit V_dd."""
    hold = chip.hold
    return PartCost(
        energy=hold.capacitance * chip.voltage_unit * chip.supply,
        devices=hold.switch.area,
        capacitors=_capacitor(chip, hold.capacitance),
    )


def converter_cost(converter: Converter) -> PartCost:
    """A converter, on only while it converts: the survey's median energy of a conversion, p10 to p90, and its area.

    The survey is one of analog-to-digital converters by successive approximation, each of which holds a
    digital-to-analog converter: for one of these alone its numbers are too large.

    Raises
    ------
    QuantityError : bits for which there is no survey.
    """
    return PartCost(
        energy=converter.energy(),
        energy_low=converter.energy(10),
        energy_high=converter.energy(90),
        devices=converter.area,
    )


def _transconductors(chip: Chip, point: OperatingPoint, count: int, *, share: float = 1.0) -> PartCost:
    """So many into one node at an operating point, with a share of its current; one, where they share an amplifier."""
    if point.shared:
        count = min(count, 1)
    return PartCost(power=chip.supply * point.supply_current * count * share, devices=point.area * count)


def _capacitor(chip: Chip, capacitance: Quantity) -> Quantity:
    return chip.process.capacitor.area(capacitance)
