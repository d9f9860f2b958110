"""A chip: the scales of its signals, its parts, its process, and the conditions it works under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np
from brian2 import Quantity, amp, kelvin, msecond, mvolt, namp, second, volt

from hardware_models import checks
from hardware_models.compartment import MOST_RANGES, Comparator, Dendrite, Soma
from hardware_models.controller import AnalogPI
from hardware_models.converter import Converter
from hardware_models.coupling import Coupling, OperatingPoint
from hardware_models.draw import Draw, Lot, Streams
from hardware_models.ekv import REFERENCE, Transistor
from hardware_models.hold import SampleHold
from hardware_models.imperfections import differs, imperfections_of
from hardware_models.mirror import Mirror, mirror_spread
from hardware_models.noise import white_noise_amplitude
from hardware_models.process import CORNERS, Conditions, Process
from hardware_models.provenance import Number
from hardware_models.quantity import QuantityError, within
from hardware_models.synapse import Crossbar

BY_SPEC = "the spec"
"""The source of a number that a spec changed."""

__all__ = ["Chip", "ChipError", "Draw", "Streams"]


class ChipError(QuantityError):
    """A chip that cannot be built as asked: a device outside the range its model holds for."""


@attrs.frozen(kw_only=True)
class Chip:
    """What a unit of activity, of current and of time is on the silicon, and what the silicon is made of."""

    name: str = attrs.field(default="ideal", metadata={"given": True})
    voltage_unit: Quantity = attrs.field(
        default=30 * mvolt, validator=checks.quantity(0 * volt, above=0), eq=float
    )
    """Soma and controller voltage of activity 1."""
    current_unit: Quantity = attrs.field(
        default=1 * namp, validator=checks.quantity(0 * amp, above=0), eq=float
    )
    """Output current of a neuron at rate 1."""
    time_base: Quantity = attrs.field(
        default=1 * msecond, validator=checks.quantity(0 * second, above=0), eq=float
    )
    """τ_u, the controller's time constant; the spec's ratios refer to it."""
    temperature: Quantity = attrs.field(
        default=REFERENCE, validator=checks.quantity(0 * kelvin, above=0), eq=float
    )
    """At which it works. It was designed for 27 °C."""
    corner: str = attrs.field(default="tt", validator=checks.choice(*CORNERS))
    """Of its lot."""
    supply: Quantity = attrs.field(default=1.8 * volt, validator=checks.quantity(0 * volt, above=0), eq=float)
    tracking: str = attrs.field(
        default="constant_current", validator=checks.choice("constant_current", "constant_gm")
    )
    """What the bias circuit keeps as it gets warmer."""
    seed: int = attrs.field(default=1, validator=checks.seed)
    """Which chip of the lot; also the root of its noise."""
    noise: bool = attrs.field(default=False, validator=checks.truth)
    """Of transconductors: white, 1/f and of single traps, into somata, dendrites and integrators; of
    sampling; of reading and changing stored weights.

    White noise needs a state that filters it: a dendrite without a time constant has none of its own, nor have the
    controller's proportional path and its output stage."""
    slowest_noise: Quantity = attrs.field(
        default=1e4 * second, validator=checks.quantity(0 * second, above=0), eq=float
    )
    """Longest correlation time of 1/f noise: what is slower counts as offset."""
    mismatch: bool = attrs.field(default=False, validator=checks.truth)
    """Spread from geometry."""
    railed: bool = attrs.field(default=False, validator=checks.truth)
    """Whether the voltages of neurons and controller are limited."""
    saturating: bool = attrs.field(default=False, validator=checks.truth)
    """Whether transconductors give no more than their bias current."""
    process: Process = attrs.field(factory=Process)
    soma: Soma = attrs.field(factory=Soma)
    basal: Dendrite = attrs.field(factory=Dendrite)
    apical: Dendrite = attrs.field(factory=Dendrite)
    comparator: Comparator = attrs.field(factory=lambda: Comparator(auto_zero=False))
    controller: AnalogPI = attrs.field(factory=AnalogPI)
    hold: SampleHold = attrs.field(factory=SampleHold)
    synapse: Crossbar = attrs.field(factory=Crossbar)
    input_converter: Converter = attrs.field(factory=Converter)
    """Brings inputs in, and desired outputs that are values."""
    output_converter: Converter = attrs.field(factory=Converter)
    """Reads outputs out; the target is made on the chip of what it holds, and passes none."""
    numbers: Mapping[str, Number] = attrs.field(factory=dict, eq=False, repr=False, metadata={"given": True})
    """Where each number is from, by path, if it was read from a file."""
    _points: dict[tuple[str, float], OperatingPoint] = attrs.field(
        factory=dict, init=False, eq=False, repr=False, metadata={"given": True}
    )
    """Those worked out so far, by part and conductance: a chip does not change."""

    def sibling(self, seed: int) -> Chip:
        """Another chip of the lot, as a spec would name it."""
        numbers = dict(self.numbers)
        if "seed" in numbers:
            changed = attrs.evolve(numbers["seed"], value=seed, text=str(seed), mark="spec", source=BY_SPEC)
            changed.check("seed")
            numbers["seed"] = changed
        other = attrs.evolve(self, seed=seed, numbers=numbers)
        other._points.update(self._points)
        return other

    def _point(self, path: str, coupling: Coupling, conductance: Quantity) -> OperatingPoint:
        """Of the coupling of a part."""
        key = path, float(conductance)
        if key not in self._points:
            with self.cited(path), within("coupling"):
                self._points[key] = coupling.operate(conductance, self.conditions)
        return self._points[key]

    @property
    def unit_conductance(self) -> Quantity:
        """I_unit/V_unit: what turns activity 1 as a voltage into activity 1 as a current, S."""
        return self.current_unit / self.voltage_unit

    @property
    def conditions(self) -> Conditions:
        """Under which its parts work."""
        return Conditions(
            process=self.process.at(self.corner),
            typical=self.process,
            temperature=self.temperature,
            tracking=self.tracking,
            saturating=self.saturating,
        )

    @property
    def imperfections(self) -> tuple[str, ...]:
        """In what it is other than the ideal chip, such as "mismatch"; empty: in nothing."""
        return tuple(imperfections_of(self))

    @property
    def warm_slope(self) -> float:
        """κ/U_T over that at 27 °C: what the slope of every differential pair is multiplied by."""
        mos = self.process.n
        return float(mos.slope(self.temperature) / mos.slope(REFERENCE))

    def _railed_parts(self) -> dict[str, Soma | Dendrite | AnalogPI]:
        return {
            "soma": self.soma,
            "basal": self.basal,
            "apical": self.apical,
            "controller": self.controller,
        }

    def dendrite_limit(self, name: str) -> Quantity:
        """How far the compartment "basal" or "apical" goes from mid-supply, V; inf: neither rails nor saturates."""
        rail = self.rail(getattr(self, name)) if self.railed else np.inf * volt
        reach = MOST_RANGES * self.dendrite_point(name).linear_range
        return rail if float(rail) < float(reach) else reach

    def rail(self, part: Soma | Dendrite | AnalogPI) -> Quantity:
        """How far a part's voltage may go from mid-supply: less where the supply is lower, V."""
        return part.limit + 0.5 * (self.supply - self.process.supply)

    def check(self) -> None:
        """Geometry and rails; ChipError names the part. Biases depend on a network, and are checked with it."""
        for path, device in _transistors(self):
            with self.cited(path):
                self.process.device(device)
        for name, part in self._railed_parts().items():
            with self.cited(name):
                if self.railed and not float(self.rail(part)) > 0:
                    raise QuantityError(
                        "a supply that leaves some room between the rails",
                        f"{self.supply}, {self.process.supply} nominally",
                        "limit",
                    )

    def soma_point(self, tau_soma: Quantity) -> OperatingPoint:
        """Of the soma's transconductors, for a time constant."""
        return self._point("soma", self.soma.coupling, self.soma.capacitance / tau_soma)

    def dendrite_point(self, name: str) -> OperatingPoint:
        """Of the conductance of the compartment "basal" or "apical"."""
        part: Dendrite = getattr(self, name)
        return self._point(name, part.coupling, self.unit_conductance)

    def controller_point(self) -> OperatingPoint:
        """Of the integrator's input."""
        part = self.controller
        return self._point("controller", part.coupling, part.capacitance / self.time_base)

    def output_point(self) -> OperatingPoint:
        """Of the controller's output stage."""
        part = self.controller.output_stage
        return self._point("controller.output_stage", part.coupling, part.conductance)

    def soma_leakage(self) -> Quantity:
        """What a soma's reset switch takes, A."""
        with self.cited("soma.switch"):
            conditions = self.conditions
            switch = self.soma.switch
            return conditions.process.device(switch).off_current(switch, conditions.temperature)

    def mirror_spread(self, path: str, mirror: Mirror) -> float:
        """σ(ln I) of a copy of I_unit by a mirror that stands at a path."""
        with self.cited(path):
            conditions = self.conditions
            return mirror_spread(
                mirror,
                conditions.process,
                current=self.current_unit,
                temperature=conditions.temperature,
            )

    def draw(
        self,
        sizes: Sequence[int],
        streams: Streams,
        *,
        tau_soma: Quantity,
        feedback: Sequence[tuple[int, int]] | None = None,
        populations: Mapping[str, tuple[int, bool]] | None = None,
    ) -> Draw | None:
        """One chip with layers of `sizes` (n_0..n_L); None where it differs in nothing from what was designed.

        Parameters
        ----------
        feedback : shapes of the feedback arrays; None: direct, (n_l, n_L).
        populations : of a circuit beside the network: units, and whether they are built like the controller's
            integrators rather than like somata. With one, neurons have no apical compartment.

        Raises
        ------
        ChipError : a device outside the range of its model.
        """
        if not differs(self):
            return None
        lot = Lot.of(self, tau_soma, apical=not populations)
        return lot.draw(sizes, streams, feedback=feedback, populations=populations)

    def soma_noise_current(
        self, tau_soma: Quantity, tau_apical: Quantity = 0 * second, *, apical: bool = True
    ) -> Quantity:
        """I_n of the soma: white noise of its leak's and its basal transconductor, A·√s (two-sided).

        Where the apical compartment has a time constant, and so noise of its own, the transconductor from it
        to the soma counts here too; otherwise `apical_noise` is that transconductor's. Not `apical`: there is none.
        """
        point = self.soma_point(tau_soma)
        if not apical:
            return white_noise_amplitude(point.white_of(2))
        if float(tau_apical) > 0:
            return white_noise_amplitude(point.white_of(3))
        return white_noise_amplitude(point.white_of(3) - point.own_white)

    def apical_noise(self, tau_soma: Quantity, tau_apical: Quantity) -> Quantity:
        """V_n of the apical compartment: its own transconductor's noise, or, where it has no time constant,
        that of the transconductor to the soma; referred to the input, V·√s (two-sided)."""
        if float(tau_apical) > 0:
            return self.dendrite_noise("apical")
        point = self.soma_point(tau_soma)
        return white_noise_amplitude(point.own_white) / point.designed

    def dendrite_noise(self, name: str) -> Quantity:
        """V_n of the compartment "basal" or "apical" with a time constant, its transconductor's white noise, V·√s."""
        point = self.dendrite_point(name)
        return white_noise_amplitude(point.white) / point.designed

    @contextmanager
    def cited(self, part: str) -> Iterator[None]:
        """Errors inside become ChipErrors that name the part, and the source of the bound that was broken."""
        try:
            with within(part):
                yield
        except ChipError:
            raise
        except QuantityError as error:
            number = self.numbers.get(error.limit)
            says = f" ({error.limit}: {number.origin})" if number is not None else ""
            raise ChipError(error.expected + says, error.got, error.key, limit=error.limit) from None


def _transistors(part: Any, path: str = "") -> Iterator[tuple[str, Transistor]]:
    """All devices of a chip with their paths."""
    for field in attrs.fields(type(part)):
        value = getattr(part, field.name)
        if isinstance(value, Transistor):
            yield path + field.name, value
        elif attrs.has(type(value)) and not isinstance(value, Process | Number):
            yield from _transistors(value, f"{path}{field.name}.")
