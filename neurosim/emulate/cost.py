"""What a spec's network costs on its chip: power, area, time and energy of a presentation; nothing is emulated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs
from brian2 import Quantity, second

from hardware_models import QuantityError
from hardware_models.converter import Converter
from hardware_models.cost import converter_cost
from neurosim.emulate.design import biased, design_of
from neurosim.emulate.inventory import Entry, Inventory
from neurosim.emulate.weights import Weights
from neurosim.equations import Design
from neurosim.errors import SpecError, nearest
from neurosim.learning import METHODS, method_of
from neurosim.spec import Spec

ACTIVITY = 0.5
"""Mean |rate| where nothing is known of it: half of full scale; chosen."""
CONVERTER_BITS = 8
"""Of both converters of a chip that says nothing of them: what outputs of BrainScaleS-2 have; its inputs have 5."""
NOT_COUNTED = (
    "what stores the weights, works out their changes and writes them",
    "bias generators, wires, wells, spacing, pads",
    "what keeps an input while it is shown; the gradient of the loss",
)
CELLS = "{} {} cells: their area, and what they draw while they are read, before columns scale it to I_unit"
BESIDE = "products with φ', norms and switches of the circuit beside the network"
ASLEEP = "the sleep phase, in which feedback is learned"


@attrs.frozen(kw_only=True)
class CostRow:
    """All parts of one kind."""

    part: str
    count: int
    power_W: float
    """Mean over a presentation."""
    energy_per_presentation_J: float
    energy_low_J: float
    """With converters like the best tenth of those published; the same where there is no converter."""
    energy_high_J: float
    """With converters like the worst tenth."""
    device_area_m2: float
    capacitor_area_m2: float

    @property
    def area_m2(self) -> float:
        """Devices and capacitors."""
        return self.device_area_m2 + self.capacitor_area_m2


@attrs.frozen(kw_only=True)
class Cost:
    """A network on its chip: one sample a presentation, after which every weight is updated."""

    chip: str
    method: str
    layers: tuple[int, ...]
    supply_V: float
    settle_s: float
    learn_s: float
    activity: float
    """Mean |rate| that was assumed, and mean |u| of the feedback in units of activity."""
    rows: tuple[CostRow, ...]
    synaptic_operations: int
    """Multiplications in a presentation: one of every weight in each phase in which it is on."""
    weight_updates: int
    """Weights and biases that a presentation changes."""
    memory_cells: int
    """Devices that store them and the feedback weights; 0 on a chip that does not say in what it stores them."""
    assumed: tuple[str, ...]
    not_counted: tuple[str, ...]

    @property
    def time_s(self) -> float:
        """Of a presentation."""
        return self.settle_s + self.learn_s

    @property
    def total(self) -> CostRow:
        """The sum of all rows."""
        summed = [name for name in attrs.fields_dict(CostRow) if name != "part"]
        return CostRow(
            part="total", **{name: sum(getattr(row, name) for row in self.rows) for name in summed}
        )

    @property
    def energy_per_weight_update_J(self) -> float:
        """All energy of a presentation over the weights it changes."""
        return self.total.energy_per_presentation_J / self.weight_updates

    @property
    def energy_per_synaptic_operation_J(self) -> float:
        """All energy of a presentation over its multiplications."""
        return self.total.energy_per_presentation_J / self.synaptic_operations


def cost_of(
    spec: Spec,
    *,
    weights: Weights | None = None,
    activity: float = ACTIVITY,
    dac_bits: int | None = None,
    adc_bits: int | None = None,
) -> Cost:
    """The cost of a spec's network on its chip.

    Parameters
    ----------
    weights : whose |w| the synapses carry; None: those a run of the spec starts with.
    activity : mean |rate| of inputs and neurons, and mean |u|/V_unit of controllers.
    dac_bits : of the one converter that brings inputs and targets in turn; 0: none is counted; None: what the chip
        has, or `CONVERTER_BITS` where it has none.
    adc_bits : of the one converter that reads the outputs in turn, likewise.

    Raises
    ------
    SpecError : a method without dynamics, a chip that cannot be biased, an activity or bits that make no sense.
    """
    _check(spec, activity)
    design = design_of(spec)
    stored = Weights.initial(spec) if weights is None else weights
    stored.check(spec.network, design.parts.feedback)
    protocol, step = spec.run.protocol, spec.run.dt_ratio * float(design.chip.time_base)
    learn_steps = protocol.period - protocol.settle_steps
    inventory = Inventory(
        design=design, weights=stored, activity=activity, learning=learn_steps / protocol.period
    )
    with biased(spec):
        entries = list(inventory.entries())
    chip = design.chip
    converters = list(
        _converters(
            spec,
            dac_bits=_bits(dac_bits, chip.input_converter),
            adc_bits=_bits(adc_bits, chip.output_converter),
        )
    )
    return Cost(
        chip=design.chip.name,
        method=spec.method.name,
        layers=spec.network.layers,
        supply_V=float(design.chip.supply),
        settle_s=protocol.settle_steps * step,
        learn_s=learn_steps * step,
        activity=float(activity),
        rows=tuple(_row(entry, protocol.period * step * second) for entry in [*entries, *converters]),
        synaptic_operations=inventory.operations,
        weight_updates=inventory.updates,
        memory_cells=inventory.memory_cells,
        assumed=_assumed(activity, [entry.part for entry in converters], initial=weights is None),
        not_counted=_not_counted(design, inventory.memory_cells),
    )


def _row(entry: Entry, time: Quantity) -> CostRow:
    median, low, high = (float(energy) for energy in entry.cost.over(time, uses=entry.uses))
    return CostRow(
        part=entry.part,
        count=entry.count,
        power_W=median / float(time),
        energy_per_presentation_J=median,
        energy_low_J=low,
        energy_high_J=high,
        device_area_m2=float(entry.cost.devices),
        capacitor_area_m2=float(entry.cost.capacitors),
    )


def _bits(asked: int | None, own: Converter) -> int:
    if asked is not None:
        return asked
    return own.bits if own.present else CONVERTER_BITS


def _converters(spec: Spec, *, dac_bits: int, adc_bits: int) -> Iterator[Entry]:
    layers = spec.network.layers
    for part, key, bits, uses in (
        ("DAC", "dac_bits", dac_bits, layers[0] + layers[-1]),
        ("ADC", "adc_bits", adc_bits, layers[-1]),
    ):
        try:
            cost = converter_cost(
                Converter(bits=bits)
            )  # energy and area are the same for all of so many bits
        except QuantityError as error:
            raise SpecError(
                "bad value", where=key, expected=f"0, or {error.expected}", got=error.got
            ) from None
        if bits:
            yield Entry(part=f"{part} ({bits} bits)", count=1, cost=cost, uses=uses)


def _assumed(activity: float, converters: Sequence[str], *, initial: bool) -> tuple[str, ...]:
    held = "those a run starts with" if initial else "as given"
    one = " and ".join(f"one {name}" for name in converters)
    turns = (
        f"{one} convert one line after another, off in between",
        "a conversion takes the median of Murmann's survey of converters; p10 and p90 are its tenths",
    )
    return (
        f"mean |rate| and mean |u|/V_unit are {activity:g}; weights are {held}",
        "a neuron's output, and its comparator's copy of it, draw I_unit each, whatever the rate",
        *(turns if converters else ()),
        "a presentation is one sample, after which every weight is updated",
    )


def _not_counted(design: Design, cells: int) -> tuple[str, ...]:
    memory = design.chip.synapse.stores
    stored = () if memory is None else (CELLS.format(cells, type(memory).__name__),)
    beside = (BESIDE,) if design.circuit is not None else ()
    return (*NOT_COUNTED, *stored, *beside, *((ASLEEP,) if design.parts.sleeps else ()))


def _check(spec: Spec, activity: float) -> None:
    if not method_of(spec.method.name).dynamical:
        simulated = [name for name, method in METHODS.items() if method.dynamical]
        raise SpecError(
            f"{spec.method.name} has no dynamics, so no chip runs it",
            where="method.name",
            expected="one of " + ", ".join(simulated),
            remedy=nearest(spec.method.name, simulated),
        )
    good = isinstance(activity, int | float) and not isinstance(activity, bool)
    if not (good and 0 <= activity < math.inf):
        raise SpecError("bad value", where="activity", expected="a finite number >= 0", got=repr(activity))
