"""Where noise takes the feedback weights of one sample on average: the linearised loop solved; draws no noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.functional import jacobian

from neurosim.learning.from_noise import check_learnable
from neurosim.reference.euler import Clock, State, advance, observe
from neurosim.reference.feedforward import run_forward
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Controller, Layer, assemble_controller, assemble_plant
from neurosim.reference.tensors import as_array, double, shaped
from neurosim.reference.wiring import Wiring
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

Array = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class ExpectedFeedback:
    """Q with −E[v_fb uᵀ]/σ² − β Q = 0."""

    feedback: tuple[Tensor, ...]
    """Q_l of layers 1..L, (n_l, n_L)."""
    residual: float
    """Largest entry of the expected update that is left."""
    iterations: int
    converged: bool


def expected_feedback(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    sample: Any,
    *,
    dt_ratio: float,
    steps: int | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 2000,
) -> ExpectedFeedback:
    """Where E[Q] comes to rest for one sample, τ_Q → ∞ and σ → 0 (Theorem 6 of Meulemans et al. 2021).

    Linearised about the sample's rest state the noisy loop is s ← M(Q) s + noise, and v_fb and u are rows of s.
    The root is followed from Q = 0, where the loop is stable, by damped steps along the expected update, each
    shortened until the loop stays stable and the update gets smaller.

    Parameters
    ----------
    network, method : as they are while asleep (`neurosim.spec.asleep`).
    parameters : only the shapes of their feedback are of effect.
    sample : r_0, (1, n_0).
    dt_ratio : Euler step over τ_u. The chain of steps is solved as it is, not its limit.
    steps : averages over so many steps after rest, as a sleep phase does; None: over the stationary state.

    Raises
    ------
    SpecError : the method does not learn its feedback from noise, or the apical compartment has no time constant.
    DataError : another shape.
    """
    loop = _LinearLoop.about(network, parameters, method, sample, dt_ratio=dt_ratio)
    beta = method.sleep.decay
    weights = np.zeros((loop.n_units, network.layers[-1]))
    update = -loop.correlation(weights, steps) - beta * weights
    # Near the root the update falls by β ΔQ at least, so that half a step of 1/β is a fair first guess.
    size = 0.5 / beta if beta > 0 else 1.0
    iterations = 0
    while np.abs(update).max() > tolerance and iterations < max_iterations:
        iterations += 1
        trial = weights + size * update
        after = -loop.correlation(trial, steps) - beta * trial
        if np.linalg.norm(after) < np.linalg.norm(update):  # false for NaN: not stable
            weights, update, size = trial, after, 1.3 * size
        else:
            size *= 0.5
    residual = float(np.abs(update).max())
    return ExpectedFeedback(
        feedback=tuple(torch.split(double(weights), list(network.layers[1:]))),
        residual=residual,
        iterations=iterations,
        converged=residual <= tolerance,
    )


def expected_update(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    sample: Any,
    *,
    dt_ratio: float,
    steps: int | None = None,
) -> tuple[Tensor, ...]:
    """−E[v_fb,l uᵀ]/σ² − β Q_l at the feedback weights there are, for σ → 0; (n_l, n_L) each.

    NaN where the stationary state is asked for and there is none. Arguments and errors: `expected_feedback`.
    """
    loop = _LinearLoop.about(network, parameters, method, sample, dt_ratio=dt_ratio)
    weights = as_array(torch.cat(list(parameters.feedback)))
    update = -loop.correlation(weights, steps) - method.sleep.decay * weights
    return tuple(torch.split(double(update), list(network.layers[1:])))


@attrs.frozen(kw_only=True, eq=False)
class _LinearLoop:
    """s ← (M + (h/τ_apical) E Q C) s + (√h/τ_apical) E ξ,  v_fb = Eᵀ s,  u = C s,  ξ standard normal, so σ = 1."""

    free: Array
    """M, the step with Q = 0, (size, size)."""
    control: Array
    """C, (n_L, size)."""
    apical: slice
    """Where v_fb stands in s."""
    share: float
    """h/τ_apical."""
    kick: float
    """√h/τ_apical."""

    @property
    def n_units(self) -> int:
        return self.apical.stop - self.apical.start

    @staticmethod
    def about(
        network: Network, parameters: Parameters, method: MethodSettings, sample: Any, *, dt_ratio: float
    ) -> _LinearLoop:
        feedback = check_learnable(network, method)
        parameters.check_feedback(feedback, network)
        inputs = shaped(sample, shape=(1, network.layers[0]), name="sample")
        step = _Step(
            plant=assemble_plant(network, parameters),
            wiring=Wiring(weights=tuple(torch.zeros_like(q) for q in parameters.feedback), relayed=False),
            controller=assemble_controller(network, method),
            clock=Clock.of(network, dt_ratio=dt_ratio),
            inputs=inputs,
        )
        rest = step.rest()
        n = sum(network.layers[1:])
        return _LinearLoop(
            free=as_array(jacobian(lambda s: step.take(s)[0], rest)),
            control=as_array(jacobian(lambda s: step.take(s)[1], rest)),
            apical=slice(2 * n, 3 * n),
            share=dt_ratio / network.tau_apical_ratio,
            kick=dt_ratio**0.5 / network.tau_apical_ratio,
        )

    def correlation(self, weights: Array, steps: int | None) -> Array:
        """E[v_fb uᵀ] for σ = 1, (Σ n_l, n_L)."""
        step = self.free.copy()
        step[self.apical] += self.share * weights @ self.control
        noise = np.zeros(len(step))
        noise[self.apical] = self.kick**2
        covariance = _stationary(step, noise) if steps is None else _average(step, noise, steps)
        return covariance[self.apical] @ self.control.T


@attrs.frozen(kw_only=True, eq=False)
class _Step:
    """The Euler step of the loop as a function of its state in one vector."""

    plant: Sequence[Layer]
    wiring: Wiring
    controller: Controller
    clock: Clock
    inputs: Tensor

    def rest(self) -> Tensor:
        """(soma, basal, apical, u_int, e_f) at the feedforward rest state."""
        rest = run_forward(self.plant, self.inputs)
        silent = [torch.zeros_like(v) for v in rest.soma]
        return torch.cat([*rest.soma, *rest.basal, *silent, silent[-1], silent[-1]], dim=1)[0]

    def take(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The state one step later, and u, when r_L* is the output at rest."""
        sizes = [len(layer.biases) for layer in self.plant]
        pieces = torch.split(vector[None], [*sizes, *sizes, *sizes, sizes[-1], sizes[-1]], dim=1)
        depth = len(sizes)
        state = State(
            soma=pieces[:depth],
            basal=pieces[depth : 2 * depth],
            apical=pieces[2 * depth : 3 * depth],
            integrator=pieces[-2],
            filtered=pieces[-1],
        )
        moment = observe(
            self.plant,
            self.wiring,
            self.controller,
            self.clock,
            state=state,
            inputs=self.inputs,
            target=run_forward(self.plant, self.inputs).output,
        )
        after = advance(self.plant, self.controller, self.clock, state=state, moment=moment, engaged=True)
        assert after.filtered is not None  # it was there before
        whole = [*after.soma, *after.basal, *after.apical, after.integrator, after.filtered]
        return torch.cat(whole, dim=1)[0], moment.output[0]


def _stationary(step: Array, noise: Array) -> Array:
    """P = M P Mᵀ + diag(noise); NaN where M is not stable."""
    if np.abs(np.linalg.eigvals(step)).max() >= 1:
        return np.full_like(step, np.nan)
    return scipy.linalg.solve_discrete_lyapunov(step, np.diag(noise))


def _average(step: Array, noise: Array, steps: int) -> Array:
    """The mean of P_k over k = 0..steps − 1, with P_0 = 0 and P_{k+1} = M P_k Mᵀ + diag(noise)."""
    covariance = np.zeros_like(step)
    total = np.zeros_like(step)
    for _ in range(steps):
        total += covariance
        covariance = step @ covariance @ step.T + np.diag(noise)
    return total / steps
