"""Circuits that invert a network beside it, in torch: stepped, solved and linearised; knows no silicon."""

from neurosim.reference.circuit.matrix import circuit_matrix
from neurosim.reference.circuit.simulate import CircuitSimulation, simulate_circuit
from neurosim.reference.circuit.solve import CircuitSteadyState, solve_circuit
from neurosim.reference.circuit.update import circuit_decoder_update, circuit_update

__all__ = [
    "CircuitSimulation",
    "CircuitSteadyState",
    "circuit_decoder_update",
    "circuit_matrix",
    "circuit_update",
    "simulate_circuit",
    "solve_circuit",
]
