"""Local stability of the controlled network: the system's matrix, its spectrum, the step it allows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import SpecError
from neurosim.learning import FixedDirect, FixedRelayed, LearnedDirect, feedback_shapes, method_of
from neurosim.spec import ControllerDeviations, Deviations, MethodSettings, Network

Array = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class _State:
    """The parts of the state as linear maps of the whole of it, (n, size) each; layers 1..L."""

    soma: list[Array]
    basal: list[Array]
    """None of them where the compartment follows its drive at once; apical likewise."""
    apical: list[Array]
    integrator: Array
    """No rows for K_I = 0; filtered likewise for k_d = 0, output without an output stage."""
    filtered: Array
    output: Array


def system_matrix(
    network: Network,
    method: MethodSettings,
    *,
    forward: Sequence[Array],
    feedback: Sequence[Array],
    slopes: Sequence[ArrayLike],
    deviations: Deviations | None = None,
) -> Array:
    """A of d(state)/dt = A·state with time in τ_u; state = (v_1..v_L, basal_1.., apical_1.., u_int, e_f, u).

    basal and apical appear only where they have a time constant, u_int only for K_I > 0 (else it moves
    nothing), e_f only for k_d > 0, u only behind an output stage. For
    instantaneous compartments, an ideal chip and a PI controller this is
    [[−(I − Ĵ + k_p Q J_o)/τ, K_I Q/τ], [−J_o, −αI]] (facts of Meulemans et al. 2021, App. B).

    Parameters
    ----------
    forward : W_l (n_l, n_{l−1}), without device errors.
    feedback : Q_l (n_l, n_L), or R_l (n_l, n_{l+1}) and R_L where the method relays it, likewise.
    slopes : ∂r_l/∂v_l at the state to linearise about, (n_l,) each; device errors included.
    deviations : how the chip differs from the ideal one. Rails are taken as not reached, and couplings as
        linear: where they saturate, hand over the gains that small changes meet.

    Raises
    ------
    SpecError : the method has no controller of the neurons, or one without gain.
    """
    relayed, shapes = _check_method(network, method)
    chip = deviations or Deviations.ideal(network, feedback=shapes)
    state = _lay_out(network, method, staged=chip.controller.output_tau > 0)
    rate = [np.asarray(s, float)[:, None] * v for s, v in zip(slopes, state.soma, strict=True)]
    error = -rate[-1]
    demand = _controller_output(method, chip.controller, error, state)
    output = state.output if len(state.output) else demand
    gained = [gain * w for gain, w in zip(chip.forward_gain, forward, strict=True)]
    to_basal = [np.zeros_like(state.soma[0]), *(w @ r for w, r in zip(gained[1:], rate[:-1], strict=True))]
    returned = [gain * q for gain, q in zip(chip.feedback_gain, feedback, strict=True)]
    to_apical = _relay(returned, output, state.apical) if relayed else [q @ output for q in returned]
    rows = []
    basals = state.basal or [
        drive / layer.basal.leak[:, None] for layer, drive in zip(chip.layers, to_basal, strict=True)
    ]
    apicals = state.apical or [
        drive / layer.apical.leak[:, None] for layer, drive in zip(chip.layers, to_apical, strict=True)
    ]
    compartments = zip(basals, apicals, strict=True)
    for layer, soma, (basal, apical) in zip(chip.layers, state.soma, compartments, strict=True):
        flow = layer.basal_gain[:, None] * basal + layer.apical_gain[:, None] * apical
        rows.append((flow - layer.leak[:, None] * soma) / network.tau_soma_ratio)
    if state.basal:
        leaks = [layer.basal.leak for layer in chip.layers]
        rows += _compartments(network.tau_basal_ratio, leaks, to_basal, state.basal)
    if state.apical:
        leaks = [layer.apical.leak for layer in chip.layers]
        rows += _compartments(network.tau_apical_ratio, leaks, to_apical, state.apical)
    if len(state.integrator):
        leak = method.leak * chip.controller.leak + chip.controller.gain_leak
        rows.append(chip.controller.integral[:, None] * error - leak[:, None] * state.integrator)
    if len(state.filtered):
        rows.append((error - state.filtered) / method.derivative_filter_ratio)
    if len(state.output):
        rows.append((demand - state.output) / chip.controller.output_tau)
    return np.vstack(rows)


def _compartments(tau: float, leaks: list[Array], drives: list[Array], states: list[Array]) -> list[Array]:
    """Rows of compartments with a time constant."""
    return [
        (drive - leak[:, None] * state) / tau
        for leak, drive, state in zip(leaks, drives, states, strict=True)
    ]


def _check_method(network: Network, method: MethodSettings) -> tuple[bool, tuple[tuple[int, int], ...]]:
    """Whether feedback is relayed, and the shapes of its weights."""
    feedback = method_of(method.name).feedback
    if not isinstance(feedback, FixedDirect | LearnedDirect | FixedRelayed):
        raise SpecError(
            f"{method.name} has no feedback from a controller to the neurons",
            where="method.name",
            expected="DFC or a variant of it",
        )
    return isinstance(feedback, FixedRelayed), feedback_shapes(feedback, network.layers)


def _lay_out(network: Network, method: MethodSettings, *, staged: bool) -> _State:
    sizes, outputs = network.layers[1:], network.layers[-1]
    counts = [*sizes]
    counts += [*sizes] * (network.tau_basal_ratio > 0)
    counts += [*sizes] * (network.tau_apical_ratio > 0)
    counts += [outputs * (method.integral_gain > 0), outputs * (method.derivative_gain > 0), outputs * staged]
    whole = np.eye(sum(counts))
    edges = np.cumsum([0, *counts])
    parts = [whole[a:b] for a, b in pairwise(edges)]
    layers = iter(parts[:-3])
    return _State(
        soma=[next(layers) for _ in sizes],
        basal=[next(layers) for _ in sizes if network.tau_basal_ratio > 0],
        apical=[next(layers) for _ in sizes if network.tau_apical_ratio > 0],
        integrator=parts[-3],
        filtered=parts[-2],
        output=parts[-1],
    )


def _controller_output(
    method: MethodSettings, device: ControllerDeviations, error: Array, state: _State
) -> Array:
    """u = K_I u_int + k_p e + (k_d/τ_d)(e − e_f) as a map of the state, (n_L, size)."""
    output = method.proportional_gain * device.proportional[:, None] * error
    if len(state.integrator):
        output = output + method.integral_gain * state.integrator
    if len(state.filtered):
        output = output + method.derivative_gain / method.derivative_filter_ratio * (error - state.filtered)
    return output


def _relay(weights: Sequence[Array], output: Array, apical: Sequence[Array]) -> list[Array]:
    """R_L u, and R_l times the compartment above, or times its drive where it has no time constant."""
    drives = [weights[-1] @ output]
    for position in range(len(weights) - 2, -1, -1):
        drives.append(weights[position] @ (apical[position + 1] if apical else drives[-1]))
    return drives[::-1]


def spectrum(matrix: Array) -> NDArray[np.complex128]:
    """Its eigenvalues, in 1/τ_u."""
    return np.linalg.eigvals(matrix).astype(np.complex128)


def largest_stable_step(eigenvalues: ArrayLike) -> float:
    """The dt/τ_u below which explicit Euler is stable: min −2 Re μ/|μ|²; 0: the dynamics are not.

    |1 + h μ| < 1 for every eigenvalue μ.
    """
    mu = np.asarray(eigenvalues, complex)
    if (mu.real >= 0).any():
        return 0.0
    return float(np.min(-2 * mu.real / np.abs(mu) ** 2))
