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
from hardware_models.spreads import Spread, spreads_of
from hardware_models.variability import draw_normals, neighbours_alike

if TYPE_CHECKING:
    from hardware_models.chip import Chip

Array = NDArray[np.float64]
Streams = Callable[[str], np.random.Generator]
"""Gives the random generator of a name."""


@attrs.frozen(kw_only=True, eq=False)
class DendriteDraw:
    """What holds for one compartment of the neurons of a layer, each (n_units,)."""

    leak: Array
    """Factor on its conductance."""
    offset: Quantity
    """V."""


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
    basal: DendriteDraw
    apical: DendriteDraw


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
    output_offset: Array
    """In activation units. All (n_L,), without unit."""
    populations: Mapping[str, PopulationDraw]


@attrs.frozen(kw_only=True, eq=False)
class Lot:
    """All chips of one design: spreads that were worked out once, and draws from them."""

    chip: Chip
    soma: OperatingPoint
    controller: OperatingPoint
    spreads: Mapping[str, Spread]
    moving: bool = True
    """Whether temperature, corner and capacitors move time constants."""

    @staticmethod
    def of(chip: Chip, tau_soma: Quantity, *, apical: bool = True) -> Lot:
        """The lot of a chip whose somata have a time constant; ChipError as `Chip.draw`, `apical` as `spreads_of`."""
        return Lot(
            chip=chip,
            soma=chip.soma_point(tau_soma),
            controller=chip.controller_point(),
            spreads=spreads_of(chip, tau_soma, apical=apical),
        )

    def only(self, kind: str) -> Lot:
        """The same chips with one kind of deviation alone, device by device as large as with all."""
        alone = {name: spread if name == kind else Spread() for name, spread in self.spreads.items()}
        return attrs.evolve(self, spreads=alone, moving=False)

    def undrawn(self) -> Lot:
        """The chips with what all devices share, and nothing that differs."""
        same = {name: attrs.evolve(spread, sigma=0.0) for name, spread in self.spreads.items()}
        return attrs.evolve(self, spreads=same, moving=False)

    def draw(
        self,
        sizes: Sequence[int],
        streams: Streams,
        *,
        feedback: Sequence[tuple[int, int]] | None = None,
        populations: Mapping[str, tuple[int, bool]] | None = None,
    ) -> Draw:
        """One chip; arguments as `Chip.draw`."""
        outputs = sizes[-1]
        shapes = [(n, outputs) for n in sizes[1:]] if feedback is None else feedback
        return Draw(
            layers=tuple(self._layer(n, streams(f"layer_{l}")) for l, n in enumerate(sizes[1:], start=1)),
            forward_gain=tuple(
                self._synapses("forward_gain", (m, n), streams(f"forward_{l}"))
                for l, (n, m) in enumerate(itertools.pairwise(sizes), start=1)
            ),
            feedback_gain=tuple(
                self._synapses("feedback_gain", shape, streams(f"feedback_{position}"))
                for position, shape in enumerate(shapes, start=1)
            ),
            populations={
                name: self._population(n, integrator, streams(name))
                for name, (n, integrator) in (populations or {}).items()
            },
            **self._control(outputs, streams("controller")),
        )

    def _normals(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Standard normals of one block."""
        return draw_normals(shape, generator, alike=neighbours_alike(self.chip.process))

    def _factor(self, name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """(1 + shift) exp(σ z)."""
        spread = self.spreads[name]
        return (1 + spread.shift) * np.exp(spread.sigma * self._normals(shape, generator))

    def _synapses(self, name: str, shape: tuple[int, int], generator: np.random.Generator) -> Array:
        """Mirrors, and what the lines leave of them."""
        with self.chip.cited("synapse"):
            return self._factor(name, shape, generator) * self.chip.synapse.line_factor(shape)

    def _term(self, name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """shift + σ z."""
        spread = self.spreads[name]
        return spread.shift + spread.sigma * self._normals(shape, generator)

    def _rate(self, n: int, part: OperatingPoint, generator: np.random.Generator) -> Array:
        """(g/C) over what was designed: temperature, corner, and the mismatch of the capacitors; (n,)."""
        chip = self.chip
        drawn = self._normals((n,), generator)
        if not self.moving:
            return np.ones(n)
        conditions = chip.conditions
        capacitance = chip.soma.capacitance if part is self.soma else chip.controller.capacitance
        sigma = conditions.process.capacitor.spread(capacitance) / np.sqrt(2)  # one of a pair
        return part.factor / conditions.capacitance_factor * np.exp(-sigma * chip.mismatch * drawn)

    def _layer(self, n: int, generator: np.random.Generator) -> LayerDraw:
        """Neurons of one layer."""
        factors = {
            name: self._factor(name, (n,), generator)
            for name in ("leak", "basal_gain", "apical_gain", "slope", "basal_leak")
        }
        offset = self._term("offset", (n,), generator)
        comparator = self._term("comparator_offset", (n,), generator)
        rate = self._rate(n, self.soma, generator)
        factors["apical_leak"] = self._factor("apical_leak", (n,), generator)
        dendrites = {
            name: DendriteDraw(
                leak=factors[f"{name}_leak"],
                offset=self._term(f"{name}_offset", (n,), generator) * self.chip.voltage_unit,
            )
            for name in ("basal", "apical")
        }
        return LayerDraw(
            leak=rate * factors["leak"],
            basal_gain=rate * factors["basal_gain"],
            apical_gain=rate * factors["apical_gain"],
            offset=rate * offset * self.chip.voltage_unit,
            slope=factors["slope"],
            comparator_offset=comparator,
            **dendrites,
        )

    def _population(self, n: int, integrator: bool, generator: np.random.Generator) -> PopulationDraw:
        """Its offsets are sampled while it is reset, as the controller's is: the same residue is left."""
        point = self.controller if integrator else self.soma
        name = "integral" if integrator else "basal_gain"
        leak = self._factor(name, (n,), generator)
        gain = self._factor(name, (n,), generator)
        # of the leak's and the input's transconductor
        spread = self.chip.controller.offset_residue * float(point.offset_of(2))
        offset = spread * self.chip.mismatch * self._normals((n,), generator)
        rate = self._rate(n, point, generator)
        return PopulationDraw(leak=rate * leak, gain=rate * gain, offset=rate * offset * volt)

    def _control(self, n: int, generator: np.random.Generator) -> dict[str, Array]:
        """The controller's integrators and proportional paths."""
        proportional = self._factor("proportional", (n,), generator)
        leak = self._factor("controller_leak", (n,), generator)
        error_offset = self._term("error_offset", (n,), generator)
        integral = self._factor("integral", (n,), generator)
        rate = self._rate(n, self.controller, generator)
        output_offset = self._term("output_offset", (n,), generator)
        return {
            "proportional": proportional,
            "leak": rate * leak,
            "integral": rate * integral,
            "gain_leak": rate * self.spreads["gain_leak"].shift,
            "error_offset": error_offset,
            "output_offset": output_offset,
        }
