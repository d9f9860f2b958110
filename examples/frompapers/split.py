"""A data set cut into training, validation and test samples, as the network sees them; knows no paper."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SpecError
from neurosim.io.datasets import load_dataset
from neurosim.spec import Task


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """Samples as the network sees them."""

    inputs: NDArray[np.float64]
    """(N, n_0), scaled."""
    desired: NDArray[np.float64]
    """(N, n_L)."""
    labels: NDArray[np.int64] | None
    """(N,); None for a regression."""


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """Training, validation and test samples of a data set."""

    train: Part
    validation: Part
    test: Part


def load_split(task: Task, *, validation: int = 0) -> Split:
    """A data set whose last `validation` training samples are set apart, such as 5000 of MNIST's 60000.

    Raises
    ------
    DataError : the data are missing.
    SpecError : nothing would be left to train with.
    """
    data = load_dataset(task)
    total = len(data.train_inputs)
    if not 0 <= validation < total:
        raise SpecError(
            "no such split", where=task.name, expected=f"0 <= validation < {total}", got=str(validation)
        )
    cut = total - validation

    def part(which: str, wanted: slice) -> Part:
        inputs, labels = getattr(data, f"{which}_inputs"), getattr(data, f"{which}_labels")
        return Part(
            inputs=data.scale * inputs[wanted].astype(np.float64),
            desired=getattr(data, f"{which}_desired")[wanted],
            labels=None if labels is None else labels[wanted],
        )

    return Split(
        train=part("train", slice(0, cut)),
        validation=part("train", slice(cut, total)),
        test=part("test", slice(None)),
    )
