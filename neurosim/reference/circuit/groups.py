"""In which order populations can be solved: those that depend on each other together; knows no equation."""

from __future__ import annotations

from neurosim.learning.circuit import Circuit


def solving_order(circuit: Circuit) -> tuple[tuple[str, ...], ...]:
    """Groups of populations that drive each other in a circle, every group after those that drive it.

    The pairs of dynamic inversion are one group each, and so are the targets of each layer; a loop around all
    layers is a single one.
    """
    drivers = {
        p.name: {d.signal.source for d in p.drives} & {q.name for q in circuit.populations}
        for p in circuit.populations
    }
    upstream = {name: _upstream(name, drivers) for name in drivers}
    groups = {
        tuple(other for other in drivers if other in upstream[name] and name in upstream[other])
        for name in drivers
    }
    # What a group depends on is a proper part of what depends on the group.
    return tuple(sorted(groups, key=lambda group: len(upstream[group[0]])))


def _upstream(name: str, drivers: dict[str, set[str]]) -> set[str]:
    """The population and all that drives it, directly or not."""
    found, new = set(), {name}
    while new:
        found |= new
        new = {source for known in new for source in drivers[known]} - found
    return found
