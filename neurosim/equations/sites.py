"""Where noise enters a group: each site has random numbers of its own; knows no generator."""

from __future__ import annotations

SITES = {"xi_soma": 0, "xi_apical": 1}
"""Of the noise terms in differential equations, by name."""
HOLD = 2
"""Of the noise of sampling."""
CHANGE, CHANGE_TOO, FATE, READING = 20, 21, 22, 23
"""Of cells that store weights: what changes them, what time will make of them, and how they are read."""


def normal(site: int) -> str:
    """A standard normal of this step as text, for statements that no differential equation holds."""
    return f"standard_normal(noise_key, {site}, t_in_timesteps, i)"
