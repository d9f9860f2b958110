"""The stability of a spec's loop: the reference finds the states, the analysis the spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.analysis.stability import largest_stable_step, spectrum, system_matrix
from neurosim.emulate import Storage, Weights, design_of
from neurosim.equations import deviations_of
from neurosim.errors import UnstableError
from neurosim.io import Dataset
from neurosim.learning import circuit_of, method_of
from neurosim.reference import Parameters, feedforward, phi_prime, solve_fixed_point
from neurosim.reference import target as nudged
from neurosim.reference.circuit import circuit_matrix, solve_circuit
from neurosim.reference.tensors import double
from neurosim.spec import DendriteDeviations, Deviations, Network, Spec, asleep


def least_leak(network: Network, chip: Deviations) -> float:
    """The least factor on the leak of a soma, or of a compartment with a time constant."""
    found = [layer.leak for layer in chip.layers]
    if network.tau_basal_ratio > 0:
        found += [layer.basal.leak for layer in chip.layers]
    if network.tau_apical_ratio > 0:
        found += [layer.apical.leak for layer in chip.layers]
    return min(float(leak.min()) for leak in found)


@attrs.frozen(kw_only=True, eq=False)
class Stability:
    """What the linearised loop says, over several samples."""

    max_real: float
    """Largest real part of an eigenvalue, 1/τ_u; negative: stable."""
    largest_step: float
    """Largest stable dt/τ_u; 0 where the loop itself is not stable."""
    per_sample: NDArray[np.float64]
    """The largest real part at each sample, (n_samples,)."""
    slowest_leak: float = 1.0
    """The least factor on the leak of a soma or a compartment that small changes meet."""


def stability_at(
    spec: Spec,
    weights: Weights,
    *,
    somas: list[NDArray[np.float64]],
    basals: list[NDArray[np.float64]] | None = None,
    apicals: list[NDArray[np.float64]] | None = None,
    errors: NDArray[np.float64] | None = None,
    deviations: Deviations | None = None,
) -> Stability:
    """Linearise about given somas, (n_samples, n_l) for each layer, activation units.

    basals, apicals, errors : the other compartments and e (n_samples, n_L), which count where couplings and the
        integrator's input saturate; None: 0.
    """
    network = spec.network
    chip = deviations or Deviations.ideal(network)
    silence = [np.zeros_like(soma) for soma in somas]
    reals, steps, leaks = [], [], []
    for sample in range(len(somas[0])):
        slopes = [
            layer.slope
            * phi_prime(name, double(layer.slope * soma[sample])).numpy()
            * (np.abs(soma[sample]) < layer.limit)  # what is at a rail passes nothing on
            for layer, name, soma in zip(chip.layers, network.activations, somas, strict=True)
        ]
        states = zip(somas, basals or silence, apicals or silence, strict=True)
        here = _linearised(chip, [tuple(values[sample] for values in layer) for layer in states])
        if errors is not None:
            integral = here.controller.integral * _slope(errors[sample], chip.controller.saturation)
            here = attrs.evolve(here, controller=attrs.evolve(here.controller, integral=integral))
        leaks.append(least_leak(network, here))
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = system_matrix(
                network,
                spec.method,
                forward=weights.forward,
                feedback=weights.feedback,
                slopes=slopes,
                deviations=here,
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
    return Stability(
        max_real=max(reals), largest_step=min(steps), per_sample=np.array(reals), slowest_leak=min(leaks)
    )


def _linearised(chip: Deviations, states: Sequence[tuple[NDArray[np.float64], ...]]) -> Deviations:
    """The chip with the gains that small changes about (v, v_ff, v_fb) of each layer meet."""
    layers = tuple(
        attrs.evolve(
            layer,
            leak=layer.leak * _slope(soma, layer.saturation),
            basal_gain=layer.basal_gain * _passed(basal, layer.basal) * _slope(basal, layer.saturation),
            apical_gain=layer.apical_gain * _passed(apical, layer.apical) * _slope(apical, layer.saturation),
            basal=_linear(layer.basal, basal),
            apical=_linear(layer.apical, apical),
        )
        for layer, (soma, basal, apical) in zip(chip.layers, states, strict=True)
    )
    return attrs.evolve(chip, layers=layers)


def _slope(values: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    return 1 - np.tanh(values / limit) ** 2 if np.isfinite(limit) else np.ones_like(values)


def _passed(values: NDArray[np.float64], part: DendriteDeviations) -> NDArray[np.bool_]:
    """Where a compartment is at no rail, and so passes small changes on."""
    return np.abs(values + part.offset) < part.limit * (1 - 1e-12)


def _linear(part: DendriteDeviations, values: NDArray[np.float64]) -> DendriteDeviations:
    leak = part.leak * _slope(values + part.offset, part.saturation)
    return attrs.evolve(part, leak=leak)


def loop_stability(
    spec: Spec, weights: Weights, *, inputs: ArrayLike, desired: ArrayLike, deviations: Deviations
) -> Stability:
    """Of a method's loop at the states it settles in, for inputs (n_samples, n_0) and desired outputs."""
    if has_circuit(spec):
        return _circuit_stability(spec, weights, inputs, desired, deviations)
    parameters = parameters_of(weights)
    rest = feedforward(spec.network, parameters, inputs, deviations=deviations).output
    target = nudged(spec.task.loss, rest, double(desired), spec.method.target_stepsize)
    steady = solve_fixed_point(spec.network, parameters, spec.method, inputs, target, deviations=deviations)
    return stability_at(
        spec,
        weights,
        somas=[soma.numpy() for soma in steady.soma],
        basals=[basal.numpy() for basal in steady.basal],
        apicals=[apical.numpy() for apical in steady.apical],
        errors=steady.error.numpy(),
        deviations=deviations,
    )


