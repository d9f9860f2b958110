"""What a data set is, checked when it is made; knows no file and no source of data."""

from __future__ import annotations

from typing import Any, NoReturn

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError


@attrs.frozen(kw_only=True, eq=False)
class Dataset:
    """Samples to learn from and samples to test with; the network sees `scale * inputs`.

    Raises
    ------
    DataError : an array has the wrong shape or type, is empty, or holds a number that is not finite.
    """

    name: str
    """Name of the task, for messages."""
    train_inputs: NDArray[Any]
    """(n_train, n_in), uint8 or float64, unscaled so that images stay small."""
    train_desired: NDArray[np.float64]
    """(n_train, n_out): one-hot labels, or the target of a regression."""
    test_inputs: NDArray[Any]
    """(n_test, n_in), of the type of train_inputs."""
    test_desired: NDArray[np.float64]
    """(n_test, n_out)."""
    train_labels: NDArray[np.int64] | None = None
    """(n_train,), 0 … n_classes − 1; None for a regression."""
    test_labels: NDArray[np.int64] | None = None
    """(n_test,)."""
    scale: float = 1.0
    """Factor from a stored number to what the network sees: 1/255 for MNIST."""
    n_classes: int | None = None
    """Number of classes; None for a regression."""

    def __attrs_post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale > 0):
            self._refuse("scale", "a finite number > 0", repr(self.scale))
        for part in ("train", "test"):
            self._check_part(part)
        for kind in ("inputs", "desired"):
            train, test = getattr(self, f"train_{kind}"), getattr(self, f"test_{kind}")
            if train.shape[1] != test.shape[1] or train.dtype != test.dtype:
                self._refuse(f"test_{kind}", f"columns {_describe(train)}", f"columns {_describe(test)}")

    @property
    def n_inputs(self) -> int:
        """n_in, numbers in a sample."""
        return int(self.train_inputs.shape[1])

    @property
    def n_outputs(self) -> int:
        """n_out, numbers in a target."""
        return int(self.train_desired.shape[1])

    def _check_part(self, part: str) -> None:
        inputs = getattr(self, f"{part}_inputs")
        self._check_table(f"{part}_inputs", inputs, (np.uint8, np.float64))
        desired = getattr(self, f"{part}_desired")
        self._check_table(f"{part}_desired", desired, (np.float64,))
        if len(desired) != len(inputs):
            self._refuse(
                f"{part}_desired", f"{len(inputs)} rows, as {part}_inputs has", f"{len(desired)} rows"
            )
        labels = getattr(self, f"{part}_labels")
        if (labels is None) != (self.n_classes is None):
            self._refuse(f"{part}_labels", "labels and n_classes, or neither", "only one of them")
        if labels is not None:
            self._check_labels(f"{part}_labels", labels, len(inputs))

    def _check_table(self, what: str, table: NDArray[Any], types: tuple[Any, ...]) -> None:
        expected = "an array (n_samples, n) of " + " or ".join(np.dtype(t).name for t in types)
        if (
            not isinstance(table, np.ndarray)
            or table.ndim != 2
            or table.dtype not in types
            or 0 in table.shape
        ):
            self._refuse(what, expected + ", not empty", _describe(table))
        if table.dtype == np.float64 and not np.isfinite(table).all():
            row, column = np.argwhere(~np.isfinite(table))[0]
            self._refuse(what, "finite numbers", f"{table[row, column]} in row {row}, column {column}")

    def _check_labels(self, what: str, labels: NDArray[Any], n_samples: int) -> None:
        if (
            not isinstance(labels, np.ndarray)
            or labels.shape != (n_samples,)
            or labels.dtype.kind not in "iu"
        ):
            self._refuse(what, f"whole numbers ({n_samples},)", _describe(labels))
        least, most = int(labels.min()), int(labels.max())
        if least < 0 or most >= (self.n_classes or 0):
            self._refuse(what, f"0 … n_classes − 1, n_classes = {self.n_classes}", f"{least} … {most}")

    def _refuse(self, what: str, expected: str, got: str) -> NoReturn:
        raise DataError(
            f"bad {what}",
            where=self.name,
            expected=expected,
            got=got,
            remedy="look at the source of these data",
        )


def one_hot(labels: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Labels (n,) as targets (n, n_classes): 1 at the label, 0 elsewhere.

    Raises
    ------
    DataError : a label is not one of 0 … n_classes − 1.
    """
    if labels.size and (labels.min() < 0 or labels.max() >= n_classes):
        raise DataError(
            "a label is out of range",
            where="labels",
            expected=f"0 … {n_classes - 1}",
            got=f"{labels.min()} … {labels.max()}",
        )
    return np.eye(n_classes)[labels]


def _describe(table: Any) -> str:
    if isinstance(table, np.ndarray):
        return f"{table.shape} of {table.dtype}"
    return f"a {type(table).__name__}"
