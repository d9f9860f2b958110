"""Where noise enters a group: each site has random numbers of its own; knows no generator."""

from __future__ import annotations

SITES = {"xi_soma": 0, "xi_apical": 1, "xi_basal": 23, "xi_integrator": 3}
"""Of the noise terms in differential equations, by name."""
HOLD, HOLD_APICAL = 2, 63
"""Of the noise of sampling: the post-synaptic term, and the apical compartment before the night's noise is put in."""
PLACES = {"soma": 3, "basal": 23, "apical": 43, "integrator": 3, "state": 3}
"""The first of twenty sites of a state that noise wanders into, by name: white, 15 relaxations, traps."""
RELAXATIONS = 1
"""Where those of relaxations begin among the twenty."""
TRAPS = 16
"""The one of all traps of a unit, which differ by index."""
CHANGE, CHANGE_TOO, FATE, READING = 20, 21, 22, 23
"""Of cells that store weights: what changes them, what time will make of them, and how they are read."""


def normal(site: int, index: str = "i") -> str:
    """A standard normal of this step as text, for statements that no differential equation holds."""
    return f"standard_normal(noise_key, {site}, t_in_timesteps, {index})"
