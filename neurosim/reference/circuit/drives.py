"""What drives a population at a state, and what others see of it; knows no time step."""

from __future__ import annotations

import torch
from torch import Tensor

from neurosim.learning.circuit import Signal
from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.circuit.assembly import OUTPUT, AssembledCircuit, CircuitState


def read(assembled: AssembledCircuit, signal: Signal, state: CircuitState) -> Tensor:
    """f(s), or f(s) ∘ dr_l/dv_l at the soma beside it, (B, n)."""
    value = phi(signal.activation, _source(signal, state))
    return value * _layer_slope(assembled, signal, state) if signal.slope else value


def read_slope(assembled: AssembledCircuit, signal: Signal, state: CircuitState) -> Tensor:
    """d signal/ds of `read`, (B, n); (1, n) where it is the same for all samples."""
    source = _source(signal, state)
    if signal.activation == "linear" and not signal.slope:
        return torch.ones_like(source[:1])
    slope = phi_prime(signal.activation, source)
    return slope * _layer_slope(assembled, signal, state) if signal.slope else slope


def push(assembled: AssembledCircuit, name: str, state: CircuitState) -> Tensor:
    """τ ds/dt = gain ∘ (Σ sign (M signal + b) + balance) − leak ∘ s + offset of one population, (B, n)."""
    cells = assembled.cells[name]
    total = driven(assembled, name, state)
    if name in state.balance:
        total = total + state.balance[name]
    return cells.gain * total - cells.leak * state.populations[name] + cells.offset


def driven(assembled: AssembledCircuit, name: str, state: CircuitState) -> Tensor:
    """Σ sign (M signal + b) of one population, (B, n)."""
    total = torch.zeros_like(state.populations[name])
    for drive in assembled.cells[name].population.drives:
        term = read(assembled, drive.signal, state)
        matrix = assembled.matrix(drive)
        if matrix is not None:
            term = term @ matrix.T
        if drive.bias:
            term = term + assembled.plant[drive.index - 1].biases
        total = total + drive.sign * term
    return total


def push_size(assembled: AssembledCircuit, name: str, state: CircuitState) -> Tensor:
    """The terms of `push`, each without its sign, added up, (B, n).

    A push below a rounding of it cannot be told from 0.
    """
    cells = assembled.cells[name]
    total = torch.zeros_like(state.populations[name])
    for drive in cells.population.drives:
        term = read(assembled, drive.signal, state).abs()
        matrix = assembled.matrix(drive)
        if matrix is not None:
            term = term @ matrix.abs().T
        if drive.bias:
            term = term + assembled.plant[drive.index - 1].biases.abs()
        total = total + term
    if name in state.balance:
        total = total + state.balance[name].abs()
    return cells.gain.abs() * total + (cells.leak * state.populations[name]).abs() + cells.offset.abs()


def _source(signal: Signal, state: CircuitState) -> Tensor:
    return state.output if signal.source == OUTPUT else state.populations[signal.source]


def _layer_slope(assembled: AssembledCircuit, signal: Signal, state: CircuitState) -> Tensor:
    position = assembled.position(signal.source)
    return assembled.plant[position].rate_slope(state.soma[position])