def has_circuit(spec: Spec) -> bool:
    """Whether the method runs beside the network instead of through its neurons."""
    return circuit_of(method_of(spec.method.name), spec.method, spec.network) is not None


def _circuit_stability(
    spec: Spec, weights: Weights, inputs: Any, desired: Any, deviations: Deviations
) -> Stability:
    parameters = parameters_of(weights)
    steady = solve_circuit(
        spec.network,
        parameters,
        spec.method,
        inputs,
        desired,
        loss=spec.task.loss,
        deviations=deviations,
    )
    reals, steps = [], []
    for sample in range(len(steady.output)):
        matrix = circuit_matrix(
            spec.network,
            parameters,
            spec.method,
            [soma[sample] for soma in steady.soma],
            {name: values[sample] for name, values in steady.populations.items()},
            deviations=deviations,
            without_conserved=True,  # what cannot move cannot run away
        ).numpy()
        if not np.isfinite(matrix).all():
            reals.append(float("inf"))
            steps.append(0.0)
            continue
        eigenvalues = spectrum(matrix) if matrix.size else np.array([-1.0 / spec.network.tau_soma_ratio])
        reals.append(float(eigenvalues.real.max()))
        steps.append(largest_stable_step(eigenvalues))
    return Stability(max_real=max(reals), largest_step=min(steps), per_sample=np.array(reals))


def parameters_of(weights: Weights) -> Parameters:
    """The same numbers for the reference."""
    return Parameters.from_arrays(forward=weights.forward, biases=weights.biases, feedback=weights.feedback)


def check_step(spec: Spec, stability: Stability, *, key: str = "run.dt_ratio") -> None:
    """Refuse a time step at which a loop that is stable by itself would blow up.

    Raises
    ------
    UnstableError : with the largest step that works.
    """
    # A loop that is unstable by itself has no largest step, but each of its lags has.
    largest = stability.largest_step if stability.max_real < 0 else 2 * _shortest_lag(spec)
    if spec.run.dt_ratio >= largest:
        raise UnstableError(
            "the time step is too large for the loop's spectrum",
            where=f"{spec.source or 'spec'}: {key}",
            expected=f"below {largest:.4g}",
            got=f"{spec.run.dt_ratio:g}",
            remedy=f"set {key} to {0.9 * largest:.2g}, or lower method.proportional_gain",
        )


def _shortest_lag(spec: Spec) -> float:
    """The smallest time constant of a neuron, τ_u."""
    network = spec.network
    lags = (network.tau_soma_ratio, network.tau_basal_ratio, network.tau_apical_ratio)
    return min(lag for lag in lags if lag > 0)


def check_steps(spec: Spec, weights: Weights, dataset: Dataset) -> None:
    """Refuse a time step that cannot work at the start, awake or asleep; UnstableError as `check_step`."""
    check_step(spec, initial_stability(spec, weights, dataset))
    if method_of(spec.method.name).sleeps:
        night = asleep(spec)
        stability = initial_stability(night, weights, dataset, sleeps=True)
        check_step(night, stability, key="method.sleep.dt_ratio")


def initial_stability(
    spec: Spec, weights: Weights, dataset: Dataset, *, samples: int = 4, sleeps: bool = False
) -> Stability:
    """The loop's stability at the start, on the first training samples, before anything is built.

    weights : as they are before they are written into the chip.
    """
    design = design_of(spec, sleeps=sleeps)
    storage = Storage.of(design)
    return loop_stability(
        spec,
        storage.held(storage.written(weights)),
        inputs=dataset.scale * dataset.train_inputs[:samples].astype(float),
        desired=dataset.train_desired[:samples],
        deviations=deviations_of(design),
    )
