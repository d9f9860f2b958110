"""One chip out of the lot: what its devices differ by, drawn from what geometry and conditions say."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
from brian2 import Quantity, volt
from numpy.typing import NDArray

from hardware_models.coupling import OperatingPoint
from hardware_models.variability import draw_normals, neighbours_alike

if TYPE_CHECKING:
    from hardware_models.chip import Chip

Array = NDArray[np.float64]
Streams = Callable[[str], np.random.Generator]
"""Gives the random generator of a name."""


@attrs.frozen(kw_only=True, eq=False)
class LayerDraw:
    """What holds for the neurons of one layer, each (n_units,); without unit but for the offset."""

    leak: Array
    basal_gain: Array
    apical_gain: Array
    offset: Quantity
    """V."""
    slope: Array
    comparator_offset: Array
    drive: Array
    """Factor on the current into the basal compartment."""


@attrs.frozen(kw_only=True, eq=False)
class PopulationDraw:
    """What holds for a population of integrators beside the neurons, each (n_units,)."""

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
    integral: Array
    """Factor on what goes into the integrator."""
    gain_leak: Array
    """What the integrator's finite gain adds to α, in 1/τ_u."""
    error_offset: Array
    """All (n_L,), without unit."""
    populations: Mapping[str, PopulationDraw]


def differs(chip: Chip) -> bool:
    """Whether a chip is other than it was designed: mismatch, another temperature or corner, finite gains."""
    nominal = attrs.evolve(chip, temperature=type(chip)().temperature, corner="tt")
    finite = [np.isfinite(getattr(part.coupling, "gain", np.inf)) for part in (chip.soma, chip.controller)]
    return chip.mismatch or any(finite) or chip != nominal


def draw_chip(
    chip: Chip,
    sizes: Sequence[int],
    streams: Streams,
    *,
    tau_soma: Quantity,
    feedback: Sequence[tuple[int, int]] | None,
    populations: Mapping[str, tuple[int, bool]] | None,
) -> Draw | None:
    """As `Chip.draw`."""
    if not differs(chip):
        return None
    soma, controller = chip.soma_point(tau_soma), chip.controller_point()
    spread = chip.mirror_spread("synapse.mirror", chip.synapse.mirror)
    drawing = _Drawing(chip=chip, soma=soma, controller=controller, synapse=spread)
    outputs = sizes[-1]
    shapes = [(n, outputs) for n in sizes[1:]] if feedback is None else feedback
    return Draw(
        layers=tuple(drawing.layer(n, streams(f"layer_{l}")) for l, n in enumerate(sizes[1:], start=1)),
        forward_gain=tuple(
            drawing.gains((m, n), streams(f"forward_{l}"))
            for l, (n, m) in enumerate(itertools.pairwise(sizes), start=1)
        ),
        feedback_gain=tuple(
            drawing.gains(shape, streams(f"feedback_{position}"))
            for position, shape in enumerate(shapes, start=1)
        ),
        populations={
            name: drawing.population(n, integrator, streams(name))
            for name, (n, integrator) in (populations or {}).items()
        },
        **drawing.control(outputs, streams("controller")),
    )


@attrs.frozen(kw_only=True, eq=False)
class _Drawing:
    """Spreads that were worked out once, and draws from them."""

    chip: Chip
    soma: OperatingPoint
    controller: OperatingPoint
    synapse: float

    def normals(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Standard normals; drawn also without mismatch, so that a stream stays in step, and then 0."""
        drawn = draw_normals(shape, generator, alike=neighbours_alike(self.chip.process))
        return drawn if self.chip.mismatch else np.zeros_like(drawn)

    def gains(self, shape: tuple[int, int], generator: np.random.Generator) -> Array:
        """γ of an array of synapses, (n_post, n_pre)."""
        return np.exp(self.synapse * self.normals(shape, generator))

    def rate(self, n: int, part: OperatingPoint, generator: np.random.Generator) -> Array:
        """(g/C) over what was designed: temperature, corner, and the mismatch of the capacitors; (n,)."""
        conditions = self.chip.conditions
        capacitance = self.chip.soma.capacitance if part is self.soma else self.chip.controller.capacitance
        sigma = conditions.process.capacitor.spread(capacitance) / np.sqrt(2)  # one of a pair
        return part.factor / conditions.capacitance_factor * np.exp(-sigma * self.normals((n,), generator))

    def layer(self, n: int, generator: np.random.Generator) -> LayerDraw:
        """Neurons of one layer."""
        chip, soma = self.chip, self.soma
        gain = [np.exp(soma.gain_spread * self.normals((n,), generator)) for _ in range(3)]
        # of the leak's, basal and apical transconductor
        offset = float(soma.offset_spread) * np.sqrt(3) * self.normals((n,), generator)
        slope = np.exp(chip.soma.slope_spread * self.normals((n,), generator))
        mirror = chip.mirror_spread("comparator.mirror", chip.comparator.mirror)
        comparator = mirror * self.normals((n,), generator)
        basal = chip.dendrite_point("basal")
        drive = np.exp(basal.gain_spread * self.normals((n,), generator)) / basal.factor
        rate = self.rate(n, soma, generator)
        conditions = chip.conditions
        off = conditions.process.device(chip.soma.switch).off_current(
            chip.soma.switch, conditions.temperature
        )
        leaking = float(off / soma.conductance)
        return LayerDraw(
            leak=rate * gain[0] * (1 + 3 / soma.gain),
            basal_gain=rate * gain[1],
            apical_gain=rate * gain[2],
            offset=rate * (offset - leaking) * volt,
            slope=chip.warm_slope * slope,
            comparator_offset=comparator,
            drive=drive,
        )

    def population(self, n: int, integrator: bool, generator: np.random.Generator) -> PopulationDraw:
        """Its offsets are sampled while it is reset, as the controller's is: the same residue is left."""
        point = self.controller if integrator else self.soma
        leak = np.exp(point.gain_spread * self.normals((n,), generator))
        gain = np.exp(point.gain_spread * self.normals((n,), generator))
        # of the leak's and the input's transconductor
        spread = self.chip.controller.offset_residue * float(point.offset_spread) * np.sqrt(2)
        offset = spread * self.normals((n,), generator)
        rate = self.rate(n, point, generator)
        return PopulationDraw(leak=rate * leak, gain=rate * gain, offset=rate * offset * volt)

    def control(self, n: int, generator: np.random.Generator) -> dict[str, Array]:
        """The controller's integrators and proportional paths."""
        chip, point = self.chip, self.controller
        proportional = np.exp(point.gain_spread * self.normals((n,), generator))
        leak = np.exp(point.gain_spread * self.normals((n,), generator))
        offset = float(point.offset_spread) / float(chip.voltage_unit)
        error_offset = chip.controller.offset_residue * offset * self.normals((n,), generator)
        integral = np.exp(point.gain_spread * self.normals((n,), generator))
        rate = self.rate(n, point, generator)
        return {
            "proportional": proportional,
            "leak": rate * leak,
            "integral": rate * integral,
            "gain_leak": rate / point.gain,
            "error_offset": error_offset,
        }
