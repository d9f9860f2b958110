"""From a task to its data: the table of loaders by name; knows no file format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from neurosim.errors import DataError, nearest
from neurosim.io.datasets.dataset import Dataset
from neurosim.io.datasets.digits import load_digits
from neurosim.io.datasets.image_sets import load_image_set
from neurosim.io.datasets.student_teacher import load_student_teacher
from neurosim.spec.task import Task

LOADERS: dict[str, Callable[[Task], Dataset]] = {
    "digits": load_digits,
    "student_teacher": load_student_teacher,
    "mnist": load_image_set,
    "fashion_mnist": load_image_set,
}
"""By name of the task; each gives all its samples, shuffled by `task.seed`."""


def load_dataset(task: Task) -> Dataset:
    """The data of a task: the first `train_samples` and `test_samples` after the seeded shuffle, or all.

    Raises
    ------
    DataError : the files are missing or damaged, or more samples are asked for than there are.
    """
    if task.name not in LOADERS:
        raise DataError(
            "unknown data set", where="task.name", got=task.name, remedy=nearest(task.name, LOADERS)
        )
    dataset = LOADERS[task.name](task)
    for part, wanted in (("train", task.train_samples), ("test", task.test_samples)):
        dataset = _first(dataset, part, wanted)
    return _reconstructing(dataset) if task.reconstruct else dataset


def _reconstructing(dataset: Dataset) -> Dataset:
    """The same inputs, wanted back; there is nothing left to classify."""
    return attrs.evolve(
        dataset,
        train_desired=dataset.scale * dataset.train_inputs.astype(np.float64),
        test_desired=dataset.scale * dataset.test_inputs.astype(np.float64),
        train_labels=None,
        test_labels=None,
        n_classes=None,
    )


def _first(dataset: Dataset, part: str, wanted: int) -> Dataset:
    there = len(getattr(dataset, f"{part}_inputs"))
    if wanted > there:
        raise DataError(
            "has fewer samples",
            where=f"task.{part}_samples of {dataset.name}",
            expected=f"at most {there}",
            got=str(wanted),
            remedy="0 takes all",
        )
    if wanted in (0, there):
        return dataset
    changes: dict[str, Any] = {}
    for kind in ("inputs", "desired", "labels"):
        values = getattr(dataset, f"{part}_{kind}")
        # A copy, so that the rest of the samples can be freed.
        changes[f"{part}_{kind}"] = None if values is None else values[:wanted].copy()
    return attrs.evolve(dataset, **changes)
