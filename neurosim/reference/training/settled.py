"""Training with what dynamics come to rest on, solved instead of simulated; knows no time step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.errors import SpecError
from neurosim.learning.feedback import Decoders
from neurosim.learning.inversion import (
    InputRelaxation,
    NonlinearChain,
    OutputRelaxation,
    PairsAtOnce,
    PairsInTurn,
    Simulated,
)
from neurosim.learning.methods import METHODS, method_of
from neurosim.reference.circuit import circuit_decoder_update, solve_circuit
from neurosim.reference.circuit.assembly import assemble_circuit
from neurosim.reference.circuit.plasticity import settled_terms
from neurosim.reference.training.controlled import TOLERANCE, settle_loop
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Taught, Terms, leave_out


def settled_rule(shown: Shown) -> Taught:
    """The terms of the steady state of any method with dynamics: DFC-SS and what DFC tends to, DI, SLDI, DTP.

    A sample for which no steady state is found teaches nothing. Whether it is stable is not asked.

    Raises
    ------
    SpecError : the method has no dynamics.
    """
    inversion = type(method_of(shown.method.name).inversion)
    if inversion not in _SETTLERS:
        raise SpecError(
            f"{shown.method.name} has no dynamics that could settle",
            where="method.name",
            expected="one of " + ", ".join(name for name, m in METHODS.items() if m.dynamical),
            remedy="train it with its own rule",
        )
    return _SETTLERS[inversion](shown)


def _settle_circuit(shown: Shown) -> Taught:
    network, parameters, method = shown.network, shown.parameters, shown.method
    steady = solve_circuit(
        network,
        parameters,
        method,
        shown.inputs,
        shown.desired,
        loss=shown.loss,
        tolerance=TOLERANCE,
    )
    assembled = assemble_circuit(network, parameters, method)
    terms = Terms(post=tuple(settled_terms(assembled, steady.state, shown.pre)), pre=shown.pre)
    learns = isinstance(method_of(method.name).feedback, Decoders)
    return Taught(
        terms=leave_out(terms, steady.converged),
        settled=steady.converged,
        feedback=circuit_decoder_update(network, parameters, method, steady) if learns else None,
    )


_SETTLERS: dict[type[Any], Callable[[Shown], Taught]] = {
    Simulated: settle_loop,
    PairsInTurn: _settle_circuit,
    PairsAtOnce: _settle_circuit,
    NonlinearChain: _settle_circuit,
    OutputRelaxation: _settle_circuit,
    InputRelaxation: _settle_circuit,
}
