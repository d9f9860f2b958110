"""A chip: the scales of its signals, its parts, its process; and the draw that makes it one of many."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from brian2 import Quantity, amp, kelvin, msecond, mvolt, namp, second, volt
from numpy.typing import NDArray

from hardware_models import checks
from hardware_models.compartment import Comparator, Dendrite, Soma
from hardware_models.controller import AnalogPI
from hardware_models.noise import white_noise_amplitude
from hardware_models.synapse import Crossbar
from hardware_models.variability import Process

Array = NDArray[np.float64]
Streams = Callable[[str], np.random.Generator]
"""Gives the random generator of a name."""


class ChipError(ValueError):
    """A chip that cannot be built as asked: a number outside the range its model holds for."""


@attrs.frozen(kw_only=True, eq=False)
class LayerDraw:
    """What was drawn for the neurons of one layer, each (n_units,); without unit but for the offset."""

    leak: Array
    basal_gain: Array
    apical_gain: Array
    offset: Quantity
    """V."""
    slope: Array
    comparator_offset: Array


@attrs.frozen(kw_only=True, eq=False)
class PopulationDraw:
    """What was drawn for a population of integrators beside the neurons, each (n_units,)."""

    leak: Array
    gain: Array
    offset: Quantity
    """V."""


@attrs.frozen(kw_only=True, eq=False)
class Draw:
    """One chip out of the lot."""

    layers: tuple[LayerDraw, ...]
    forward_gain: tuple[Array, ...]
    """(n_l, n_{l−1}) each."""
    feedback_gain: tuple[Array, ...]
    """Of the shapes asked for; (n_l, n_L) each where feedback is direct."""
    proportional: Array
    leak: Array
    error_offset: Array
    """All (n_L,), without unit."""
    populations: Mapping[str, PopulationDraw]


@attrs.frozen(kw_only=True)
class Chip:
    """What a unit of activity, of current and of time is on the silicon, and what the silicon is made of."""

    name: str = "ideal"
    voltage_unit: Quantity = attrs.field(
        default=30 * mvolt, validator=checks.quantity(0 * volt, above=0), eq=float
    )
    """Soma and controller voltage of activity 1. Chosen: ±2 units stay in an OTA's linear range of ±75 mV."""
    current_unit: Quantity = attrs.field(
        default=1 * namp, validator=checks.quantity(0 * amp, above=0), eq=float
    )
    """Output current of a neuron at rate 1. Chosen, in weak inversion."""
    time_base: Quantity = attrs.field(
        default=1 * msecond, validator=checks.quantity(0 * second, above=0), eq=float
    )
    """τ_u, the controller's time constant; the spec's ratios refer to it. Chosen."""
    temperature: Quantity = attrs.field(
        default=300.15 * kelvin, validator=checks.quantity(0 * kelvin, above=0), eq=float
    )
    seed: int = attrs.field(default=1, validator=checks.seed)
    """Which chip of the lot; also the root of its noise."""
    noise: bool = attrs.field(default=False, validator=checks.truth)
    """Shot noise from bias currents."""
    mismatch: bool = attrs.field(default=False, validator=checks.truth)
    """Spread from geometry."""
    railed: bool = attrs.field(default=False, validator=checks.truth)
    """Whether the controller's voltages are limited."""
    process: Process = attrs.field(factory=Process)
    soma: Soma = attrs.field(factory=Soma)
    basal: Dendrite = attrs.field(factory=Dendrite)
    apical: Dendrite = attrs.field(factory=Dendrite)
    comparator: Comparator = attrs.field(factory=lambda: Comparator(auto_zero=False))
    controller: AnalogPI = attrs.field(factory=AnalogPI)
    synapse: Crossbar = attrs.field(factory=Crossbar)

    @property
    def unit_conductance(self) -> Quantity:
        """I_unit/V_unit: what turns activity 1 as a voltage into activity 1 as a current, S."""
        return self.current_unit / self.voltage_unit

    def draw(
        self,
        sizes: Sequence[int],
        streams: Streams,
        *,
        tau_soma: Quantity,
        feedback: Sequence[tuple[int, int]] | None = None,
        populations: Mapping[str, tuple[int, bool]] | None = None,
    ) -> Draw | None:
        """The mismatch of one chip with layers of `sizes` (n_0..n_L); None where the chip has none.

        Parameters
        ----------
        feedback : shapes of the feedback arrays; None: direct, (n_l, n_L).
        populations : of a circuit beside the network: units, and whether they are built like the controller's
            integrators rather than like somata.

        Raises
        ------
        ChipError : a bias current outside the range of its device's model.
        """
        if not self.mismatch:
            return None
        with _as_chip_error("soma"):
            conductance = self.soma.capacitance / tau_soma
            gain = self.soma.coupling.sigma_log_gain(conductance, self.process, self.temperature)
        spread = self.synapse.gain_spread(
            self.process, current=self.current_unit, temperature=self.temperature
        )
        outputs = sizes[-1]
        shapes = [(n, outputs) for n in sizes[1:]] if feedback is None else feedback
        return Draw(
            layers=tuple(
                self._draw_layer(n, gain, streams(f"layer_{l}")) for l, n in enumerate(sizes[1:], start=1)
            ),
            forward_gain=tuple(
                self.synapse.draw_gains((m, n), spread=spread, generator=streams(f"forward_{l}"))
                for l, (n, m) in enumerate(itertools.pairwise(sizes), start=1)
            ),
            feedback_gain=tuple(
                self.synapse.draw_gains(shape, spread=spread, generator=streams(f"feedback_{position}"))
                for position, shape in enumerate(shapes, start=1)
            ),
            populations={
                name: self._draw_population(n, integrator, gain, streams(name))
                for name, (n, integrator) in (populations or {}).items()
            },
            **self._draw_controller(outputs, streams("controller")),
        )

    def _draw_population(
        self, n: int, integrator: bool, soma_gain: float, generator: np.random.Generator
    ) -> PopulationDraw:
        """Its offsets are sampled while it is reset, as the controller's is: the same residue is left."""
        part = self.controller if integrator else self.soma
        gain = self._controller_gain() if integrator else soma_gain
        offset = self.controller.offset_residue * float(part.coupling.sigma_offset(self.process))
        normal = generator.standard_normal
        return PopulationDraw(
            leak=np.exp(gain * normal(n)),
            gain=np.exp(gain * normal(n)),
            offset=offset * np.sqrt(2) * normal(n) * volt,  # of the leak's and the input's transconductor
        )

    def _controller_gain(self) -> float:
        part = self.controller
        with _as_chip_error("controller"):
            conductance = part.capacitance / self.time_base
            return float(part.coupling.sigma_log_gain(conductance, self.process, self.temperature))

    def _draw_layer(self, n: int, gain: float, generator: np.random.Generator) -> LayerDraw:
        normal = generator.standard_normal
        offset = float(self.soma.coupling.sigma_offset(self.process))
        mirror = self.process.sigma_log_current(self.comparator.mirror, self.current_unit, self.temperature)
        return LayerDraw(
            leak=np.exp(gain * normal(n)),
            basal_gain=np.exp(gain * normal(n)),
            apical_gain=np.exp(gain * normal(n)),
            offset=offset * np.sqrt(3) * normal(n) * volt,  # of the leak's, basal and apical transconductor
            slope=np.exp(self.soma.slope_spread * normal(n)),
            comparator_offset=mirror * normal(n),
        )

    def _draw_controller(self, n: int, generator: np.random.Generator) -> dict[str, Array]:
        part, gain = self.controller, self._controller_gain()
        offset = float(part.coupling.sigma_offset(self.process)) / float(self.voltage_unit)
        return {
            "proportional": np.exp(gain * generator.standard_normal(n)),
            "leak": np.exp(gain * generator.standard_normal(n)),
            "error_offset": part.offset_residue * offset * generator.standard_normal(n),
        }

    def soma_noise_current(self, tau_soma: Quantity, tau_apical: Quantity = 0 * second) -> Quantity:
        """I_n of the soma: shot noise of its leak's and its basal transconductor, A·√s (two-sided).

        Where the apical compartment has a time constant, and so noise of its own, the transconductor from it
        to the soma counts here too; otherwise `apical_noise` is that transconductor's.
        """
        with _as_chip_error("soma"):
            conductance = self.soma.capacitance / tau_soma
            density = self.soma.coupling.noise_density(conductance, self.process, self.temperature)
        return white_noise_amplitude((3 if float(tau_apical) > 0 else 2) * density)

    def apical_noise(self, tau_soma: Quantity, tau_apical: Quantity) -> Quantity:
        """V_n of the apical compartment: its own transconductor's noise, or, where it has no time constant,
        that of the transconductor to the soma; referred to the input, V·√s (two-sided)."""
        dynamic = float(tau_apical) > 0
        part = self.apical if dynamic else self.soma
        conductance = self.unit_conductance if dynamic else self.soma.capacitance / tau_soma
        with _as_chip_error("apical"):
            density = part.coupling.noise_density(conductance, self.process, self.temperature)
        return white_noise_amplitude(density) / conductance


class _as_chip_error:
    """Names the part whose device was asked for too much."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, ValueError):
            raise ChipError(f"{self.part}: {error}") from None
