"""Results shown to people and scripts: tables, JSON, one picture; knows no engine and computes no physics.

`draw_run` loads matplotlib when it is called, not before.
"""

from neurosim.report.measures import as_json, checks_as_json, final_numbers
from neurosim.report.picture import draw_run
from neurosim.report.tables import print_summary, print_verification, verification_table

__all__ = [
    "as_json",
    "checks_as_json",
    "draw_run",
    "final_numbers",
    "print_summary",
    "print_verification",
    "verification_table",
]
