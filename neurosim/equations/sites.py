"""Where noise enters a group: each site has random numbers of its own; knows no generator."""

from __future__ import annotations

SITES = {"xi_soma": 0, "xi_apical": 1, "xi_basal": 5, "xi_integrator": 3}
"""Of the noise terms in differential equations, by name. A site 2n and the next one after it are drawn together, for
little more than one costs: what is drawn in the same statements is numbered so."""
HOLD, HOLD_APICAL = 2, 63
"""Of the noise of sampling: the post-synaptic term, and the apical compartment before the night's noise is put in."""
_PLACES = {"soma": (4, 2), "basal": (5, 2), "apical": (42, 1), "integrator": (3, 1), "state": (3, 1)}
"""The first site of a state that noise wanders into, and how far it is to the next one: soma and basal compartment
move together."""
_TRAPS = 16
"""White noise, 15 relaxations, traps."""
CHANGE, CHANGE_TOO, FATE, READING = 20, 21, 22, 23
"""Of cells that store weights: what changes them, what time will make of them, and how they are read."""


def relaxation_site(place: str, k: int) -> int:
    """Of relaxation k."""
    first, stride = _PLACES[place]
    return first + stride * (1 + k)


def trap_site(place: str) -> int:
    """Of all traps of a unit, which differ by index."""
    first, stride = _PLACES[place]
    return first + stride * _TRAPS


def normal(site: int, index: str = "i") -> str:
    """A standard normal of this step as text, for statements that no differential equation holds."""
    return f"standard_normal(noise_key, {site}, t_in_timesteps, {index})"
