"""The stability of a spec's loop: the reference finds the states, the analysis the spectrum."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.analysis.stability import largest_stable_step, spectrum, system_matrix
from neurosim.emulate import Weights, design_of
from neurosim.equations import deviations_of
from neurosim.errors import UnstableError
from neurosim.io import Dataset
from neurosim.reference import Parameters, feedforward, phi_prime, solve_fixed_point
from neurosim.reference import target as nudged
from neurosim.reference.tensors import double
from neurosim.spec import Deviations, Spec


@attrs.frozen(kw_only=True, eq=False)
class Stability:
    """What the linearised loop says, over several samples."""

    max_real: float
    """Largest real part of an eigenvalue, 1/τ_u; negative: stable."""
    largest_step: float
    """Largest stable dt/τ_u; 0 where the loop itself is not stable."""
    per_sample: NDArray[np.float64]
    """The largest real part at each sample, (n_samples,)."""


def stability_at(
    spec: Spec,
    weights: Weights,
    *,
    somas: list[NDArray[np.float64]],
    deviations: Deviations | None = None,
) -> Stability:
    """Linearise about given somas, (n_samples, n_l) for each layer, activation units."""
    network = spec.network
    chip = deviations or Deviations.ideal(network)
    reals, steps = [], []
    for sample in range(len(somas[0])):
        slopes = [
            layer.slope * phi_prime(name, double(layer.slope * soma[sample])).numpy()
            for layer, name, soma in zip(chip.layers, network.activations, somas, strict=True)
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = system_matrix(
                network,
                spec.method,
                forward=weights.forward,
                feedback=weights.feedback,
                slopes=slopes,
                deviations=chip,
            )
        if not np.isfinite(matrix).all():
            raise UnstableError(
                "the loop's equations hold numbers beyond all bounds",
                where=spec.source or "spec",
                remedy="lower network.initial_gain, or look at the spreads of the chip",
            )
        eigenvalues = spectrum(matrix)
        reals.append(float(eigenvalues.real.max()))
        steps.append(largest_stable_step(eigenvalues))
    return Stability(max_real=max(reals), largest_step=min(steps), per_sample=np.array(reals))


def steady_somas(
    spec: Spec, weights: Weights, *, inputs: ArrayLike, target: ArrayLike, deviations: Deviations
) -> list[NDArray[np.float64]]:
    """The controlled fixed points of samples, (n_samples, n_l) for each layer."""
    steady = solve_fixed_point(
        spec.network, parameters_of(weights), spec.method, inputs, target, deviations=deviations
    )
    return [soma.numpy() for soma in steady.soma]


def parameters_of(weights: Weights) -> Parameters:
    """The same numbers for the reference."""
    return Parameters.from_arrays(forward=weights.forward, biases=weights.biases, feedback=weights.feedback)


def check_step(spec: Spec, stability: Stability) -> None:
    """Refuse a time step at which a loop that is stable by itself would blow up.

    Raises
    ------
    UnstableError : with the largest step that works.
    """
    largest = stability.largest_step
    if stability.max_real < 0 and spec.run.dt_ratio >= largest:
        raise UnstableError(
            "the time step is too large for the loop's spectrum",
            where=f"{spec.source or 'spec'}: run.dt_ratio",
            expected=f"below {largest:.4g}",
            got=f"{spec.run.dt_ratio:g}",
            remedy=f"set run.dt_ratio to {0.9 * largest:.2g}, or lower method.proportional_gain",
        )


def initial_stability(spec: Spec, weights: Weights, dataset: Dataset, *, samples: int = 4) -> Stability:
    """The loop's stability at the start, on the first training samples, before anything is built."""
    design = design_of(spec)
    deviations = deviations_of(design.chip, design.draw, network=spec.network)
    inputs = dataset.scale * dataset.train_inputs[:samples].astype(float)
    rest = feedforward(spec.network, parameters_of(weights), inputs, deviations=deviations).output
    desired = double(dataset.train_desired[:samples])
    target = nudged(spec.task.loss, rest, desired, spec.method.target_stepsize)
    somas = steady_somas(spec, weights, inputs=inputs, target=target, deviations=deviations)
    return stability_at(spec, weights, somas=somas, deviations=deviations)
