"""Local stability of the controlled network: the system's matrix, its spectrum, the step it allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.spec import Deviations, MethodSettings, Network

Array = NDArray[np.float64]


def system_matrix(
    network: Network,
    method: MethodSettings,
    *,
    forward: Sequence[Array],
    feedback: Sequence[Array],
    slopes: Sequence[ArrayLike],
    deviations: Deviations | None = None,
) -> Array:
    """A of d(state)/dt = A·state with time in τ_u; state = (v_1..v_L, basal_1.., apical_1.., u_int).

    basal and apical appear only where they have a time constant. For instantaneous compartments and an ideal
    chip this is [[−(I − Ĵ + k_p Q J_o)/τ, Q/τ], [−J_o, −αI]] (facts of Meulemans et al. 2021, App. B).

    Parameters
    ----------
    forward, feedback : W_l (n_l, n_{l−1}) and Q_l (n_l, n_L), without device errors.
    slopes : ∂r_l/∂v_l at the state to linearise about, (n_l,) each; device errors included.
    deviations : how the chip differs from the ideal one. Rails are taken as not reached.
    """
    chip = deviations or Deviations.ideal(network)
    sizes = network.layers[1:]
    depth, n = len(sizes), sum(sizes)
    outputs = sizes[-1]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    tau_v, tau_b, tau_a = network.tau_soma_ratio, network.tau_basal_ratio, network.tau_apical_ratio
    rates = [np.asarray(s, float) for s in slopes]

    # inputs of the compartments as linear maps of (v, u_int)
    to_basal = np.zeros((n, n))
    for l in range(1, depth):
        rows, cols = slice(offsets[l], offsets[l + 1]), slice(offsets[l - 1], offsets[l])
        to_basal[rows, cols] = chip.forward_gain[l] * forward[l] * rates[l - 1]
    q = np.vstack([gain * matrix for gain, matrix in zip(chip.feedback_gain, feedback, strict=True)])
    read_out = np.zeros((outputs, n))
    read_out[:, offsets[-2] :] = np.diag(rates[-1])
    proportional = method.proportional_gain * chip.controller.proportional
    from_soma, from_integrator = -q @ (proportional[:, None] * read_out), q

    leak = np.concatenate([layer.leak for layer in chip.layers])
    gain_b = np.concatenate([layer.basal_gain for layer in chip.layers])[:, None]
    gain_a = np.concatenate([layer.apical_gain for layer in chip.layers])[:, None]
    n_basal, n_apical = n * (tau_b > 0), n * (tau_a > 0)
    b, a, u = n, n + n_basal, n + n_basal + n_apical
    matrix = np.zeros((u + outputs, u + outputs))
    matrix[:n, :n] = -np.diag(leak) / tau_v
    if n_basal:
        matrix[:n, b:a] = np.diag(gain_b[:, 0]) / tau_v
        matrix[b:a, :n], matrix[b:a, b:a] = to_basal / tau_b, -np.eye(n) / tau_b
    else:
        matrix[:n, :n] += gain_b * to_basal / tau_v
    if n_apical:
        matrix[:n, a:u] = np.diag(gain_a[:, 0]) / tau_v
        matrix[a:u, :n], matrix[a:u, a:u] = from_soma / tau_a, -np.eye(n) / tau_a
        matrix[a:u, u:] = from_integrator / tau_a
    else:
        matrix[:n, :n] += gain_a * from_soma / tau_v
        matrix[:n, u:] = gain_a * from_integrator / tau_v
    matrix[u:, :n] = -read_out
    matrix[u:, u:] = -method.leak * np.diag(chip.controller.leak)
    return matrix


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
