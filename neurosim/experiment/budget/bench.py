"""What is put on the bench: a network at some weights, a lot of chips, samples; measures nothing."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from hardware_models import Lot
from hardware_models.spreads import Spread
from neurosim.backend import Stimulus
from neurosim.emulate import Weights, design_of
from neurosim.emulate.door import Door
from neurosim.equations import designed_deviations, drawn_onto
from neurosim.errors import SpecError
from neurosim.experiment.budget.memory import Memories
from neurosim.experiment.budget.rows import ALL
from neurosim.io import Dataset
from neurosim.reference.settled_loop import KINDS
from neurosim.spec import Deviations, LayerDeviations, Spec
from neurosim.spec.streams import stream

Array = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class Bench:
    """What is put on the bench: one network at some weights, a lot of chips, and some samples."""

    spec: Spec
    memory: Memories
    """The weights that are meant for the chips, and what their cells make of them."""
    lot: Lot
    plain: Deviations
    """Of the chip without the imperfections of the budget, and without rails, saturation and droop."""
    stimulus: Stimulus
    active: Mapping[str, Spread]
    """Of devices and of memories."""

    @staticmethod
    def of(spec: Spec, dataset: Dataset, weights: Weights, samples: int, *, age: float = 0.0) -> Bench:
        """The chip of the spec, weights that are meant for it and written `age` seconds ago, and the first test
        samples."""
        design = design_of(spec, columns=samples)
        lot = Lot.of(design.chip, spec.network.tau_soma_ratio * design.chip.time_base)
        lot = lot if design.draw is not None else lot.only("none")
        active = {kind: lot.spreads[kind] for kind in KINDS if lot.spreads[kind] != Spread()}
        memory = Memories.of(design, weights, age=age)
        if design.draw is None and not memory.errors and not design.chip.noise:
            raise SpecError(
                "the chip has no imperfections to budget",
                where=f"{spec.source or 'spec'}: chip.name",
                got=design.chip.name,
                remedy='choose a chip with mismatch, such as chip.name = "subthreshold_180nm"',
            )
        if float(design.chip.process.correlation_length) > 0:
            raise SpecError(
                "a budget takes devices as independent",
                where=f"{spec.source or 'spec'}: chip.process.correlation_length",
                expected="0 um",
                got=str(design.chip.process.correlation_length),
            )
        designed = designed_deviations(design).without_droop()
        plain = attrs.evolve(
            designed,
            layers=tuple(_linear(layer) for layer in designed.layers),
            controller=attrs.evolve(
                designed.controller, saturation=np.inf, output_saturation=np.inf, limit=np.inf
            ),
        )
        count = min(samples, len(dataset.test_inputs))
        stimulus = Stimulus(
            inputs=dataset.test_inputs,
            desired=dataset.test_desired,
            order=np.resize(np.arange(count, dtype=np.int32), (1, samples)),
            scale=dataset.scale,
        )
        seen = Door(design.chip, loss=spec.task.loss).given(stimulus)
        return Bench(
            spec=spec,
            memory=memory,
            lot=lot,
            plain=plain,
            stimulus=seen,
            active={**active, **memory.spreads},
        )

    @property
    def samples(self) -> int:
        """B."""
        return int(self.stimulus.order.shape[1])

    @property
    def inputs(self) -> Array:
        """r_0, (B, n_0)."""
        return self.stimulus.shown(0)

    @property
    def desired(self) -> Array:
        """(B, n_L)."""
        return np.asarray(self.stimulus.desired[self.stimulus.order[0]], float)

    def designed(self, kind: str) -> Deviations:
        """With what all devices of a kind share, or of all kinds; none differs."""
        return self._drawn(self._lot(kind).undrawn(), 1)

    def chip(self, kind: str, seed: int) -> Deviations:
        """Chip `seed` of the lot with one kind of deviation, or all."""
        return self._drawn(self._lot(kind), seed)

    def _lot(self, kind: str) -> Lot:
        return self.lot if kind == ALL else self.lot.only(kind)

    def _drawn(self, lot: Lot, seed: int) -> Deviations:
        draw = lot.draw(
            self.spec.network.layers,
            lambda name: stream(seed, "chip", name),
            feedback=[gain.shape for gain in self.plain.feedback_gain],
        )
        return drawn_onto(self.plain, draw, volts=float(self.lot.chip.voltage_unit))


def _linear(layer: LayerDeviations) -> LayerDeviations:
    """Without saturation and rails."""
    basal, apical = (attrs.evolve(x, saturation=np.inf, limit=np.inf) for x in (layer.basal, layer.apical))
    return attrs.evolve(layer, basal=basal, apical=apical, saturation=np.inf, limit=np.inf)
