"""What a chip's converters make of samples on their way in and of outputs on their way out."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hardware_models import Chip
from hardware_models.converter import Converter
from neurosim.backend import Stimulus
from neurosim.errors import DataError

Array = NDArray[np.float64]


class Door:
    """The converters of one chip. Samples it has seen last are not converted again.

    The probabilities that a softmax is to give say which line is on, and need no converter; values do.
    """

    def __init__(self, chip: Chip, *, loss: str) -> None:
        self.chip = chip
        self._values = loss != "softmax_cross_entropy"
        self._last: tuple[Stimulus, Stimulus] | None = None

    @property
    def converters(self) -> tuple[Converter, Converter]:
        """Of inputs and of outputs."""
        return self.chip.input_converter, self.chip.output_converter

    def given(self, stimulus: Stimulus) -> Stimulus:
        """The stimulus as the chip's circuits see it; itself where there is no converter. Twice is as good as once.

        Raises
        ------
        DataError : inputs or desired outputs that the converter cannot give.
        """
        if not self.chip.input_converter.present:
            return stimulus
        if self._last is None or not _same(self._last[0], stimulus):
            self._last = stimulus, self._converted(stimulus)
        return attrs.evolve(self._last[1], order=stimulus.order)

    def read(self, outputs: Array) -> Array:
        """Outputs as whoever stands outside gets to know them, any shape."""
        return self.chip.output_converter.quantise(outputs)

    def _converted(self, stimulus: Stimulus) -> Stimulus:
        precision = np.float64 if stimulus.inputs.dtype == np.float64 else np.float32
        inputs = self._through("inputs", stimulus.scale * stimulus.inputs.astype(np.float64))
        return attrs.evolve(
            stimulus,
            inputs=inputs.astype(precision),
            scale=1.0,
            desired=self._through("desired outputs", stimulus.desired) if self._values else stimulus.desired,
        )

    def _through(self, what: str, values: NDArray[Any]) -> Array:
        converter = self.chip.input_converter
        margin = 0.5 * converter.step  # what it rounds to its largest code
        low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        if low < converter.least - margin or high > converter.full_scale + margin:
            raise DataError(
                f"{what} beyond the range of the chip's input converter",
                expected=f"{converter.least:g} to {converter.full_scale:g}",
                got=f"{low:g} to {high:g}",
                remedy="raise chip.input_converter.full_scale, set its signed, or scale the data",
            )
        return converter.quantise(values)


def _same(one: Stimulus, other: Stimulus) -> bool:
    return one.inputs is other.inputs and one.desired is other.desired and one.scale == other.scale
