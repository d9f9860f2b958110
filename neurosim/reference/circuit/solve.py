"""Where the populations of a circuit come to rest, solved to rounding; knows no time step and no windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.circuit.assembly import AssembledCircuit, CircuitState, assemble_circuit
from neurosim.reference.circuit.drives import push, push_size
from neurosim.reference.circuit.groups import solving_order
from neurosim.reference.circuit.jacobian import push_slope, reaches
from neurosim.reference.circuit.start import begin
from neurosim.reference.feedforward import run_forward
from neurosim.reference.newton import System, find_root
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

_LARGEST_BATCH = 2**24
"""Entries of the matrices that are solved at a time, 128 MiB. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class CircuitSteadyState:
    """The layers at rest without feedback, and the populations at rest beside them; B samples."""

    soma: tuple[Tensor, ...]
    """v_l of layers 1..L, (B, n_l)."""
    rate: tuple[Tensor, ...]
    """r_l, (B, n_l)."""
    output: Tensor
    """The signal "output": δ_L or τ_L, (B, n_L)."""
    populations: Mapping[str, Tensor]
    """s by name, (B, n). Not to be used where not converged."""
    residual: Tensor
    """Largest τ ds/dt that is left, (B,)."""
    converged: Tensor
    """Whether the residual is as good as 0, (B,) bool."""
    within_rails: Tensor
    """Whether no unit is beyond its limit, (B,) bool; where one is, the circuit rests elsewhere."""
    iterations: int
    """Newton steps of the slowest sample, added up over the groups."""

    @property
    def state(self) -> CircuitState:
        """What drives and synapses see."""
        return CircuitState(soma=self.soma, populations=self.populations, output=self.output)


def solve_circuit(
    network: Network,
    parameters: Parameters,
    settings: MethodSettings,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    deviations: Deviations | None = None,
    tolerance: float = 1e-13,
    max_iterations: int = 100,
) -> CircuitSteadyState:
    """0 = gain ∘ Σ drives − leak ∘ s + offset for all populations, the layers at rest; group after group.

    Newton's method from where the populations start; a linear circuit takes one step a group. Windows make no
    difference to where it ends. Rails are ignored, but whether they would be passed is reported.

    Not every circuit has one state at rest:
    - A population without leak whose drives span fewer dimensions than it has units, as the target below a
      smaller layer, rests anywhere on a plane. The dynamics conserve the other dimensions, so they stay as they
      start. A device's offset along them drifts for ever, and nothing converges.
    - Where the Jacobian is singular for another reason no state at rest is isolated, or there is none: a single
      loop without leak through a layer smaller than the output; a correction larger than the layer below.
      Such samples are marked as not converged, not raised.
    - A nonlinear circuit can rest in several states, and a simulation may settle on another one.

    Parameters
    ----------
    inputs, desired : (B, n_0), (B, n_L).
    tolerance : of τ ds/dt, relative to the largest sum of the absolute terms it is made of.

    Raises
    ------
    SpecError : the method has no circuit, or parameters or deviations do not fit.
    DataError : another array does not.
    """
    assembled = assemble_circuit(network, parameters, settings, deviations=deviations)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(desired, shape=(len(rates), network.layers[-1]), name="desired")
    activity = run_forward(assembled.plant, rates)
    state = begin(assembled, settings, soma=activity.soma, desired=wanted, loss=loss)
    iterations = 0
    for names in solving_order(assembled.circuit):
        state, steps = _settle(assembled, names, state, tolerance=tolerance, max_iterations=max_iterations)
        iterations += steps
    return _collect(assembled, state, activity.rate, tolerance=tolerance, iterations=iterations)


