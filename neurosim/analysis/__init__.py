"""Measures on arrays and results; knows no engine."""

from neurosim.analysis.agreement import largest_difference, relative_difference
from neurosim.analysis.settling import settle_time
from neurosim.analysis.stability import largest_stable_step, system_matrix

__all__ = [
    "largest_difference",
    "largest_stable_step",
    "relative_difference",
    "settle_time",
    "system_matrix",
]
