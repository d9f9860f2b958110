"""Which populations move in which step; knows no equation."""

from __future__ import annotations

from neurosim.learning.circuit import Circuit, Population
from neurosim.spec.protocol import Protocol


def windows_of(circuit: Circuit, protocol: Protocol) -> dict[str, range]:
    """The steps k of a presentation in which each population moves; in all others it is held.

    The learn phase is cut into `circuit.windows` equal parts; the steps that remain belong to the last.
    """
    return {p.name: _window(circuit, p, protocol) for p in circuit.populations}


def _window(circuit: Circuit, population: Population, protocol: Protocol) -> range:
    end = protocol.period
    if population.window is None:
        return range(protocol.settle_steps, end)
    width = protocol.learn_steps // circuit.windows
    opens = protocol.settle_steps + population.window * width
    return range(opens, end if population.window == circuit.windows - 1 else opens + width)