def _collect(
    assembled: AssembledCircuit,
    state: CircuitState,
    rate: tuple[Tensor, ...],
    *,
    tolerance: float,
    iterations: int,
) -> CircuitSteadyState:
    errors = [_error(assembled, names, state) for names in solving_order(assembled.circuit)]
    pushes = [push(assembled, name, state).abs().amax(1) for name in assembled.cells]
    beyond = [(state.populations[n].abs() > cells.limit).any(1) for n, cells in assembled.cells.items()]
    # Without populations there is nothing that could fail to rest.
    nothing = torch.zeros(len(state.output), dtype=torch.float64)
    return CircuitSteadyState(
        soma=state.soma,
        rate=rate,
        output=state.output,
        populations=state.populations,
        residual=torch.stack([nothing, *pushes]).amax(0),
        converged=torch.stack([nothing, *errors]).amax(0) <= tolerance,
        within_rails=~torch.stack([nothing > 0, *beyond]).any(0),
        iterations=iterations,
    )


def _settle(
    assembled: AssembledCircuit,
    names: Sequence[str],
    state: CircuitState,
    *,
    tolerance: float,
    max_iterations: int,
) -> tuple[CircuitState, int]:
    """The state with these populations at rest, and the Newton steps it took; a few samples at a time."""
    basis = reaches(assembled, names)
    at_once = max(1, _LARGEST_BATCH // sum(assembled.sizes(names)) ** 2)
    found, iterations = [], 0
    for few in torch.split(torch.arange(len(state.output)), at_once):
        part = _samples(state, few)
        start = torch.cat([part.populations[name] for name in names], dim=1)
        plane = _Plane(origin=start, basis=basis)
        system = _system(assembled, names, part, plane)
        root = find_root(
            system, plane.inward(torch.zeros_like(start)), tolerance=tolerance, max_iterations=max_iterations
        )
        found.append(plane.outward(root.point))
        iterations = max(iterations, root.iterations)
    return _replaced(assembled, names, state, torch.cat(found)), iterations


@attrs.frozen(kw_only=True, eq=False)
class _Plane:
    """s = s₀ + U z, with s (B, N), z (B, R)."""

    origin: Tensor
    """s₀."""
    basis: Tensor | None
    """U, orthonormal, (N, R); None: the identity."""

    def outward(self, point: Tensor) -> Tensor:
        return self.origin + (point if self.basis is None else point @ self.basis.T)

    def inward(self, vectors: Tensor) -> Tensor:
        return vectors if self.basis is None else vectors @ self.basis

    def inward_matrix(self, matrix: Tensor) -> Tensor:
        return matrix if self.basis is None else self.basis.T @ matrix @ self.basis


def _system(assembled: AssembledCircuit, names: Sequence[str], state: CircuitState, plane: _Plane) -> System:
    """z ↦ Uᵀ push(s₀ + U z)."""

    def at(point: Tensor) -> CircuitState:
        return _replaced(assembled, names, state, plane.outward(point))

    def value(point: Tensor) -> Tensor:
        here = at(point)
        return plane.inward(torch.cat([push(assembled, name, here) for name in names], dim=1))

    return System(
        value=value,
        slope=lambda point: plane.inward_matrix(push_slope(assembled, names, at(point))),
        error=lambda point: _error(assembled, names, at(point)),
    )


def _error(assembled: AssembledCircuit, names: Sequence[str], state: CircuitState) -> Tensor:
    """The largest push over the largest sum of its absolute terms, (B,); 0 where nothing drives."""
    pushes = torch.cat([push(assembled, name, state).abs() for name in names], dim=1).amax(1)
    sizes = torch.cat([push_size(assembled, name, state) for name in names], dim=1).amax(1)
    return torch.where(sizes == 0, 0.0, pushes / torch.where(sizes == 0, 1.0, sizes))


def _replaced(
    assembled: AssembledCircuit, names: Sequence[str], state: CircuitState, values: Tensor
) -> CircuitState:
    parts = torch.split(values, assembled.sizes(names), dim=1)
    return attrs.evolve(state, populations={**state.populations, **dict(zip(names, parts, strict=True))})


def _samples(state: CircuitState, few: Tensor) -> CircuitState:
    return CircuitState(
        soma=tuple(v[few] for v in state.soma),
        populations={name: value[few] for name, value in state.populations.items()},
        output=state.output[few],
        balance={name: value[few] for name, value in state.balance.items()},
    )
