"""Explicit Euler as one loop with what belongs before and after it, and neurosim's own noise."""

from __future__ import annotations

import re
from typing import Any

from brian2.stateupdaters.base import StateUpdateMethod
from brian2.stateupdaters.explicit import euler

from neurosim.equations.sites import SITES


class EulerWithStatements(StateUpdateMethod):
    """Euler(–Maruyama) in which each `xi_…` draws from `standard_normal(noise_key, site, step, index)`."""

    def __init__(self, before: str, after: str, *, index: str) -> None:
        self.before = before
        self.after = after
        self.index = index

    def __call__(self, equations: Any, variables: Any = None, method_options: Any = None) -> str:
        integrate = re.sub(
            r"\b(xi_\w+) = (.*)\brandn\(\)",
            lambda m: (
                f"{m[1]} = {m[2]}standard_normal(noise_key, {SITES[m[1]]}, t_in_timesteps, {self.index})"
            ),
            euler(equations, variables, method_options),
        )
        return "\n".join(part for part in (self.before, integrate, self.after) if part)
