"""The error budget: what each imperfection of a chip does to the settled learning signals, in closed form and by
emulating chips with that imperfection alone and with all of them."""

from neurosim.experiment.budget.error_budget import error_budget
from neurosim.experiment.budget.noise import NOISES
from neurosim.experiment.budget.rows import ALL, NOISE, TOTALS, UPDATE, Budget, Row, as_result, budget_numbers

__all__ = [
    "ALL",
    "NOISE",
    "NOISES",
    "TOTALS",
    "UPDATE",
    "Budget",
    "Row",
    "as_result",
    "budget_numbers",
    "error_budget",
]
