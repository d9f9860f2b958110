"""Where noise enters a group: each site has random numbers of its own; knows no generator."""

from __future__ import annotations

SITES = {"xi_soma": 0, "xi_basal": 98, "xi_apical": 99, "xi_integrator": 64}
"""Of the noise terms in differential equations, by name. A site 2n and the next one after it are drawn together, for
little more than one costs: what is drawn in the same statements is numbered so."""
WHITE = SITES["xi_soma"]
"""Of a soma's white noise where it is drawn with what wanders: with the fastest relaxation of the apical
compartment."""
HOLD, HOLD_APICAL = 96, 97
"""Of the noise of sampling: the post-synaptic term, and the apical compartment before the night's noise is put in."""
_PLACES = {"apical": (1, 2), "soma": (32, 2), "basal": (33, 2), "integrator": (65, 1), "state": (65, 1)}
"""The site of the fastest relaxation of a state that noise wanders into, and how far it is to the next one: soma and
basal compartment move together."""
_TRAPS = 15
"""Relaxations at most; traps come after them."""
CHANGE, CHANGE_TOO, FATE, READING = 100, 101, 102, 103
"""Of cells that store weights: what changes them, what time will make of them, and how they are read."""


def relaxation_site(place: str, rank: int) -> int:
    """Of the relaxation before which `rank` are faster."""
    first, stride = _PLACES[place]
    return first + stride * rank


def trap_site(place: str) -> int:
    """Of all traps of a unit, which differ by index."""
    return relaxation_site(place, _TRAPS)


def normal(site: int, index: str = "i") -> str:
    """A standard normal of this step as text, for statements that no differential equation holds."""
    return f"standard_normal(noise_key, {site}, t_in_timesteps, {index})"
