"""The 1797 handwritten digits (8×8) that come with scikit-learn; knows no other data."""

from __future__ import annotations

import numpy as np

from neurosim.io.datasets.dataset import Dataset, one_hot
from neurosim.spec.streams import stream
from neurosim.spec.task import Task

TEST_SAMPLES = 360
"""A fifth of the 1797 digits; 1437 stay for training (chosen)."""
BRIGHTEST = 16
"""Largest pixel value of these images."""
N_CLASSES = 10


def load_digits(task: Task) -> Dataset:
    """1437 + 360 digits as uint8 0 … 16, scale 1/16; split by class with `task.seed`, both parts shuffled.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998, through
    `sklearn.datasets.load_digits`, which ships them.
    """
    # Imported when used: sklearn takes about a second.
    from sklearn.datasets import load_digits as sklearn_digits
    from sklearn.model_selection import train_test_split

    images, labels = sklearn_digits(return_X_y=True)
    inputs, labels = images.astype(np.uint8), labels.astype(np.int64)
    # sklearn takes seeds up to 2^32 − 1; ours may be any whole number.
    seed = int(stream(task.seed, "digits: split").integers(2**32))
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SAMPLES, stratify=labels, random_state=seed
    )
    return Dataset(
        name="digits",
        train_inputs=inputs[train],
        train_desired=one_hot(labels[train], N_CLASSES),
        test_inputs=inputs[test],
        test_desired=one_hot(labels[test], N_CLASSES),
        train_labels=labels[train],
        test_labels=labels[test],
        scale=1 / BRIGHTEST,
        n_classes=N_CLASSES,
    )
