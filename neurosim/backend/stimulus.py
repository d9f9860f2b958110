"""What is shown to a chip: samples, what they should give, and in which order."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError

KINDS: dict[Any, int] = {np.dtype("float64"): 0, np.dtype("float32"): 1, np.dtype("uint8"): 2}
"""Types a stimulus may have, with the code the compiled program knows them by."""


@attrs.frozen(kw_only=True, eq=False)
class Stimulus:
    """Samples are shown as scale · inputs[order[p, c]] in column c of presentation p.

    Raises
    ------
    DataError : a shape, a type or an index that does not fit, or values that are not finite.
    """

    inputs: NDArray[Any]
    """(n_samples, n_inputs), float64, float32 or uint8."""
    desired: NDArray[np.float64]
    """(n_samples, n_outputs)."""
    order: NDArray[np.int32]
    """(n_presentations, n_columns), indices of samples."""
    scale: float = 1.0

    def __attrs_post_init__(self) -> None:
        for name, array, dims in (
            ("inputs", self.inputs, 2),
            ("desired", self.desired, 2),
            ("order", self.order, 2),
        ):
            if array.ndim != dims:
                raise DataError(
                    f"{name} has the wrong shape", expected="two dimensions", got=str(array.shape)
                )
        if self.inputs.dtype not in KINDS or self.desired.dtype != np.float64:
            raise DataError(
                "data of the wrong type",
                expected="inputs float64, float32 or uint8; desired float64",
                got=f"{self.inputs.dtype}, {self.desired.dtype}",
            )
        if len(self.inputs) != len(self.desired):
            raise DataError(
                "inputs and desired differ in length", got=f"{len(self.inputs)}, {len(self.desired)}"
            )
        if self.order.size and not (self.order.min() >= 0 and self.order.max() < len(self.inputs)):
            raise DataError("order points outside the samples", expected=f"0 to {len(self.inputs) - 1}")
        if not (np.isfinite(self.inputs).all() and np.isfinite(self.desired).all()):
            raise DataError("data holds values that are not finite", remedy="remove NaN and infinity")

    @property
    def n_presentations(self) -> int:
        """How many batches are shown."""
        return len(self.order)

    def shown(self, presentation: int) -> NDArray[np.float64]:
        """The inputs of one presentation as the network sees them, (n_columns, n_inputs)."""
        return self.scale * self.inputs[self.order[presentation]].astype(np.float64)
