"""The papers' measures at the weights a run has reached, for its learning curves; decides nothing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.emulate import Weights
from neurosim.errors import DataError, SpecError
from neurosim.experiment.stability import loop_stability, parameters_of
from neurosim.io import Dataset
from neurosim.learning import method_of
from neurosim.reference.measures import measure_all, measure_units
from neurosim.result import Series
from neurosim.spec import Deviations, Spec

LARGEST_LOOP = 1500
"""States of the loop above which its eigenvalues are not computed along a run: the time grows with the cube."""


@attrs.define(kw_only=True, eq=False)
class Measured:
    """One row of measures for every time they were taken; a measure that is missing at one of them is NaN there."""

    rows: list[Mapping[str, float]] = attrs.field(factory=list)
    epochs: list[float] = attrs.field(factory=list)

    @classmethod
    def of(cls, curves: Mapping[str, Series]) -> Measured:
        """What the learning curves of a result say was measured."""
        if "measured_after" not in curves:
            return cls()
        taken = {name: s.values for name, s in curves.items() if s.axis == "measured_after"}
        epochs = curves["measured_after"].values
        bad = [name for name, values in taken.items() if values.shape != epochs.shape]
        if bad:
            raise DataError("has the wrong shape", where=f"/learning/{bad[0]}", expected=str(epochs.shape))
        rows: list[Mapping[str, float]] = [
            {name: float(values[i]) for name, values in taken.items()} for i in range(len(epochs))
        ]
        return cls(rows=rows, epochs=[float(epoch) for epoch in epochs])

    def add(self, epoch: int, row: Mapping[str, float]) -> None:
        """Those taken after so many epochs."""
        self.rows.append(row)
        self.epochs.append(float(epoch))

    def series(self) -> dict[str, Series]:
        """By measure, and `measured_after`, the epochs before each of them."""
        if not self.rows:
            return {}
        names = dict.fromkeys(name for row in self.rows for name in row)
        units = measure_units(names) | {"max_real_eigenvalue": "1/tau_u"}
        found = {name: np.array([row.get(name, np.nan) for row in self.rows]) for name in names}
        return {
            name: Series(values=values, axis="measured_after", unit=units.get(name, "1"))
            for name, values in found.items()
            if not np.isnan(values).all()
        } | {"measured_after": Series(values=np.array(self.epochs), axis="epochs before", unit="1")}


def measure(spec: Spec, weights: Weights, dataset: Dataset, deviations: Deviations) -> dict[str, float]:
    """Of the first `run.measure_samples` test samples, with the weights as the chip's devices have them.

    The angles are those of the ideal update at these weights; `max_real_eigenvalue` is the chip's own.
    """
    count = spec.run.measure_samples
    inputs = dataset.scale * dataset.test_inputs[:count].astype(float)
    desired = dataset.test_desired[:count]
    effective = attrs.evolve(
        weights,
        forward=_times(deviations.forward_gain, weights.forward),
        feedback=_times(deviations.feedback_gain, weights.feedback),
    )
    try:
        with warnings.catch_warnings():  # an average over samples none of which has a steady state
            warnings.simplefilter("ignore", RuntimeWarning)
            found = measure_all(
                spec.network, parameters_of(effective), spec.method, inputs, desired, spec.task.loss
            )
    except SpecError:  # weights for which the update does not exist, such as a layer become singular
        found = {}
    if method_of(spec.method.name).dynamical and _states(spec) <= LARGEST_LOOP:
        loop = loop_stability(spec, weights, inputs=inputs, desired=desired, deviations=deviations)
        found["max_real_eigenvalue"] = loop.max_real
    return found


def _times(
    gains: tuple[NDArray[np.float64], ...], stored: tuple[NDArray[np.float64], ...]
) -> tuple[NDArray[np.float64], ...]:
    return tuple(gain * matrix for gain, matrix in zip(gains, stored, strict=True))


def _states(spec: Spec) -> int:
    """About how many the loop has."""
    network = spec.network
    compartments = 1 + (network.tau_basal_ratio > 0) + (network.tau_apical_ratio > 0)
    return compartments * sum(network.layers[1:]) + network.layers[-1]
