"""In which order a data set is shown; knows no learner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.io import Dataset
from neurosim.spec import Spec
from neurosim.spec.streams import stream


def order_of(spec: Spec, dataset: Dataset, epoch: int, *, name: str = "order") -> NDArray[np.int32]:
    """All training samples once, (n_samples,), drawn from the spec's seed for each epoch and `name`."""
    drawn = stream(spec.run.seed, name, epoch).permutation(len(dataset.train_inputs))
    return drawn.astype(np.int32)
